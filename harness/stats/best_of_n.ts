// What best-of-n would give: of n completions the one with the highest score is taken, and it is right or not. As pass@k,
// the mean over all n-subsets of the completions at hand, hence unbiased and independent of their order. Completions
// with equal scores are taken by lot. A single item: average over items for a score.

/**
 * Probability that the chosen one of n is right.
 * @param scores of the completions, what selects @param right 1 or 0 of each, in the same order
 * @throws RangeError for lists that do not fit, a score that is not finite, or an n that they cannot give
 */
export function bestOfN(scores: readonly number[], right: readonly number[], n: number): number {
  const count = scores.length;
  if (right.length !== count || !scores.every(Number.isFinite) || !Number.isInteger(n) || n < 1 || n > count) {
    throw new RangeError(
      `Cannot choose the best of ${n}: there are ${count} scores for ${right.length} completions … every one must be ` +
        "finite, and n from 1 to their number",
    );
  }
  const tiers = [...Map.groupBy(scores.keys(), (i) => scores[i]!)].sort(([a], [b]) => b - a);
  let chosen = 0, none = 1, above = 0; // `none`: probability that no completion above is among the n
  for (const [, members] of tiers) {
    let miss = none;
    for (const member of members.keys()) {
      const left = count - above - member; // completions not yet looked at
      miss *= Math.max(0, left - n) / left;
    }
    chosen += (none - miss) * members.reduce((sum, i) => sum + right[i]!, 0) / members.length;
    none = miss;
    above += members.length;
  }
  return chosen;
}
