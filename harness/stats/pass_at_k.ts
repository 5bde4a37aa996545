// What k tries would give, estimated from n >= k completions of an item. pass@k: at least one is right (Chen et al.,
// "Evaluating Large Language Models Trained on Code", 2021, equation 1). maj@k: the answer given most often is right
// (Wang et al., "Self-Consistency", 2022). Both are means over all k-subsets of the n, hence unbiased and independent of
// the completions' order; "the first k" would be neither. A single item: average over items for a score.

/**
 * 1 - C(n - c, k) / C(n, k), as a product that cannot overflow.
 * @param c completions that are right, of `n`
 * @throws RangeError for counts that do not fit
 */
export function passAtK(n: number, c: number, k: number): number {
  if (![n, c, k].every(Number.isInteger) || c < 0 || c > n || k < 1 || k > n) {
    throw new RangeError(`Cannot estimate pass@${k}: ${c} right of ${n} … it takes 0 <= right <= n and 1 <= k <= n`);
  }
  let miss = 1;
  for (let drawn = 0; drawn < k; drawn++) miss *= Math.max(0, n - c - drawn) / (n - drawn);
  return 1 - miss;
}

/**
 * Probability that the gold answer wins the vote among k of the answers. A tie of t answers counts 1 / t, as if drawn by
 * lot; null (no answer was found) is no vote; without any vote it is 0.
 * @throws RangeError for a k that does not fit, or more than 1000 answers
 */
export function majAtK(answers: readonly (string | null)[], gold: string, k: number): number {
  const n = answers.length;
  if (!Number.isInteger(k) || k < 1 || k > n || n > 1000) {
    throw new RangeError(
      `Cannot estimate maj@${k} from ${n} answers … k must be from 1 to them, and they at most 1000`,
    );
  }
  const counts = new Map<string | null, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const right = counts.get(gold) ?? 0, others = [...counts].filter(([answer]) => answer !== gold);
  let wins = 0;
  for (let votes = 1; votes <= Math.min(right, k); votes++) {
    // Ways to draw so many completions with so many ties, none with more than `votes`: [drawn][ties].
    const rivals = others.filter(([answer, count]) => answer !== null && count >= votes).length;
    const most = Math.min(Math.floor(k / votes), 1 + rivals);
    let ways = Array.from({ length: k + 1 }, () => new Float64Array(most));
    ways[votes]![0] = choose(right, votes);
    for (const [answer, count] of others) {
      const limit = answer === null ? count : Math.min(count, votes),
        next = ways.map((row) => new Float64Array(row.length));
      for (let drawn = 0; drawn <= k; drawn++) {
        for (let more = 0; more <= Math.min(limit, k - drawn); more++) {
          const tie = answer !== null && more === votes ? 1 : 0, factor = choose(count, more);
          for (let ties = 0; ties + tie < most; ties++) {
            next[drawn + more]![ties + tie]! += ways[drawn]![ties]! * factor;
          }
        }
      }
      ways = next;
    }
    wins += ways[k]!.reduce((sum, count, ties) => sum + count / (ties + 1), 0);
  }
  return wins / choose(n, k);
}

function choose(n: number, k: number): number {
  let ways = 1;
  for (let i = 1; i <= Math.min(k, n - k); i++) ways = ways * (n - Math.min(k, n - k) + i) / i;
  return ways;
}
