// Tiers instead of ranks: arms whose order could be chance share one. Walking down from the best mean, an arm opens a
// new tier once it is known to be worse than the best arm of the tier at hand: by the p of cautious_test.ts, with Holm's
// correction over all pairs. An arm with one seed, or none in common with the best, cannot be told apart.

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
  const tiers: (number | null)[] = arms.map(() => null);
  let tier = 0, best = -1;
  for (const arm of ranked) {
    if (tier === 0 || (p.get(`${best} ${arm}`) ?? 1) < LEVEL) [tier, best] = [tier + 1, arm];
    tiers[arm] = tier;
  }
  return tiers;
}

function pairP(a: Scores, b: Scores): number {
  const pairing = pairScores(a, b);
  return pairing.seeds.length < 2 || pairing.items.length === 0 ? 1 : cautiousP(twoWay(differences(pairing)));
}
