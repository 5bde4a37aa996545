// Bootstrap intervals of any statistic of a table of scores: percentile, or BCa (Efron, "Better Bootstrap Confidence
// Intervals", JASA 82, 1987; several samples: Davison and Hinkley 1997, section 5.3.2) where it applies. What is drawn
// anew says what the interval speaks of: other seeds, other items, or both, crossed. `stratified` is rliable's: each
// item draws its own runs, for tables whose columns are tasks that were trained apart; for questions that one trained
// policy answers it would take seeds as independent from question to question, which they are not.
//
// With few seeds all of these cover too little, because draws from three seeds vary less than seeds do (measured in
// tests/peers/coverage.ts); the two-way interval is the tool's own, and these say so.

import { flat, mean } from "./aggregates.ts";
import { bootstrapMeans, type Resampled, type ResampleOptions } from "./bootstrap_means.ts";
import { normalCdf, normalQuantile } from "./distributions.ts";
import type { Estimate } from "./estimate.ts";
import { Resampler } from "./resampler.ts";

/** One number for a table [runs][items]. */
export type Statistic = (values: readonly Float64Array[]) => number;

/** What to bootstrap, and how. */
export interface BootstrapOptions extends Omit<ResampleOptions, "over" | "packed"> {
  /** @default "both" */
  readonly over?: Resampled | "stratified";
  /** @default "percentile" */
  readonly method?: "percentile" | "bca";
  /** @default the mean, which is much faster than any other */
  readonly statistic?: Statistic;
  /** @default 0.95 */
  readonly level?: number;
}

/** With fewer seeds, resampling them covers too little. */
const ENOUGH_SEEDS = 10;

/**
 * The statistic of a table with its interval.
 * @throws RangeError for an empty or ragged table, a score or a statistic that is not finite, or options out of range
 */
export function bootstrap(values: readonly Float64Array[], options: BootstrapOptions = {}): Estimate {
  const { over = "both", method = "percentile", statistic, level = 0.95, resamples = 10_000, seed = 0 } = options;
  if (!(level > 0 && level < 1)) throw new RangeError(`Cannot make an interval: level ${level} must be in (0, 1)`);
  // Also where another way draws: it refuses what is no table.
  const quick = bootstrapMeans(
    [values],
    over === "stratified" || statistic ? { resamples: 1 } : { over, resamples, seed },
  );
  const of = statistic ?? ((table) => mean(flat(table)));
  const draws = over === "stratified" || statistic ? drawStatistics(values, of, over, resamples, seed) : quick[0]!;
  const value = of(values), sorted = draws.sort();
  if (!Number.isFinite(value) || !sorted.every(Number.isFinite)) {
    throw new RangeError("Cannot bootstrap: the statistic of a resample is not a finite number");
  }
  const tail = (1 - level) / 2, corrected = method === "bca" ? bcaLevels(values, of, over, sorted, value, tail) : null;
  const [low, high] = corrected ?? [tail, 1 - tail];
  return {
    value,
    lower: quantileOf(sorted, low),
    upper: quantileOf(sorted, high),
    level,
    method: `${corrected ? "BCa" : "percentile"} bootstrap over ${names[over]}`,
    note: [
      sorted[0] === sorted.at(-1) ? "all resamples agree: the interval has no width" : null,
      method === "bca" && !corrected ? "BCa does not apply: percentile instead" : null,
      over === "items" ? "the interval speaks of other items, not of other seeds" : seedsNote(values.length),
    ].filter((each) => each !== null).join("; ") || null,
  };
}

const names = { runs: "seeds", items: "items", both: "seeds and items", stratified: "seeds within items" } as const;

function seedsNote(runs: number): string | null {
  if (runs === 1) return "one seed: the interval does not speak of other seeds";
  return runs < ENOUGH_SEEDS ? `${runs} seeds are few to resample: the interval may be too narrow` : null;
}

function drawStatistics(
  values: readonly Float64Array[],
  statistic: Statistic,
  over: Resampled | "stratified",
  resamples: number,
  seed: number,
): Float64Array {
  const resampler = new Resampler(seed, "bootstrap"), runs = values.length, items = values[0]!.length;
  const runCounts = new Int32Array(runs).fill(1), itemCounts = new Int32Array(items).fill(1);
  return Float64Array.from({ length: resamples }, () => {
    if (over === "stratified") {
      const table = values.map(() => new Float64Array(items));
      for (let item = 0; item < items; item++) {
        resampler.counts(runCounts);
        for (const [place, run] of expand(runCounts).entries()) table[place]![item] = values[run]![item]!;
      }
      return statistic(table);
    }
    if (over !== "items") resampler.counts(runCounts);
    if (over !== "runs") resampler.counts(itemCounts);
    const places = expand(itemCounts);
    return statistic(expand(runCounts).map((run) => Float64Array.from(places, (item) => values[run]![item]!)));
  });
}

/** Indices, each as often as it counts. */
function expand(counts: Int32Array): number[] {
  return [...counts].flatMap((count, index) => new Array<number>(count).fill(index));
}

/** The levels that correct for bias and skewness; null where they are not defined. */
function bcaLevels(
  values: readonly Float64Array[],
  statistic: Statistic,
  over: Resampled | "stratified",
  sorted: Float64Array,
  value: number,
  tail: number,
): [number, number] | null {
  const tie = 1e-12 * (sorted.at(-1)! - sorted[0]!); // equal but for rounding
  const shares = sorted.map((draw) => Math.abs(draw - value) <= tie ? 0.5 : draw < value ? 1 : 0);
  const bias = normalQuantile(mean(shares)), skewness = acceleration(values, statistic, over);
  if (!Number.isFinite(bias) || skewness === null) return null;
  const levels = [tail, 1 - tail].map((p) => {
    const z = bias + normalQuantile(p);
    return 1 - skewness * z > 0 ? normalCdf(bias + z / (1 - skewness * z)) : NaN;
  });
  return levels.some(Number.isNaN) ? null : [levels[0]!, levels[1]!];
}

/** A sixth of the skewness of the statistic's influence values, by leaving out one run, or one item, at a time. */
function acceleration(
  values: readonly Float64Array[],
  statistic: Statistic,
  over: Resampled | "stratified",
): number | null {
  if (over === "stratified") return null; // the units are single scores: no run or item can be left out
  const groups: number[][] = [];
  if (over !== "items" && values.length > 1) {
    groups.push(values.map((_, run) => statistic(values.filter((_, other) => other !== run))));
  }
  if (over !== "runs" && values[0]!.length > 1) {
    groups.push(Array.from(values[0]!, (_, item) => {
      return statistic(values.map((row) => {
        const others = row.slice(0, -1);
        others.set(row.subarray(item + 1), item);
        return others;
      }));
    }));
  }
  let cubes = 0, squares = 0;
  for (const group of groups) {
    const centre = mean(group), n = group.length;
    for (const without of group) {
      const influence = (n - 1) * (centre - without) / n;
      cubes += influence ** 3;
      squares += influence ** 2;
    }
  }
  return squares > 0 ? cubes / squares ** 1.5 / 6 : null;
}

/** Quantile of sorted values, linear between two of them. */
export function quantileOf(sorted: Float64Array, p: number): number {
  const at = p * (sorted.length - 1), below = Math.floor(at);
  const low = sorted[below]!, high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}
