// Exploration by entropy, without a memory: a bonus for completions that were unlikely under the policy that drew them.
//
//   R_surprisal(o) = -1/|o| sum_t log p(o_t)          mean surprisal, nats a token
//
// Because E[grad log p] = 0, grad H = -E[log p grad log p]: rewarding surprisal is the score-function form of the entropy
// bonus of Williams and Peng (1991, "Function optimization using connectionist reinforcement learning algorithms"),
// which A3C (Mnih et al., arXiv 1602.01783, section 4) adds to its objective as beta grad H.
// Deviations: the whole completion's mean instead of each state's entropy; p is the sampling distribution (after
// temperature, top-k and top-p); and the value goes through eq. 6 of Memory-R+ with the weight, warm-up and annealing of
// its explore bonus, so that the exploring arms differ in what they measure alone.

import type { Arm, Completion } from "../contract.ts";
import { RangedBonus } from "./ranged_bonus.ts";

/** Mean surprisal of a completion's tokens, nats; null for none. */
export function surprisal({ probabilities }: Pick<Completion, "probabilities">): number | null {
  if (probabilities.length === 0) return null;
  let sum = 0;
  for (const probability of probabilities) sum -= Math.log(probability);
  return sum / probabilities.length + 0; // + 0: no negative zero
}

/** GRPO with a bonus for unlikely completions. */
export const exploreEntropy: Arm = {
  name: "explore-entropy",
  summary: "exploration only: a bonus for completions that were unlikely (policy entropy)",
  trains: true,
  overrides: {},
  shaper: ({ config }) => {
    const bonus = new RangedBonus("surprisal", "novelty", config.memory);
    return {
      shape: (context) =>
        Promise.resolve(context.groups.map(({ completions }) => [bonus.shape(context, completions.map(surprisal))])),
      save: () => bonus.save(),
      load: (sections) => Promise.resolve(bonus.load(sections)),
    };
  },
};
