import { throws } from "node:assert/strict";
import { bestOfN } from "../../harness/stats/best_of_n.ts";
import { near } from "./near.ts";

/** All ways to choose n of the values. */
function subsets<T>(values: readonly T[], n: number): T[][] {
  if (n === 0) return [[]];
  return values.flatMap((value, i) => subsets(values.slice(i + 1), n - 1).map((rest) => [value, ...rest]));
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

Deno.test("bestOfN() is the mean over all n-subsets of whether the best is right, equal scores by lot", () => {
  const cases: [number, number][][] = [
    [[0.3, 1], [0.1, 0], [0.2, 1], [0.5, 0]],
    [[1, 1], [1, 0], [0, 1], [1, 0], [0, 0]],
    [[0, 1], [0, 0], [0, 0]],
    [[-2, 0], [-1, 1], [-1, 1], [-3, 0], [-2, 1], [-2, 0]],
    [[7, 1]],
  ];
  for (const completions of cases) {
    for (let n = 1; n <= completions.length; n++) {
      const naive = mean(
        subsets(completions, n).map((some) => {
          const most = Math.max(...some.map(([score]) => score));
          return mean(some.filter(([score]) => score === most).map(([, right]) => right));
        }),
      );
      near(bestOfN(completions.map(([score]) => score), completions.map(([, right]) => right), n), naive);
    }
  }
});

Deno.test("bestOfN() of all completions takes the one with the highest score, of one any", () => {
  const scores = [-0.5, -0.1, -0.9, -0.7], right = [0, 1, 1, 0];
  near(bestOfN(scores, right, 4), 1);
  near(bestOfN(scores, right, 1), 0.5);
  near(bestOfN(scores, [1, 0, 0, 1], 4), 0);
  // The best of two is the second in 3 of 6 pairs, the first in 2, the fourth in 1.
  near(bestOfN(scores, right, 2), 3 / 6);
});

Deno.test("bestOfN() refuses lists that do not fit, a score that is not finite, and an n that they cannot give", () => {
  for (const [scores, right, n] of [[[1], [1, 0], 1], [[NaN], [1], 1], [[1], [1], 2], [[1], [1], 0], [[], [], 1]]) {
    throws(() => bestOfN(scores as number[], right as number[], n as number), /Cannot choose the best of/);
  }
});
