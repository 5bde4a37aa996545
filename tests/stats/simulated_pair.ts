// Scores of two arms from a known population, to see whether intervals hold what they promise. An answer is right where
//   arm + seed of the arm + question + question of the arm + chance > 0,
// all normal, chance with variance 1: the mean over all seeds and questions is known exactly, and runs, items and what is
// between them vary as scores do. Some seeds of an arm may collapse. The scenarios' figures were fitted to the variance
// components of real runs (arms on the embedded policies, 8 seeds x 512 questions).

import type { Prng } from "../../harness/base/prng.ts";
import { normalCdf } from "../../harness/stats/distributions.ts";

/** A population of seeds and questions under two arms. Standard deviations; chance has 1. */
export interface Scenario {
  readonly name: string;
  readonly a: number;
  readonly b: number;
  readonly run: number;
  readonly item: number;
  /** A question's liking for an arm. */
  readonly itemOfArm: number;
  /** Share of b's seeds whose policy collapses: hardly an answer is right. */
  readonly collapses: number;
}

/** What a collapse takes from a policy. */
const fall = 6;

export const scenarios: readonly Scenario[] = [
  { name: "warm policy, 11 points", a: 9.42, b: 5.71, run: 0.44, item: 12, itemOfArm: 0.18, collapses: 0 },
  { name: "warm policy, no effect", a: 5.71, b: 5.71, run: 0.44, item: 12, itemOfArm: 0.18, collapses: 0 },
  { name: "seeds hardly vary", a: 5.71, b: 5.71, run: 0.05, item: 12, itemOfArm: 1, collapses: 0 },
  { name: "cold policy, 21 points", a: 2.74, b: 1.03, run: 1.35, item: 0.55, itemOfArm: 0.1, collapses: 0 },
  { name: "one seed in 8 collapses", a: 2.74, b: 2.74, run: 0.3, item: 0.55, itemOfArm: 0.1, collapses: 1 / 8 },
];

/** Mean score of both arms over all seeds and questions. */
export function truthOf({ a, b, run, item, itemOfArm, collapses }: Scenario): { a: number; b: number } {
  const spread = Math.sqrt(run ** 2 + item ** 2 + itemOfArm ** 2 + 1);
  const share = (mean: number) => normalCdf(mean / spread);
  return { a: share(a), b: (1 - collapses) * share(b) + collapses * share(b - fall) };
}

/** Scores of some seeds on some questions, [runs][items] an arm. */
export function simulatedPair(
  scenario: Scenario,
  runs: number,
  items: number,
  prng: Prng,
): { a: Float64Array[]; b: Float64Array[] } {
  const { run, item, itemOfArm, collapses } = scenario;
  const questions = Float64Array.from({ length: items }, () => item * prng.normal());
  const scores = (mean: number, share: number) => {
    const liking = questions.map((value) => mean + value + itemOfArm * prng.normal());
    return Array.from({ length: runs }, () => {
      const seed = run * prng.normal() - (prng.uniform() < share ? fall : 0);
      return liking.map((value) => value + seed + prng.normal() > 0 ? 1 : 0);
    });
  };
  return { a: scores(scenario.a, 0), b: scores(scenario.b, collapses) };
}
