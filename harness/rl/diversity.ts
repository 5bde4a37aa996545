// How much the completions of a question differ, by pairs of neighbouring tokens (bigrams). Two measures, because each is
// blind where the other sees: distinct-2 (Li et al., arXiv 1510.03055) falls when a text repeats itself, and cannot fall
// below 1/G when G equal texts do not; the similarity of texts is 1 for equal ones, whatever they say.
//
//   distinct    bigrams that differ / bigrams, among all completions of a group; 0 where there is none
//   similarity  mean over pairs of completions of |A n B| / |A u B|, A and B their sets of bigrams; 1 where both are empty

/** Means over groups. */
export interface Diversity {
  readonly distinct: number;
  readonly similarity: number;
}

/** Room for a token id: a bigram is a whole number below 2^52. */
const TOKENS = 2 ** 26;

/**
 * Diversity of groups of completions.
 * @param groups tokens of each completion, [groups][G]; at least one group, and two completions in each
 */
export function diversity(groups: readonly (readonly Int32Array[])[]): Diversity {
  let distinct = 0, similarity = 0;
  for (const completions of groups) {
    const all = completions.map(sortedBigrams), sets = all.map(unique);
    const union = unique(concatenate(sets).sort()).length;
    const count = all.reduce((sum, bigrams) => sum + bigrams.length, 0);
    distinct += count === 0 ? 0 : union / count;
    similarity += meanJaccard(sets);
  }
  return { distinct: distinct / groups.length, similarity: similarity / groups.length };
}

function sortedBigrams(tokens: Int32Array): Float64Array {
  const bigrams = new Float64Array(Math.max(0, tokens.length - 1));
  for (let t = 0; t < bigrams.length; t++) bigrams[t] = tokens[t]! * TOKENS + tokens[t + 1]!;
  return bigrams.sort();
}

/** The different values of a sorted array. */
function unique(sorted: Float64Array): Float64Array {
  return sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function meanJaccard(sets: readonly Float64Array[]): number {
  let sum = 0, pairs = 0;
  sets.forEach((a, i) => {
    for (const b of sets.slice(i + 1)) {
      sum += jaccard(a, b);
      pairs++;
    }
  });
  return sum / pairs;
}

/** Of two sorted arrays without repeats: one walk along both. */
function jaccard(a: Float64Array, b: Float64Array): number {
  let shared = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const left = a[i]!, right = b[j]!;
    if (left === right) shared++;
    if (left <= right) i++;
    if (right <= left) j++;
  }
  const union = a.length + b.length - shared;
  return union === 0 ? 1 : shared / union;
}
