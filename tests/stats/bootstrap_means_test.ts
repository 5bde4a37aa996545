import { deepEqual, notDeepEqual, ok, throws } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { bootstrapMeans, type Resampled } from "../../harness/stats/bootstrap_means.ts";
import { Resampler } from "../../harness/stats/resampler.ts";
import { near } from "./near.ts";

const prng = stream(3, "test");
const tables = (arms: number, runs: number, items: number, draw: () => number) =>
  Array.from({ length: arms }, () => Array.from({ length: runs }, () => Float64Array.from({ length: items }, draw)));
const binary = () => prng.uniform() < 0.6 ? 1 : 0;

/** One loop a nesting level, one score at a time. */
function naive(arms: Float64Array[][], over: Resampled, resamples: number, seed: number): number[][] {
  const resampler = new Resampler(seed, "bootstrap"), runs = arms[0]!.length, items = arms[0]![0]!.length;
  const means: number[][] = arms.map(() => []), runCounts = new Int32Array(runs), itemCounts = new Int32Array(items);
  for (let resample = 0; resample < resamples; resample++) {
    runCounts.fill(1);
    itemCounts.fill(1);
    if (over !== "items") resampler.counts(runCounts);
    if (over !== "runs") resampler.counts(itemCounts);
    for (const [arm, table] of arms.entries()) {
      let sum = 0;
      for (const [run, row] of table.entries()) {
        for (const [item, value] of row.entries()) sum += value * runCounts[run]! * itemCounts[item]!;
      }
      means[arm]!.push(sum / (runs * items));
    }
  }
  return means;
}

Deno.test("bootstrapMeans() of 0/1 scores equals the naive loop and its own general path, bit by bit", () => {
  for (
    const [arms, runs, items] of [[1, 1, 1], [1, 1, 7], [2, 3, 8], [3, 5, 100], [13, 10, 255], [2, 9, 1319]] as const
  ) {
    const scores = tables(arms, runs, items, binary);
    for (const over of ["runs", "items", "both"] as const) {
      const options = { over, resamples: 20, seed: 5 };
      const packed = bootstrapMeans(scores, { ...options, packed: true }).map((row) => [...row]);
      deepEqual(packed, naive(scores, over, 20, 5));
      deepEqual(bootstrapMeans(scores, { ...options, packed: false }).map((row) => [...row]), packed);
      deepEqual(bootstrapMeans(scores, options).map((row) => [...row]), packed);
    }
  }
});

Deno.test("bootstrapMeans() of all ones overflows no counter", () => {
  const scores = tables(2, 10, 1023, () => 1);
  deepEqual(bootstrapMeans(scores, { resamples: 50 }), scores.map(() => new Float64Array(50).fill(1)));
});

Deno.test("bootstrapMeans() of any scores equals the naive loop but for rounding", () => {
  const scores = tables(3, 4, 60, () => prng.normal());
  const expected = naive(scores, "both", 30, 0);
  for (const [arm, means] of bootstrapMeans(scores, { resamples: 30 }).entries()) {
    for (const [i, value] of means.entries()) ok(Math.abs(value - expected[arm]![i]!) < 1e-13);
  }
});

Deno.test("bootstrapMeans() gives all arms the same draws, and others for another seed", () => {
  const [a] = tables(1, 4, 50, binary), options = { resamples: 40, seed: 1 };
  const [first, second] = bootstrapMeans([a!, a!], options);
  deepEqual(first, second);
  deepEqual(bootstrapMeans([a!], options)[0], first);
  notDeepEqual(bootstrapMeans([a!], { ...options, seed: 2 })[0], first);
});

Deno.test("bootstrapMeans() over runs, and over items, have the variances that they must", () => {
  const [table] = tables(1, 6, 40, binary), rows = table!;
  const average = (values: ArrayLike<number>) => Array.from(values).reduce((sum, x) => sum + x, 0) / values.length;
  const spread = (values: ArrayLike<number>) => {
    const centre = average(values);
    return average(Array.from(values, (x) => (x - centre) ** 2));
  };
  const runMeans = rows.map(average);
  const itemMeans = Array.from(rows[0]!, (_, item) => average(rows.map((row) => row[item]!)));
  const variance = (over: Resampled) => spread(bootstrapMeans([rows], { over, resamples: 40_000 })[0]!);
  near(variance("runs"), spread(runMeans) / 6, 1.3);
  near(variance("items"), spread(itemMeans) / 40, 1.3);
  ok(variance("both") > Math.max(variance("runs"), variance("items")));
});

Deno.test("bootstrapMeans() refuses empty, unequal and NaN tables", () => {
  const good = [Float64Array.of(1, 0)];
  throws(() => bootstrapMeans([]), { name: "RangeError", message: /there are no scores/ });
  throws(() => bootstrapMeans([[Float64Array.of()]]), { name: "RangeError", message: /there are no scores/ });
  throws(() => bootstrapMeans([good, [Float64Array.of(1)]]), { name: "RangeError", message: /arm 1 is not of 1 runs/ });
  throws(() => bootstrapMeans([good, [Float64Array.of(1, NaN)]]), { name: "RangeError", message: /arm 1 has a score/ });
  throws(() => bootstrapMeans([good], { resamples: 0 }), { name: "RangeError", message: /0 times/ });
  throws(() => bootstrapMeans([[Float64Array.of(0.5)]], { packed: true }), { name: "RangeError", message: /neither/ });
});
