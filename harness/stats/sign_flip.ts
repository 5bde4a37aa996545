// Sign-flip permutation test of paired differences (Fisher 1935, "The Design of Experiments", section 21): if neither
// arm is better, each difference could as well have had the other sign. Exact over all 2^n signs up to 20 pairs; above
// that by seeded draws with p = (hits + 1) / (draws + 1), which is valid (Phipson and Smyth 2010). It assumes no
// distribution, and pays: with n pairs no p below 2 / 2^n can come out, whatever the effect.

import { stream } from "../base/prng.ts";

/** What the test says. */
export interface SignFlip {
  /** Two-sided, of the mean difference being 0. */
  readonly p: number;
  /** No p below it can come out of so many pairs. A difference of 0 has no sign and raises it further for these data. */
  readonly smallest: number;
  readonly exact: boolean;
}

const exactPairs = 20;
const draws = 99_999;
/** Two sums nearer than this, relative to the sum of magnitudes, are equal but for rounding. */
const tie = 1e-12;

/**
 * Tests paired differences, one a seed. Differences that are all 0, or none at all, give p = 1.
 * @throws RangeError for a difference that is not finite
 */
export function signFlip(differences: readonly number[], { seed = 0 }: { readonly seed?: number } = {}): SignFlip {
  const bad = differences.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`Cannot flip signs: difference ${bad} is ${differences[bad]} … it must be finite`);
  const n = differences.length;
  const magnitude = differences.reduce((sum, value) => sum + Math.abs(value), 0);
  const observed = Math.abs(differences.reduce((sum, value) => sum + value, 0)) - tie * magnitude;
  if (n <= exactPairs) {
    // Every signed sum is one of the first half plus one of the second: no error builds up.
    const first = signedSums(differences.slice(0, n >> 1)), second = signedSums(differences.slice(n >> 1));
    let hits = 0;
    for (const left of first) for (const right of second) if (Math.abs(left + right) >= observed) hits++;
    return { p: hits / 2 ** n, smallest: Math.min(1, 2 / 2 ** n), exact: true };
  }
  const prng = stream(seed, "sign flip");
  let hits = 0;
  for (let draw = 0; draw < draws; draw++) {
    let sum = 0, word = 0;
    for (let i = 0; i < n; i++) {
      word = i % 32 === 0 ? prng.uint32() : word >>> 1;
      sum += word & 1 ? differences[i]! : -differences[i]!;
    }
    if (Math.abs(sum) >= observed) hits++;
  }
  return { p: (hits + 1) / (draws + 1), smallest: 1 / (draws + 1), exact: false };
}

/** The sums under all 2^n signs. */
function signedSums(values: readonly number[]): Float64Array {
  let sums = Float64Array.of(0);
  for (const value of values) {
    const longer = new Float64Array(sums.length * 2);
    longer.set(sums.map((sum) => sum + value));
    longer.set(sums.map((sum) => sum - value), sums.length);
    sums = longer;
  }
  return sums;
}
