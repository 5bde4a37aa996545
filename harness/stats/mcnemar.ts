// McNemar's test in its exact form (McNemar 1947, Psychometrika 12; exact binomial version after Edwards): items that
// both arms got right or both wrong say nothing; of the others, each side is equally likely to win if neither is better.
// It speaks of these runs on such items, not of other seeds.

import { binomialTail } from "./distributions.ts";

/**
 * Two-sided exact p: twice the smaller binomial tail, at most 1. Without a single item that differs it is 1.
 * @param onlyA items that only the first got right; @param onlyB items that only the second got right
 * @throws RangeError for what is no count
 */
export function mcnemar(onlyA: number, onlyB: number): number {
  for (const count of [onlyA, onlyB]) {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new RangeError(`Cannot test items: ${count} must be a whole number of them`);
    }
  }
  return Math.min(1, 2 * binomialTail(Math.max(onlyA, onlyB), onlyA + onlyB, 0.5));
}
