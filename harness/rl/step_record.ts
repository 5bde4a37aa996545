// What is reported of an update, from what it was made of.

import type { Bonus, Moments, RewardShaper, StepRecord, Task } from "../contract.ts";
import { type GroupRewards, hasVariance } from "./advantage.ts";
import { diversity } from "./diversity.ts";
import { type DrawnStep, hasMixedCorrectness, tokensOf } from "./draw_step.ts";
import type { UpdateReport } from "./learner.ts";

/** An update that has been done. */
export interface DoneStep {
  readonly task: Task;
  readonly shaper: RewardShaper | null;
  readonly drawn: DrawnStep;
  /** [groups][bonuses] */
  readonly bonuses: readonly (readonly Bonus[])[];
  readonly rewards: readonly GroupRewards[];
  /** One for each optimizer step on the batch. */
  readonly reports: readonly UpdateReport[];
  /** Updates done, this one included. */
  readonly step: number;
  readonly learningRate: number;
  readonly seconds: { readonly rollout: number; readonly update: number };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => values.length > 0 ? sum(values) / values.length : 0;

function moments(values: readonly number[]): Moments {
  const center = mean(values);
  return { mean: center, std: Math.sqrt(mean(values.map((value) => (value - center) ** 2))) };
}

export function stepRecord(done: DoneStep): StepRecord {
  const { task, shaper, drawn: { groups, discarded }, bonuses, rewards, reports, step, learningRate, seconds } = done;
  const grades = groups.flatMap((group) => group.grades), draws = groups.flatMap((group) => group.draws);
  const first = reports[0]!, last = reports.at(-1)!;
  const trained = tokensOf(groups);
  const tokens = {
    prompt: trained.prompt + discarded.prompt,
    completion: trained.completion + discarded.completion,
  };
  const share = (flags: readonly boolean[]) => mean(flags.map((flag) => flag ? 1 : 0));
  return {
    step,
    rewards: {
      ...Object.fromEntries(task.rewards.map((name, i) => [name, moments(grades.map((grade) => grade.rewards[i]!))])),
      ...bonusMoments(bonuses),
      total: moments(rewards.flatMap(({ totals }) => totals)),
    },
    zeroVarianceTotal: share(rewards.map(({ totals }) => !hasVariance(totals))),
    zeroVarianceCorrectness: share(groups.map((group) => !hasMixedCorrectness(group))),
    loss: first.loss,
    entropy: first.entropy,
    kl: first.kl,
    clipShare: last.clipShare,
    gradientNorm: first.gradientNorm,
    learningRate,
    completionLength: mean(draws.map((draw) => draw.tokens.length)),
    truncatedShare: share(draws.map((draw) => draw.truncated)),
    samplerTrainerGap: first.samplerTrainerGap,
    ...diversity(groups.map((group) => group.draws.map((draw) => draw.tokens))),
    gauges: shaper?.gauges?.() ?? {},
    tokens,
    discarded,
    timing: {
      rolloutSeconds: seconds.rollout,
      updateSeconds: seconds.update,
      rolloutTokensPerSecond: tokens.completion / seconds.rollout,
      updateTokensPerSecond: (trained.completion + trained.prompt) / seconds.update,
    },
  };
}

/** Moments of each bonus as it counts, and of what was measured for it. */
function bonusMoments(bonuses: readonly (readonly Bonus[])[]): Record<string, Moments> {
  const names = bonuses[0]?.map(({ name }) => name) ?? [];
  return Object.fromEntries(names.flatMap((name, i) => [
    [name, moments(bonuses.flatMap((group) => group[i]!.values))],
    [`${name}.raw`, moments(bonuses.flatMap((group) => group[i]!.raw.filter((value) => value !== null)))],
  ]));
}
