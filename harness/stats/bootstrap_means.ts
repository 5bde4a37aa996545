// Bootstrap means of many arms at once: every resample draws runs and items once, and all arms take them, so that arms
// stay paired by seed and by question. Runs and items are drawn apart and crossed (the pigeonhole bootstrap: Owen, "The
// pigeonhole bootstrap", Annals of Applied Statistics 1, 2007).
//
// Speed: a resample is a list of items with how often each came up. Sums over it are multiply-adds, and where all scores
// are 0 or 1 a double holds several rows as counters side by side, 53 bits in all, none of which can overflow since no
// count exceeds the number of items. Sums of whole numbers are exact, so both ways give the same bits.

import { Resampler } from "./resampler.ts";

/** What is drawn anew: the others stay as they are. */
export type Resampled = "runs" | "items" | "both";

/** How to resample. */
export interface ResampleOptions {
  /** @default "both" */
  readonly over?: Resampled;
  /** @default 10000 */
  readonly resamples?: number;
  /** @default 0 */
  readonly seed?: number;
  /** Rows in one double for 0/1 scores; false is the general path, for any scores. @default whether all are 0 or 1 */
  readonly packed?: boolean;
}

/** Rows of all arms, side by side: a block has LANES doubles an item, a double `rows` rows. */
interface Lanes {
  readonly blocks: readonly Float64Array[]; // each [items][LANES]
  readonly perLane: number;
  /** Worth of the second row in a double, the third being worth its square. */
  readonly base: number;
}

const LANES = 8;

/**
 * Means of resampled tables, [arms][resamples].
 * @param arms [arms][runs][items], with the same seeds and items in the same order
 * @throws RangeError for arms of unequal shape, none at all, or a score that is not finite
 */
export function bootstrapMeans(
  arms: readonly (readonly Float64Array[])[],
  { over = "both", resamples = 10_000, seed = 0, packed }: ResampleOptions = {},
): Float64Array[] {
  const runs = arms[0]?.length ?? 0, items = arms[0]?.[0]?.length ?? 0, rows = arms.flat();
  check(arms, runs, items, resamples);
  const binary = rows.every((row) => row.every((value) => value === 0 || value === 1));
  if (packed && !binary) throw new RangeError("Cannot pack scores: one is neither 0 nor 1");
  const lanes = lanesOf(rows, items, packed ?? binary);
  const resampler = new Resampler(seed, "bootstrap");
  const runCounts = new Int32Array(runs).fill(1), itemCounts = new Int32Array(items).fill(1);
  const drawn = new Int32Array(items), times = new Float64Array(items); // offsets into a block, and how often
  const sums = new Float64Array(rows.length);
  const means = arms.map(() => new Float64Array(resamples));
  for (let resample = 0; resample < resamples; resample++) {
    if (over !== "items") resampler.counts(runCounts);
    if (over !== "runs") resampler.counts(itemCounts);
    if (over !== "runs" || resample === 0) {
      let distinct = 0;
      for (let item = 0; item < items; item++) {
        if (itemCounts[item] === 0) continue;
        drawn[distinct] = item * LANES;
        times[distinct++] = itemCounts[item]!;
      }
      sumRows(lanes, drawn, times, distinct, sums);
    }
    for (let arm = 0; arm < arms.length; arm++) {
      let sum = 0;
      for (let run = 0; run < runs; run++) sum += runCounts[run]! * sums[arm * runs + run]!;
      means[arm]![resample] = sum / (runs * items);
    }
  }
  return means;
}

function lanesOf(rows: readonly Float64Array[], items: number, packed: boolean): Lanes {
  const bits = Math.ceil(Math.log2(items + 1)), perLane = packed ? Math.floor(53 / bits) : 1, base = 2 ** bits;
  const perBlock = perLane * LANES;
  const blocks = Array.from({ length: Math.ceil(rows.length / perBlock) }, (_, block) => {
    const lanes = new Float64Array(items * LANES);
    for (const [place, row] of rows.slice(block * perBlock, (block + 1) * perBlock).entries()) {
      const lane = Math.floor(place / perLane), worth = base ** (place % perLane);
      for (let item = 0; item < items; item++) lanes[item * LANES + lane]! += row[item]! * worth;
    }
    return lanes;
  });
  return { blocks, perLane, base };
}

/** Sum of each row over the drawn items. Eight sums at a time stay in registers. */
function sumRows(
  { blocks, perLane, base }: Lanes,
  drawn: Int32Array,
  times: Float64Array,
  distinct: number,
  sums: Float64Array,
): void {
  let row = 0;
  for (const block of blocks) {
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
    for (let i = 0; i < distinct; i++) {
      const at = drawn[i]!, count = times[i]!;
      s0 += count * block[at]!;
      s1 += count * block[at + 1]!;
      s2 += count * block[at + 2]!;
      s3 += count * block[at + 3]!;
      s4 += count * block[at + 4]!;
      s5 += count * block[at + 5]!;
      s6 += count * block[at + 6]!;
      s7 += count * block[at + 7]!;
    }
    for (let lane of [s0, s1, s2, s3, s4, s5, s6, s7]) {
      for (let i = 0; i < perLane && row < sums.length; i++) {
        const rest = perLane === 1 ? 0 : Math.floor(lane / base);
        sums[row++] = lane - rest * base;
        lane = rest;
      }
    }
  }
}

function check(arms: readonly (readonly Float64Array[])[], runs: number, items: number, resamples: number): void {
  if (runs === 0 || items === 0) throw new RangeError("Cannot resample: there are no scores … give a run and an item");
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new RangeError(`Cannot resample ${resamples} times … it must be a whole number from 1`);
  }
  for (const [arm, table] of arms.entries()) {
    if (table.length !== runs || table.some((row) => row.length !== items)) {
      throw new RangeError(`Cannot resample: arm ${arm} is not of ${runs} runs and ${items} items, as the first is`);
    }
    if (!table.every((row) => row.every(Number.isFinite))) {
      throw new RangeError(`Cannot resample: arm ${arm} has a score that is not finite … leave out what is missing`);
    }
  }
}
