// The one shape that statistics are made from: scores [runs][items], and two of them paired by seed and by item id. A
// score without a partner is left out of both sides and listed with the reason: no denominator shrinks unseen. A wrong,
// truncated or unparseable answer is a score (0), not a missing one; NaN stands for what was never measured.

/** Scores of one arm. */
export interface Scores {
  /** One a run, each once. */
  readonly seeds: readonly number[];
  /** Ids, each once. */
  readonly items: readonly string[];
  /** [runs][items]; NaN: not measured. */
  readonly values: readonly Float64Array[];
}

/** What has no partner. */
export interface Unpaired {
  readonly kind: "seed" | "item";
  /** The side that has it, or whose score is missing where both have the item. */
  readonly side: "a" | "b";
  /** The run whose score is missing; null: the item is unknown to the other side. */
  readonly seed: number | null;
  readonly item: string | null;
  readonly reason: string;
}

/** Scores of two arms over the seeds and items that both have. */
export interface Pairing {
  readonly seeds: readonly number[];
  readonly items: readonly string[];
  /** [runs][items], free of NaN. */
  readonly a: readonly Float64Array[];
  readonly b: readonly Float64Array[];
  readonly unpaired: readonly Unpaired[];
}

/**
 * Pairs by seed and item id, in the order of `a`. A run without a single score counts as absent; an item that lacks a
 * score in any paired run is left out of all.
 * @throws RangeError for a seed or item that comes twice, rows of another length, or an infinite score
 */
export function pairScores(a: Scores, b: Scores): Pairing {
  const rowsA = rowsBySeed(a, "a"), rowsB = rowsBySeed(b, "b");
  const columnsA = placesOf(a.items, "a"), columnsB = placesOf(b.items, "b");
  const unpaired: Unpaired[] = [];
  const seeds = shared(a.seeds, b.seeds, unpaired).filter((seed) => {
    const empty = ([["a", rowsA], ["b", rowsB]] as const).filter(([, rows]) => rows.get(seed)!.every(Number.isNaN));
    for (const [side] of empty) {
      unpaired.push({ kind: "seed", side, seed, item: null, reason: `seed ${seed} has no score in ${side}` });
    }
    return empty.length === 0;
  });
  const items = shared(a.items, b.items, unpaired).filter((item) => {
    let whole = true;
    for (const [side, rows, columns] of [["a", rowsA, columnsA], ["b", rowsB, columnsB]] as const) {
      for (const seed of seeds) {
        if (!Number.isNaN(rows.get(seed)![columns.get(item)!])) continue;
        whole = false;
        unpaired.push({ kind: "item", side, seed, item, reason: `"${item}" has no score at seed ${seed} of ${side}` });
      }
    }
    return whole;
  });
  const select = (rows: ReadonlyMap<number, Float64Array>, columns: ReadonlyMap<string, number>) =>
    seeds.map((seed) => Float64Array.from(items, (item) => rows.get(seed)![columns.get(item)!]!));
  return { seeds, items, a: select(rowsA, columnsA), b: select(rowsB, columnsB), unpaired };
}

/** a - b, [runs][items]. */
export function differences({ a, b }: Pairing): Float64Array[] {
  return a.map((row, run) => row.map((value, item) => value - b[run]![item]!));
}

/** Mean over the items of each run. @throws RangeError for a run without items, or a score that is no number */
export function runMeans(values: readonly Float64Array[]): number[] {
  return values.map((row, run) => {
    let sum = 0;
    for (const value of row) sum += value;
    if (!Number.isFinite(sum / row.length)) {
      throw new RangeError(
        `Cannot average run ${run}: it has ${
          row.length === 0 ? "no items" : "a score that is not a finite number"
        } … ` +
          "pair the scores first, which lists what is missing",
      );
    }
    return sum / row.length;
  });
}

/** Those of `a` that `b` has too; the others of both go to the list. */
function shared<T extends number | string>(
  a: readonly T[],
  b: readonly T[],
  unpaired: Unpaired[],
): T[] {
  const both = new Set(a).intersection(new Set(b));
  for (const [side, other, values] of [["a", "b", a], ["b", "a", b]] as const) {
    for (const value of values) {
      if (both.has(value)) continue;
      const reason = `${JSON.stringify(value)} is not in ${other}`;
      const [seed, item] = typeof value === "string" ? [null, value] : [value, null];
      unpaired.push({ kind: item === null ? "seed" : "item", side, seed, item, reason });
    }
  }
  return a.filter((value) => both.has(value));
}

function placesOf<T>(names: readonly T[], side: string): ReadonlyMap<T, number> {
  const places = new Map(names.map((name, place) => [name, place]));
  if (places.size === names.length) return places;
  const twice = names.find((name, place) => places.get(name) !== place);
  throw new RangeError(`Cannot pair scores: ${JSON.stringify(twice)} comes twice in ${side} … each must come once`);
}

function rowsBySeed({ seeds, items, values }: Scores, side: string): ReadonlyMap<number, Float64Array> {
  if (values.length !== seeds.length) {
    throw new RangeError(`Cannot pair scores: ${side} has ${values.length} runs for ${seeds.length} seeds`);
  }
  for (const [run, row] of values.entries()) {
    if (row.length !== items.length) {
      throw new RangeError(
        `Cannot pair scores: seed ${seeds[run]} of ${side} has ${row.length} scores for ${items.length} items`,
      );
    }
    const bad = row.find((value) => Math.abs(value) === Infinity);
    if (bad !== undefined) {
      throw new RangeError(
        `Cannot pair scores: seed ${seeds[run]} of ${side} has the score ${bad} … it must be finite`,
      );
    }
  }
  return new Map([...placesOf(seeds, side)].map(([seed, run]) => [seed, values[run]!]));
}
