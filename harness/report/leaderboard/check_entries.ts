// Verifies a whole leaderboard again: every bundle as if it were added now, and every entry.json against what follows
// from its bundle. A changed grade, completion, score or bundle is named.

import { join } from "node:path";
import { writeFileAtomic } from "../../base/atomic_file.ts";
import { canonicalJson } from "../../base/canonical_json.ts";
import { FailureError, MisuseError } from "../../base/errors.ts";
import { fromBundle, readBundle } from "../../records/bundle.ts";
import type { LeaderboardEntry } from "../../records/leaderboard_entry.ts";
import type { PlanRecord } from "../../records/plan_schema.ts";
import { bundleName, entriesFolder, ENTRY_FILE, entryIds, entryText, readEntry } from "./entry_files.ts";
import { entryOf } from "./entry_of.ts";
import { type GradingSources, verifyResults } from "./verify_results.ts";

/** What was found of an entry. */
export interface CheckedEntry {
  readonly id: string;
  /** null: it verifies. */
  readonly problem: string | null;
  /** entry.json was written again. */
  readonly rewritten: boolean;
  /** The entry as it is now; null where it could not be read. */
  readonly entry: LeaderboardEntry | null;
}

/** Options of {@linkcode checkEntries}. */
export interface CheckEntriesOptions {
  /** The task and its data for a plan. @throws MisuseError where the task is unknown */
  readonly sources: (plan: PlanRecord) => Promise<GradingSources>;
  /** Writes each entry.json again that does not say what follows from a bundle that verifies. @default false */
  readonly rewrite?: boolean;
  /** Told of each entry as it is done. */
  readonly report?: (checked: CheckedEntry) => void;
}

/** Checks every entry. @throws FailureError where the folder holds anything that is no entry */
export async function checkEntries(board: string, options: CheckEntriesOptions): Promise<CheckedEntry[]> {
  const checked: CheckedEntry[] = [], owners = new Map<string, string>();
  for (const id of await entryIds(board)) {
    let found = await checkEntry(board, id, options);
    const cells = found.entry?.cells ?? "", twin = owners.get(cells);
    if (found.problem === null && twin !== undefined) {
      found = { ...found, problem: `it has the same runs as entry ${twin} … remove one of them` };
    }
    owners.set(cells, twin ?? id);
    options.report?.(found);
    checked.push(found);
  }
  return checked;
}

async function checkEntry(board: string, id: string, options: CheckEntriesOptions): Promise<CheckedEntry> {
  try {
    const path = join(entriesFolder(board), id, await bundleName(board, id));
    const bundle = await readBundle(path), results = fromBundle(bundle, path);
    const entry = await readEntry(board, id);
    if (results.plan === null) throw new FailureError(`Cannot verify "${path}": it has no plan`);
    const sources = await options.sources(results.plan), verified = verifyResults(results, sources);
    const gold = sources.data === null ? entry.verified.gold : verified.gold; // what is not at hand is not denied
    const derived = entryOf(results, bundle.digest, entry.about, { ...verified, gold });
    const problem = differenceOf(derived, entry);
    if (problem === null || derived.id !== id || !options.rewrite) return { id, problem, rewritten: false, entry };
    await writeFileAtomic(join(entriesFolder(board), id, ENTRY_FILE), entryText(derived));
    return { id, problem: null, rewritten: true, entry: derived };
  } catch (error) {
    if (error instanceof FailureError || error instanceof MisuseError) {
      return { id, problem: error.message, rewritten: false, entry: null };
    }
    throw error;
  }
}

/** The first place where an entry does not say what follows from its bundle. */
function differenceOf(derived: LeaderboardEntry, entry: LeaderboardEntry): string | null {
  if (derived.id !== entry.id) return `its bundle is of entry ${derived.id} … restore it`;
  const place = firstDifference(derived, entry, []);
  return place === null
    ? null
    : `${ENTRY_FILE} does not say what follows from its bundle at ${
      place.join(".")
    } … restore it, or write it again with --rewrite`;
}

function firstDifference(a: unknown, b: unknown, path: readonly string[]): readonly string[] | null {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b) ? null : path;
  const [some, others] = [new Map<string, unknown>(Object.entries(a)), new Map<string, unknown>(Object.entries(b))];
  for (const key of new Set([...some.keys(), ...others.keys()])) {
    const found = firstDifference(some.get(key), others.get(key), [...path, key]);
    if (found) return found;
  }
  return canonicalJson(a) === canonicalJson(b) ? null : path;
}
