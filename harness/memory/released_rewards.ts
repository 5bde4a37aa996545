// How the released code of Memory-R turns a raw intrinsic reward into a bonus (rewards/ir_knn_st.py and run_gsm8k.py at
// https://github.com/thaihungle/Memory-R), for comparison with the paper's equation 6. Each response is remembered
// first, if it belongs into the memory, then compared, then normalised here, one after the other within a group: so a
// failure meets its own copy and a success is part of its own centroid, and both bonuses tell right from wrong.
// Its annealing is set to 1 there, and its waiting for 500 keys (explore only: 0 until then, and nothing enters the
// range) is the caller's.

import type { SlidingRange } from "./sliding_range.ts";

/**
 * Bonus of a raw `exploit` (minus a distance; null: no success in memory). The code takes 1 - minmax(distance), which is
 * minmax(-distance), and 1 - distance where all are equal.
 * @param range of the last raw values with epsilon 0; the value enters it before it is normalised
 */
export function releasedExploit(raw: number | null, range: SlidingRange): number {
  if (raw === null) return 0;
  range.push([raw]);
  const share = range.normalise(raw);
  return Number.isNaN(share) ? 1 + raw : share;
}

/**
 * Bonus of a raw `explore` (null: no failure in memory, which counts as entirely new).
 * @param range as for {@linkcode releasedExploit}, one of its own
 */
export function releasedExplore(raw: number | null, range: SlidingRange): number {
  if (raw === null) return 1;
  range.push([raw]);
  const share = range.normalise(raw);
  return Number.isNaN(share) ? 0 : share;
}
