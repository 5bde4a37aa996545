// Probability of improvement: how likely a run of one arm beats a run of the other, P(A > B) + P(A = B) / 2, over all
// pairs of runs (Mann and Whitney's statistic; Agarwal et al. 2021). The interval is Newcombe's method 5 ("Confidence
// intervals for an effect size measure based on the Mann-Whitney statistic", Statistics in Medicine 25, 2006), where
// rliable bootstraps: the bootstrap of arms that do not overlap has no width, however few the runs. It takes the arms
// as independent; runs that share seeds make it a little wide. It says how often, never by how much.

import { normalQuantile } from "./distributions.ts";
import type { Estimate } from "./estimate.ts";

/**
 * Probability that a run of `a` beats a run of `b`, from one score a run.
 * @throws RangeError for an arm without runs, or a score that is not finite
 */
export function probabilityOfImprovement(a: readonly number[], b: readonly number[], level = 0.95): Estimate {
  for (const [side, runs] of [["a", a], ["b", b]] as const) {
    if (runs.length === 0 || !runs.every(Number.isFinite)) {
      throw new RangeError(
        `Cannot compare runs: ${side} has ${runs.length === 0 ? "none" : "a score that is not a finite number"}`,
      );
    }
  }
  let wins = 0;
  for (const x of a) for (const y of b) wins += x > y ? 1 : x === y ? 0.5 : 0;
  const value = wins / (a.length * b.length);
  const z = normalQuantile((1 + level) / 2);
  const half = (a.length + b.length) / 2;
  /** Variance of the statistic if the probability is p, after Hanley and McNeil with both arms as large as `half`. */
  const variance = (p: number) =>
    (p * (1 - p) * (2 * half - 1 - (3 * half - 3) / ((2 - p) * (1 + p)))) / (a.length * b.length);
  const covers = (p: number) => (p - value) ** 2 <= z * z * variance(p);
  const few = Math.min(a.length, b.length);
  return {
    value,
    lower: value === 0 ? 0 : edge(0, value, covers),
    upper: value === 1 ? 1 : edge(1, value, covers),
    level,
    method: "Mann-Whitney, Newcombe's method 5",
    note: few === 1 ? "one seed" : null,
  };
}

/** Where `covers` changes between a point outside and one inside. */
function edge(outside: number, inside: number, covers: (p: number) => boolean): number {
  for (let i = 0; i < 60; i++) {
    const middle = (outside + inside) / 2;
    if (covers(middle)) inside = middle;
    else outside = middle;
  }
  return inside;
}
