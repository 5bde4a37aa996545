// Performance profile: the share of scores above each threshold (Dolan and More 2002; score distributions of Agarwal et
// al. 2021, section 4.2). One profile lies above another everywhere, or the arms cross and no single number tells. Here a
// run's score is its mean over items, an item's its mean over runs: single answers are 0 or 1 and have no profile. The
// bands are Wilson's, point by point, where rliable bootstraps the runs: of other runs for the first, of other items with
// these runs for the second.

import type { Estimate } from "./estimate.ts";
import { runMeans } from "./scores.ts";
import { wilson } from "./wilson.ts";

/** A threshold and the shares above it. */
export interface ProfilePoint {
  readonly threshold: number;
  /** Share of runs whose mean is above it. */
  readonly runs: Estimate;
  /** Share of items whose mean over the runs is above it. */
  readonly items: Estimate;
}

/** @throws RangeError for a table that is empty, ragged or not finite, or a threshold that is NaN */
export function performanceProfile(
  values: readonly Float64Array[],
  thresholds: readonly number[],
  level = 0.95,
): ProfilePoint[] {
  const byRun = runMeans(values);
  const columns = Array.from(values[0] ?? [], (_, item) => Float64Array.from(values, (row) => row[item] ?? NaN));
  const byItem = runMeans(columns);
  return thresholds.map((threshold) => {
    if (Number.isNaN(threshold)) {
      throw new RangeError("Cannot make a profile: a threshold is NaN … it must be a number");
    }
    const above = (means: readonly number[]) =>
      wilson(means.filter((mean) => mean > threshold).length, means.length, level);
    return { threshold, runs: above(byRun), items: above(byItem) };
  });
}
