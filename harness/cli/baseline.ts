// `baseline accept <results>` and `baseline show <file>`: what later runs are compared with. Accepting is an act of a
// person: it shows what changes against the file that is there, refuses what is unfinished or unmatched, and writes one
// bundle without completions. What a baseline means is harness/report/compare/comparable.ts.

import type { Command } from "commander";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import { MisuseError } from "../base/errors.ts";
import { visibleText } from "../base/visible_text.ts";
import { bundleText, toBundle } from "../records/bundle.ts";
import { proveMatch } from "../records/match.ts";
import { readResults, type Results } from "../records/results.ts";
import { baselineFile } from "../report/compare/baseline_file.ts";
import { baselineTable, whatChanges } from "./baseline_text.ts";

/** Text of others in a line of a terminal; longer ones are cut. */
const shown = (text: string) => visibleText(text, 300);

/** Flags of `accept`, as commander hands them over. */
interface AcceptFlags {
  readonly as?: string;
  readonly dryRun?: boolean;
}

/** Adds the command to the program. */
export function addBaseline(program: Command): void {
  const baseline = program.command("baseline")
    .description("Keep finished results as what later runs are compared with.")
    .addHelpText(
      "after",
      `
Examples:
  deno task baseline accept --help
  deno task baseline show baselines/arithmetic/quick.json
`,
    );
  baseline.command("accept")
    .description("Write results as a baseline: one file without completions. Shows what changes.")
    .argument("<results>", "folder of the experiment, or a bundle")
    .option("--as <file>", "the baseline's file (default: baselines/<task>/<profile>.json, see below)")
    .option("--dry-run", "show what would change, and write nothing")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
The default file is baselines/<task>/<profile>.json for the embedded policy, and
baselines/<task>/<profile>-<policy>.json for any other.
Refused are experiments with cells that have not finished, and those whose cells are not matched.

Examples:
  deno task baseline accept results/smoke --dry-run
  deno task baseline accept results/smoke
  deno task baseline accept results/smoke --as baselines/arithmetic/mine.json
`,
    )
    .action(async (results: string, flags: AcceptFlags) => await accept(results, flags));
  baseline.command("show")
    .description("What a baseline holds: task, policy, machine, and the scores of its arms.")
    .argument("<file>", "the baseline")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
Example:
  deno task baseline show baselines/arithmetic/smoke.json
`,
    )
    .action(async (file: string) => console.log(baselineTable(await readResults(file, { steps: false }))));
}

async function accept(path: string, { as, dryRun }: AcceptFlags): Promise<void> {
  const results = await readResults(path, { steps: false });
  refuseUnfit(results);
  const text = bundleText(toBundle(results, { completions: false }));
  const file = as ?? join("baselines", ...baselineFile(results));
  const before = existsSync(file) ? await readResults(file, { steps: false }) : null;
  const changes = before ? whatChanges(before, results) : null;
  console.log(baselineTable(results));
  console.log(`\n${before ? changesText(file, changes ?? []) : `${shown(file)} is new`}`);
  const size = `${(text.length / 1e6).toFixed(2)} MB`;
  if (dryRun) return console.log(`\nNothing was written; without --dry-run: ${shown(file)} (${size})`);
  try {
    await mkdir(dirname(file), { recursive: true });
  } catch (error) {
    throw fileError("write to", dirname(file), error);
  }
  await writeFileAtomic(file, text);
  console.log(`\nAccepted ${results.cells.length} cells as ${shown(file)} (${size})`);
}

function changesText(file: string, changes: readonly string[]): string {
  if (changes.length === 0) return `${shown(file)} says the same already`;
  return `Changes of ${shown(file)}:\n${changes.map((text) => `  ${shown(text)}`).join("\n")}`;
}

/** @throws MisuseError for what must not become a baseline */
function refuseUnfit({ origin, plan, cells }: Results): void {
  const refuse = (what: string) => new MisuseError(`Cannot accept "${origin}": ${what}`);
  if (plan === null) throw refuse("it is of schema version 1, which proves no match … run it again");
  const open = cells.filter(({ entry, record }) => entry.status !== "finished" || !record?.outcome);
  if (cells.length === 0) throw refuse("it has no cells");
  if (open.length > 0) {
    const { arm, seed, status } = open[0]!.entry;
    const which = `${open.length} of its ${cells.length} cells are not finished, e.g. ${arm} seed ${seed}: ${status}`;
    throw refuse(`${which} … run its command again`);
  }
  const proven = cells.flatMap(({ entry: { arm, seed }, record }) =>
    record?.outcome ? [{ arm, seed, outcome: record.outcome }] : []
  );
  const { matched, problems } = proveMatch(proven, plan.claim.against);
  if (!matched) throw refuse(`its cells are not matched (${problems[0]}) … run it again`);
  if (cells.some(({ answers }) => answers === null)) {
    throw refuse("the answers of its cells were not kept, without which nothing can be paired … run it again");
  }
}
