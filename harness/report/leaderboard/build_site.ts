// Writes a leaderboard's static site: pages, JSON, CSV and the bundles to download. It reads entry.json alone, as
// `check` left it; whoever publishes checks first. A full report of each entry is made on request: it needs the bundles.

import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../../base/atomic_file.ts";
import { FailureError, MisuseError } from "../../base/errors.ts";
import type { Paper } from "../../records/papers.ts";
import { boardCsv, boardJson } from "./board_data.ts";
import { boardOf } from "./board.ts";
import { boardPage } from "./board_page.ts";
import { bundleName, entriesFolder, readEntries } from "./entry_files.ts";
import { entryPage } from "./entry_page.ts";

/** Options of {@linkcode buildSite}. */
export interface BuildSiteOptions {
  /** Folder of the site; made where it is missing. */
  readonly out: string;
  readonly papers?: readonly Paper[];
  /** Makes the report of the bundle at a path, as the text of a page. @default no reports */
  readonly report?: ((bundlePath: string) => Promise<string>) | null;
}

/** What was built. */
export interface BuiltSite {
  readonly entries: number;
  readonly rows: number;
  readonly groups: number;
  readonly files: number;
}

/** Files of the site beside its entries. */
const PAGE = "index.html", JSON_FILE = "leaderboard.json", CSV_FILE = "leaderboard.csv";

/**
 * Builds the site of a leaderboard's folder. Equal entries give equal bytes.
 * @throws MisuseError where `out` holds other things; FailureError for an entry that cannot be read
 */
export async function buildSite(folder: string, options: BuildSiteOptions): Promise<BuiltSite> {
  const { out, papers = [], report = null } = options;
  const entries = await readEntries(folder);
  const bundles = new Map(
    await Promise.all(
      entries.map(async ({ id }) => [id, await bundleName(folder, id)] as const),
    ),
  );
  const board = boardOf(entries, papers);
  await emptySite(out);
  let files = 0;
  const write = async (path: string, text: string) => {
    await writeFileAtomic(join(out, path), text);
    files++;
  };
  await makeFolder(out);
  await write(PAGE, boardPage(board));
  await write(JSON_FILE, boardJson(board));
  await write(CSV_FILE, boardCsv(board));
  for (const group of board.groups) {
    for (const entry of new Set(group.rows.map((row) => row.entry))) {
      const at = join("entries", entry.id), bundle = bundles.get(entry.id);
      if (bundle === undefined) throw new FailureError(`Cannot build "${out}": entry ${entry.id} has no bundle`);
      await makeFolder(join(out, at));
      const from = join(entriesFolder(folder), entry.id, bundle), to = join(out, at, bundle);
      await copyFile(from, to).catch((error) => {
        throw fileError("write", to, error);
      });
      files++;
      if (report) await write(join(at, "report.html"), await report(from));
      await write(join(at, "index.html"), entryPage(entry, group, { bundle, report: report && "report.html" }));
    }
  }
  const rows = board.groups.reduce((sum, group) => sum + group.rows.length, 0);
  return { entries: entries.length, rows, groups: board.groups.length, files };
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error) => {
    throw fileError("write to", path, error);
  });
}

/** Takes away what an earlier build left of entries. @throws MisuseError where the folder is no site of a leaderboard */
async function emptySite(out: string): Promise<void> {
  if (!existsSync(out)) return;
  const names = await readdir(out).catch((error) => {
    throw fileError("read", out, error);
  });
  const strangers = names.filter((name) => ![PAGE, JSON_FILE, CSV_FILE, "entries"].includes(name));
  if (strangers.length > 0 || (names.length > 0 && !names.includes(JSON_FILE))) {
    throw new MisuseError(
      `Cannot build in "${out}": it holds ${
        JSON.stringify(strangers[0] ?? names[0])
      } and is no site of a leaderboard … ` +
        "choose an empty folder",
    );
  }
  await rm(join(out, "entries"), { recursive: true, force: true });
}
