// Group-relative advantages: how much better a completion did than the others on the same question.
//
//   std            (r - mean) / (std + epsilon)   GRPO (arXiv 2402.03300, eq. 3.2.1.1) as TRL 0.14 computes it:
//                                                 torch's std, i.e. the sample's, with G - 1 in the denominator
//   mean           r - mean                       Dr. GRPO (arXiv 2503.20783)
//   leave-one-out  r - mean of the other rewards  RLOO (arXiv 2402.14740)
//   decoupled      each reward by std on its own, added up, then centred and scaled over the batch
//                                                 GDPO (arXiv 2601.05242), all weights 1
//
// A group without variance teaches nothing, and its advantages are exactly zero. Rounding must not hide that: rewards
// that were summed in another order may differ in the last bits, and std mode would blow this up to +-1.

import { FailureError } from "../base/errors.ts";
import type { Config } from "../config.ts";

/** Rewards of a group count as equal when no two are farther apart: far above rounding, far below any reward. */
const tolerance = 1e-9;

/** Whether the rewards of a group [G] differ by more than rounding. @throws FailureError if one is not finite. */
export function hasVariance(rewards: readonly number[]): boolean {
  for (const [i, reward] of rewards.entries()) {
    if (!Number.isFinite(reward)) {
      throw new FailureError(
        `Cannot compare rewards: completion ${i + 1} of ${rewards.length} has reward ${reward}, must be finite; ` +
          "correct the task's grader or the arm's reward shaper",
      );
    }
  }
  return rewards.length > 0 && Math.max(...rewards) - Math.min(...rewards) > tolerance;
}

/**
 * Advantages [G] of one group's rewards [G]; all zero where the group has no variance.
 * @param epsilon added to the standard deviation in mode "std"
 * @throws FailureError if a reward is not finite
 */
export function advantages(
  rewards: readonly number[],
  mode: Exclude<Config["rl"]["advantage"], "decoupled">,
  epsilon: number,
): Float64Array {
  const size = rewards.length;
  if (!hasVariance(rewards)) return new Float64Array(size);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / size;
  const centred = Float64Array.from(rewards, (reward) => reward - mean); // [G]
  switch (mode) {
    case "std": {
      const std = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0) / (size - 1));
      return centred.map((value) => value / (std + epsilon));
    }
    case "mean":
      return centred;
    case "leave-one-out": // r - (sum - r) / (G - 1) = (r - mean) G / (G - 1)
      return centred.map((value) => value * (size / (size - 1)));
  }
}

/** A group's rewards: each part [G], weighted, and their total [G]. */
export interface GroupRewards {
  readonly parts: readonly (readonly number[])[];
  readonly totals: readonly number[];
}

/**
 * Advantages of a batch of groups, [groups][G]; all zero in a group where nothing has variance.
 * @param epsilon added to a standard deviation before dividing
 * @throws FailureError if a reward is not finite
 */
export function batchAdvantages(
  groups: readonly GroupRewards[],
  mode: Config["rl"]["advantage"],
  epsilon: number,
): Float64Array[] {
  if (mode !== "decoupled") return groups.map(({ totals }) => advantages(totals, mode, epsilon));
  const sums = groups.map(({ parts, totals }) => {
    const sum = new Float64Array(totals.length);
    for (const part of parts) advantages(part, "std", epsilon).forEach((value, i) => sum[i]! += value);
    return sum;
  });
  const all = Float64Array.from(sums.flatMap((sum) => [...sum])), scaled = advantages([...all], "std", epsilon);
  let at = 0;
  return sums.map((sum) => scaled.slice(at, at += sum.length));
}
