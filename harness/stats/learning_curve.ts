// Learning curves: how good after how much (updates, or tokens of training), and how soon. Every run is a list of
// points with rising x; between points it is a straight line, and nothing is assumed beyond the last one.

import type { Estimate } from "./estimate.ts";
import { twoWay, twoWayInterval } from "./two_way.ts";
import { wilson } from "./wilson.ts";

/** An evaluation on the way. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** How soon runs reach a level. */
export interface Reach {
  /** Of each run; null: not within its curve. */
  readonly x: readonly (number | null)[];
  /** Share of runs that reach it. */
  readonly reached: Estimate;
  /** The x by which half of all runs are there, those that never are counted as last; null: fewer than half are. */
  readonly median: number | null;
}

/** Mean over the runs with a Student band, at each x that all runs have. */
export function learningCurve(
  runs: readonly (readonly Point[])[],
  level = 0.95,
): { readonly x: number; readonly y: Estimate }[] {
  const heights = runs.map((run) => new Map(checked(run).map(({ x, y }) => [x, y])));
  return (runs[0] ?? []).flatMap(({ x }) => {
    const there = heights.flatMap((at) => at.get(x) ?? []);
    if (there.length < runs.length) return [];
    return [{ x, y: twoWayInterval(twoWay(there.map((y) => Float64Array.of(y))), level) }];
  });
}

/** Mean height over the x of the curve: its area by trapezoids, divided by its length. null with fewer than two points. */
export function areaUnderCurve(run: readonly Point[]): number | null {
  const first = checked(run)[0], last = run.at(-1);
  if (first === undefined || last === undefined || first === last) return null;
  const area = run.slice(1).reduce((sum, { x, y }, i) => sum + (x - run[i]!.x) * (y + run[i]!.y) / 2, 0);
  return area / (last.x - first.x);
}

/** The x at which a run is first at `target` or above; null: never. */
export function firstReach(run: readonly Point[], target: number): number | null {
  const at = checked(run).findIndex(({ y }) => y >= target);
  if (at < 0) return null;
  const { x, y } = run[at]!, before = run[at - 1];
  return before === undefined ? x : before.x + (x - before.x) * (target - before.y) / (y - before.y);
}

/** How soon the runs are first at `target` or above. @throws RangeError without a run */
export function reach(runs: readonly (readonly Point[])[], target: number, level = 0.95): Reach {
  const x = runs.map((run) => firstReach(run, target));
  const there = x.filter((each) => each !== null).sort((a, b) => a - b);
  return {
    x,
    reached: wilson(there.length, runs.length, level),
    median: there[Math.ceil(runs.length / 2) - 1] ?? null,
  };
}

function checked(run: readonly Point[]): readonly Point[] {
  for (const [i, { x, y }] of run.entries()) {
    if (!Number.isFinite(x) || !Number.isFinite(y) || (i > 0 && x <= run[i - 1]!.x)) {
      throw new RangeError(`Cannot read a curve: point ${i} is (${x}, ${y}) … x must rise and both be finite`);
    }
  }
  return run;
}
