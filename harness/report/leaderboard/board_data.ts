// The leaderboard for programs: leaderboard.json with groups, rows and claims, leaderboard.csv with one line a row.

import { canonicalJson } from "../../base/canonical_json.ts";
import type { LeaderboardRow } from "../../records/leaderboard_entry.ts";
import { csvText, type CsvValue } from "../exports/csv_text.ts";
import { type Board, type BoardGroup, type BoardRow, budgetText } from "./board.ts";

/** leaderboard.json: canonical JSON, so that equal boards are equal bytes. */
export function boardJson({ groups, entries, papers }: Board): string {
  const board = {
    version: 1,
    kind: "matchbox.leaderboard",
    groups: groups.map(({ id, group, policies, rows, settings }) => ({
      id,
      ...group,
      policies,
      rows: rows.map(({ id, entry, row, tier }) => ({
        id,
        entry: entry.id,
        tier,
        ...withoutRuns(row),
        settings: Object.fromEntries(settings.get(entry.id) ?? []),
      })),
    })),
    entries: entries.map(({ id, bundle, about, policy, profile, devices, cpus, made, verified }) => ({
      id,
      bundle,
      about,
      policy,
      profile,
      devices,
      cpus,
      made,
      verified,
      page: `entries/${id}/index.html`,
    })),
    claimed: papers,
  };
  return canonicalJson(JSON.parse(JSON.stringify(board, wellFormed))) + "\n";
}

function withoutRuns({ runs: _, ...row }: LeaderboardRow): Omit<LeaderboardRow, "runs"> {
  return row;
}

/** A lone surrogate is no character of UTF-8. */
function wellFormed(_: string, value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed() : value;
}

/** What a line of the CSV holds, in order. */
const COLUMNS:
  readonly (readonly [name: string, value: (row: BoardRow, group: BoardGroup) => string | number | null])[] = [
    ["group", (_, { id }) => id],
    ["task", (_, { group }) => group.task],
    ["task_version", (_, { group }) => group.taskVersion],
    ["policy", ({ entry }) => entry.policy],
    ["budget", (_, { group }) => budgetText(group).replaceAll("\u202f", "")],
    ["tier", ({ tier }) => tier],
    ["arm", ({ row }) => row.arm],
    ["metric", (_, { group }) => group.metric],
    ["score", ({ row }) => row.score.value],
    ["score_lower", ({ row }) => row.score.lower],
    ["score_upper", ({ row }) => row.score.upper],
    ["before", ({ row }) => row.before],
    ["against", ({ row }) => row.difference?.against ?? null],
    ["difference", ({ row }) => row.difference?.effect.value ?? null],
    ["difference_lower", ({ row }) => row.difference?.effect.lower ?? null],
    ["difference_upper", ({ row }) => row.difference?.effect.upper ?? null],
    ["adjusted_p", ({ row }) => row.difference?.adjustedP ?? null],
    ["conclusion", ({ row }) => row.difference?.conclusion ?? null],
    ["seeds", ({ row }) => row.seeds.length],
    ["questions", (_, { group }) => group.questions],
    ["updates", ({ row }) => row.updates],
    ["tokens", ({ row }) => row.tokens],
    ["device", ({ entry }) => entry.devices.join(" ")],
    ["verified", ({ entry: { verified } }) => verified.gold && verified.scores ? "yes" : "in part"],
    ["entry", ({ entry }) => entry.id],
    ["name", ({ entry }) => entry.about.name],
  ];

/** leaderboard.csv: a line a row. */
export function boardCsv({ groups }: Board): string {
  const rows = groups.flatMap((group) =>
    group.rows.map((row) => COLUMNS.map(([, value]) => oneLine(value(row, group))))
  );
  return csvText(COLUMNS.map(([name]) => name), rows);
}

function oneLine(value: CsvValue): CsvValue {
  return typeof value === "string" ? value.replace(/[\r\n\t]+/g, " ") : value;
}
