// The leaderboard as data: entries sorted into groups, the rows of a group in tiers. Pages, JSON and CSV draw it and
// compute nothing.

import { canonicalJson } from "../../base/canonical_json.ts";
import { sha256 } from "../../base/digest.ts";
import type { LeaderboardEntry, LeaderboardGroup, LeaderboardRow } from "../../records/leaderboard_entry.ts";
import type { Paper } from "../../records/papers.ts";
import { groupTiers } from "./group_tiers.ts";

/** Rows without a tier come after all tiers. */
const UNRANKED = Number.MAX_SAFE_INTEGER;

/** A row with where it comes from and where it stands. */
export interface BoardRow {
  /** `r-<entry>-<number>`: the row's anchor. */
  readonly id: string;
  readonly entry: LeaderboardEntry;
  readonly row: LeaderboardRow;
  /** Among the rows of the group; null: it cannot be ranked. */
  readonly tier: number | null;
}

/** Rows that may be compared. */
export interface BoardGroup {
  /** `g-<digits>`: the group's anchor. */
  readonly id: string;
  readonly group: LeaderboardGroup;
  /** How the entries call the policy whose weights these are. */
  readonly policies: readonly string[];
  /** Best tier first, then by score; those without a tier last. */
  readonly rows: readonly BoardRow[];
  /** Of each entry's config, by its id, what not all entries of the group have: "rl.learningRate" "5e-5". */
  readonly settings: ReadonlyMap<string, readonly (readonly [field: string, value: string])[]>;
}

/** All of it. */
export interface Board {
  /** By task, policy and budget. */
  readonly groups: readonly BoardGroup[];
  /** By id. */
  readonly entries: readonly LeaderboardEntry[];
  readonly papers: readonly Paper[];
}

/** The board of these entries, whatever their order. */
export function boardOf(entries: readonly LeaderboardEntry[], papers: readonly Paper[]): Board {
  const sorted = entries.toSorted((a, b) => compare(a.id, b.id));
  const groups = [...Map.groupBy(sorted, ({ group }) => sha256(canonicalJson(group)).slice(0, 12))]
    .map(([digits, members]) => groupOf(`g-${digits}`, members));
  const key = ({ group, policies, id }: BoardGroup) => [group.task, policies.join(), budgetText(group), id].join("\n");
  return { groups: groups.toSorted((a, b) => compare(key(a), key(b))), entries: sorted, papers };
}

/** What ends the training of a cell, in words. */
export function budgetText({ budget }: LeaderboardGroup): string {
  const [count, unit] = budget.tokens > 0 ? [budget.tokens, "token"] : [budget.updates, "update"];
  return `${grouped(count)} ${unit}${count === 1 ? "" : "s"}`;
}

/** Digits in threes: "1 200 000" with narrow no-break spaces, as no locale would have it otherwise. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function groupOf(id: string, entries: readonly LeaderboardEntry[]): BoardGroup {
  const plain = entries.flatMap((entry) => entry.rows.map((row, i) => ({ id: `r-${entry.id}-${i}`, entry, row })));
  const tiers = groupTiers(plain.map(({ row }) => row));
  const rows = plain.map((row, i) => ({ ...row, tier: tiers[i] ?? null })).toSorted((a, b) =>
    (a.tier ?? UNRANKED) - (b.tier ?? UNRANKED) || b.row.score.value - a.row.score.value || compare(a.id, b.id)
  );
  const [first] = entries;
  if (!first) throw new RangeError("Cannot make a group of no entries");
  return {
    id,
    group: first.group,
    policies: [...new Set(entries.map(({ policy }) => policy))].sort(),
    rows,
    settings: differing(entries),
  };
}

/** The fields in which the configs differ, with each entry's values. */
function differing(entries: readonly LeaderboardEntry[]): BoardGroup["settings"] {
  const flat = new Map(entries.map(({ id, config }) => [
    id,
    new Map(
      Object.entries(config).flatMap(([group, fields]) =>
        Object.entries(fields).map(([name, value]) => [`${group}.${name}`, valueText(value)] as const)
      ),
    ),
  ]));
  const fields = [...new Set([...flat.values()].flatMap((config) => [...config.keys()]))].sort()
    .filter((field) => new Set([...flat.values()].map((config) => config.get(field))).size > 1);
  return new Map([...flat].map(([id, config]) => [id, fields.map((field) => [field, config.get(field) ?? "unset"])]));
}

/** As it would be given to --set: 5e-7 rather than 0.0000005. */
function valueText(value: string | number | boolean | null): string {
  if (typeof value !== "number" || value === 0 || Math.abs(value) >= 1e-3) return String(value);
  return value.toExponential();
}

/** By UTF-16 code units: the same order everywhere. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
