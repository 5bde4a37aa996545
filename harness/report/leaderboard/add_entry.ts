// Takes results up into a leaderboard: verifies them, packs them as a bundle with all completions, and writes the rows
// that follow. Nothing is written unless everything verified.

import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../../base/atomic_file.ts";
import { canonicalJson } from "../../base/canonical_json.ts";
import { MisuseError } from "../../base/errors.ts";
import { bundleText, fromBundle, toBundle } from "../../records/bundle.ts";
import type { LeaderboardAbout, LeaderboardEntry } from "../../records/leaderboard_entry.ts";
import type { Results } from "../../records/results.ts";
import { entriesFolder, ENTRY_FILE, entryText, PACKED_BUNDLE, packedText, readEntries } from "./entry_files.ts";
import { entryOf } from "./entry_of.ts";
import { type GradingSources, verifyResults } from "./verify_results.ts";

/** What came of it. */
export interface AddedEntry {
  readonly entry: LeaderboardEntry;
  /** False: the same entry was there already, and nothing was written. */
  readonly added: boolean;
  /** Size of the packed bundle. */
  readonly bytes: number;
}

/**
 * Adds results to a leaderboard.
 * @param board its folder; made where it is missing
 * @param results with steps left out or not, and all completions
 * @throws FailureError naming what does not verify; MisuseError where the same runs are there under another name
 */
export async function addEntry(
  board: string,
  results: Results,
  about: LeaderboardAbout,
  sources: GradingSources,
): Promise<AddedEntry> {
  verifyResults(results, sources);
  const bundle = toBundle(results, { completions: true }), packed = packedText(bundleText(bundle));
  const kept = fromBundle(bundle, results.origin); // what others will read must verify, not what was read here
  const entry = entryOf(kept, bundle.digest, about, verifyResults(kept, sources));
  const same = (await readEntries(board)).find(({ cells }) => cells === entry.cells);
  if (same) {
    if (canonicalJson(same) === canonicalJson(entry)) return { entry, added: false, bytes: packed.length };
    throw new MisuseError(
      `Cannot add "${results.origin}": entry ${same.id} (${JSON.stringify(same.about.name)}) has the same runs … ` +
        `remove ${join(entriesFolder(board), same.id)} first to replace it`,
    );
  }
  const folder = join(entriesFolder(board), entry.id), unfinished = join(board, `.${entry.id}.adding`);
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    await mkdir(entriesFolder(board), { recursive: true });
    await writeFileAtomic(join(unfinished, PACKED_BUNDLE), packed);
    await writeFileAtomic(join(unfinished, ENTRY_FILE), entryText(entry));
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true }).catch(() => {}); // the first failure is the one to report
    throw fileError("write", folder, error);
  }
  return { entry, added: true, bytes: packed.length };
}
