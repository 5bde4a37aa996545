// Tiers of the rows of one group, which may come from many entries, by the rule of harness/stats/tiers.ts for the arms of
// one experiment. Two things differ here. Entries may share no seed: then runs are paired in their order, which is as good
// as any, since runs of other seeds are exchangeable. And groups may be large: Holm's correction needs the p of every
// pair, so above HOLM_ROWS Bonferroni's takes its place, which needs only the pairs looked at and is on the safe side.

import { mean } from "../../stats/aggregates.ts";
import { cautiousP } from "../../stats/cautious_test.ts";
import { holm } from "../../stats/holm.ts";
import { runMeans } from "../../stats/scores.ts";
import { tiersInOrder } from "../../stats/tiers.ts";
import { twoWay } from "../../stats/two_way.ts";

/** What a row is ranked by. */
export interface RankedRow {
  readonly seeds: readonly number[];
  /** A text a seed, "1" or "0" for each question, as in entry.json; null: there is nothing to compare by. */
  readonly runs: readonly string[] | null;
}

const LEVEL = 0.05;
const HOLM_ROWS = 24;

/** The tier of each row, 1 is best; null for one that cannot be ranked: a single seed, or no answers kept. */
export function groupTiers(rows: readonly RankedRow[]): (number | null)[] {
  const scores = rows.map(({ runs }) => runs?.map(scoresOf) ?? []);
  const ranked = rows.flatMap((_, row) => scores[row]!.length < 2 ? [] : [{ row, value: mean(runMeans(scores[row]!)) }])
    .sort((a, b) => b.value - a.value || a.row - b.row).map(({ row }) => row);
  const p = (a: number, b: number) => pairP(rows[a]!, scores[a]!, rows[b]!, scores[b]!);
  const adjusted = ranked.length <= HOLM_ROWS ? holmPairs(ranked, p) : bonferroniPairs(ranked, p);
  const tiers = tiersInOrder(ranked, (better, row) => adjusted(better, row) < LEVEL);
  return rows.map((_, row) => tiers.get(row) ?? null);
}

type PairP = (a: number, b: number) => number;

function holmPairs(ranked: readonly number[], p: PairP): PairP {
  const pairs = ranked.flatMap((a, i) => ranked.slice(i + 1).map((b) => ({ a, b })));
  const adjusted = holm(pairs.map(({ a, b }) => p(a, b)));
  const found = new Map(pairs.map(({ a, b }, i) => [`${a} ${b}`, adjusted[i]!]));
  return (a, b) => found.get(`${a} ${b}`) ?? 1;
}

function bonferroniPairs(ranked: readonly number[], p: PairP): PairP {
  const pairs = ranked.length * (ranked.length - 1) / 2;
  return (a, b) => Math.min(1, pairs * p(a, b));
}

const scoresOf = (run: string) => Float64Array.from(run, (letter) => letter === "1" ? 1 : 0);

/** Of a and b being equally good. Rows of one group answer the same questions in the same order. */
function pairP(a: RankedRow, runsA: readonly Float64Array[], b: RankedRow, runsB: readonly Float64Array[]): number {
  const shared = a.seeds.flatMap((seed, i) => {
    const j = b.seeds.indexOf(seed);
    return j === -1 ? [] : [[i, j] as const];
  });
  const inOrder = a.seeds.slice(0, b.seeds.length).map((_, i) => [i, i] as const);
  const pairs = shared.length >= 2 ? shared : inOrder;
  return cautiousP(twoWay(pairs.map(([i, j]) => runsA[i]!.map((value, item) => value - (runsB[j]![item] ?? NaN)))));
}
