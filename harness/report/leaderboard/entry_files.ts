// Where a leaderboard's entries lie: entries/<id>/entry.json and beside it the bundle, packed or not. Folders are found
// by the shape of their names, and a name is never made from what an entry says.

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import { fileError } from "../../base/atomic_file.ts";
import { canonicalJson } from "../../base/canonical_json.ts";
import { FailureError } from "../../base/errors.ts";
import { readJsonFile } from "../../base/json_file.ts";
import { type LeaderboardEntry, leaderboardEntrySchema } from "../../records/leaderboard_entry.ts";
import { check } from "../../records/store.ts";

/** Names of an entry's files. */
export const ENTRY_FILE = "entry.json";
export const PACKED_BUNDLE = "bundle.json.gz";
export const PLAIN_BUNDLE = "bundle.json";

/** The folder of all entries. */
export function entriesFolder(board: string): string {
  return join(board, "entries");
}

/**
 * Ids of the entries of a leaderboard, sorted; none where it has not begun.
 * @throws FailureError for anything below entries/ that is no entry's folder
 */
export async function entryIds(board: string): Promise<string[]> {
  const folder = entriesFolder(board);
  if (!existsSync(folder)) return [];
  const found = await readdir(folder, { withFileTypes: true }).catch((error) => {
    throw fileError("read", folder, error);
  });
  const stranger = found.find((entry) => !entry.isDirectory() || !/^[0-9a-f]{16}$/.test(entry.name));
  if (stranger) {
    throw new FailureError(
      `Cannot read "${folder}": ${JSON.stringify(stranger.name)} is no entry's folder … remove it`,
    );
  }
  return found.map(({ name }) => name).sort();
}

/** An entry.json. @throws FailureError where it is missing, malformed, or its id is not the folder's name */
export async function readEntry(board: string, id: string): Promise<LeaderboardEntry> {
  const path = join(entriesFolder(board), id, ENTRY_FILE);
  const entry = check(leaderboardEntrySchema, await readJsonFile(path), path);
  if (entry.id === id) return entry;
  throw new FailureError(`Cannot read "${path}": its id is "${entry.id}" … its folder must have that name`);
}

/** An entry as the text of its file: keys sorted, so that equal entries are equal bytes wherever they came from. */
export function entryText(entry: LeaderboardEntry): string {
  return JSON.stringify(JSON.parse(canonicalJson(entry)), null, 2) + "\n";
}

/** All entries, by id. @throws FailureError as {@linkcode readEntry} does */
export async function readEntries(board: string): Promise<LeaderboardEntry[]> {
  const ids = await entryIds(board);
  return await Promise.all(ids.map((id) => readEntry(board, id)));
}

/**
 * Name of an entry's bundle.
 * @throws FailureError where the folder holds anything but entry.json and one bundle, as plain files
 */
export async function bundleName(board: string, id: string): Promise<string> {
  const folder = join(entriesFolder(board), id), cannot = `Cannot read "${folder}"`;
  const found = await readdir(folder, { withFileTypes: true }).catch((error) => {
    throw fileError("read", folder, error);
  });
  const bundles = found.filter(({ name }) => name === PACKED_BUNDLE || name === PLAIN_BUNDLE);
  const stranger = found.find((file) => !file.isFile() || (file.name !== ENTRY_FILE && !bundles.includes(file)));
  if (stranger) throw new FailureError(`${cannot}: ${JSON.stringify(stranger.name)} does not belong there … remove it`);
  const [bundle, other] = bundles;
  if (bundle && !other) return bundle.name;
  throw new FailureError(`${cannot}: it has ${bundle ? "two bundles" : "no bundle"} … keep ${PACKED_BUNDLE} alone`);
}

/** The text packed: no time and no system stands in it, so that equal texts are equal files. */
export function packedText(text: string): Uint8Array {
  const bytes = gzipSync(text, { level: constants.Z_BEST_COMPRESSION });
  bytes.fill(0, 4, 8); // RFC 1952: the time,
  bytes[9] = 255; // and the system that packed it
  return bytes;
}
