// What steps report over time, for drawing: the mean over an arm's seeds, thinned to a number of points that the eye can
// follow. A point is the mean of neighbouring updates, so that nothing between two points is lost.

import type { StepRecord } from "../contract.ts";
import type { CellResults } from "../records/results.ts";

/** No line has more points. */
const POINTS = 60;

/** One number of a step; null where the step does not have it. */
export type Reading = (step: StepRecord) => number | null;

/** A line over updates. */
export interface Series {
  /** Middle of the updates that a point is the mean of. */
  readonly updates: readonly number[];
  readonly values: readonly number[];
}

/**
 * The mean over the cells that kept their steps, as far as all of them go.
 * @returns null where no step has the number
 */
export function seriesOf(cells: readonly CellResults[], reading: Reading): Series | null {
  const runs = cells.flatMap(({ steps }) => steps && steps.length > 0 ? [steps] : []);
  const length = Math.min(...runs.map((run) => run.length));
  if (runs.length === 0) return null;
  const width = pointWidth(length), updates: number[] = [], values: number[] = [];
  for (let from = 0; from < length; from += width) {
    const to = Math.min(from + width, length);
    const read = runs.flatMap((run) => run.slice(from, to).map(reading).filter((value) => value !== null));
    if (read.length === 0) continue;
    updates.push((from + 1 + to) / 2);
    values.push(rounded(read.reduce((sum, value) => sum + value, 0) / read.length));
  }
  return values.length === 0 ? null : { updates, values };
}

/** Updates to a point of a series of so many updates. */
export function pointWidth(updates: number): number {
  return Math.ceil(updates / POINTS);
}

/** Five digits that count: more than a screen shows, and a page half the size. */
export function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
