// Tiers instead of ranks. Walking down from the best mean, an arm opens a new tier once it is known to be worse than the
// best of the tier at hand, by the p of cautious_test.ts with Holm's correction over all pairs. So the best of a tier is
// known to be worse than the best of the tier before; those below it in its tier are not known to be worse than it is.
// Nothing more is said: an arm whose seeds scatter is hard to know worse than any. An arm with one seed, or none in
// common with the best, cannot be told apart.

import { differences, pairScores, runMeans, type Scores } from "./scores.ts";
import { mean } from "./aggregates.ts";
import { cautiousP } from "./cautious_test.ts";
import { holm } from "./holm.ts";
import { twoWay } from "./two_way.ts";

const LEVEL = 0.05;

/** The tier of each arm, 1 is best; null for one without scores. */
export function tiersOf(arms: readonly { readonly scores: Scores }[]): (number | null)[] {
  const means = arms.map(({ scores }) => scores.values.length === 0 ? null : mean(runMeans(scores.values)));
  const ranked = means.flatMap((value, arm) => value === null ? [] : [{ value, arm }])
    .sort((a, b) => b.value - a.value || a.arm - b.arm).map(({ arm }) => arm);
  const pairs = ranked.flatMap((a, i) => ranked.slice(i + 1).map((b) => ({ a, b })));
  const adjusted = holm(pairs.map(({ a, b }) => pairP(arms[a]!.scores, arms[b]!.scores)));
  const p = new Map(pairs.map(({ a, b }, i) => [`${a} ${b}`, adjusted[i]!]));
  const tiers = tiersInOrder(ranked, (better, arm) => (p.get(`${better} ${arm}`) ?? 1) < LEVEL);
  return arms.map((_, arm) => tiers.get(arm) ?? null);
}

/**
 * The tier of each of those ranked.
 * @param ranked best mean first
 * @param isKnown whether the first is known to be better than the second
 */
export function tiersInOrder(
  ranked: readonly number[],
  isKnown: (better: number, worse: number) => boolean,
): Map<number, number> {
  const tiers = new Map<number, number>();
  let tier = 0, best = -1;
  for (const one of ranked) {
    if (tier === 0 || isKnown(best, one)) [tier, best] = [tier + 1, one];
    tiers.set(one, tier);
  }
  return tiers;
}

function pairP(a: Scores, b: Scores): number {
  const pairing = pairScores(a, b);
  return pairing.seeds.length < 2 || pairing.items.length === 0 ? 1 : cautiousP(twoWay(differences(pairing)));
}
