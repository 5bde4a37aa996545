// `pin <results> <folder>`: a finished experiment's records into a folder that is kept, e.g. below baselines/.

import type { Command } from "commander";
import { readFinished, writePinned } from "../records/pinned.ts";

/** Adds the command to the program. */
export function addPin(program: Command): void {
  program.command("pin")
    .description("Keep a finished experiment's records in three files: plan, experiment, and one line for each cell.")
    .argument("<results>", "folder of the experiment")
    .argument("<folder>", "where the files go, e.g. baselines/arithmetic/mine")
    .addHelpText(
      "after",
      `
Steps, samples and checkpoints are left behind; their digests are in the records.

Example:
  deno task pin results/arithmetic-embedded-full-1a2b3c4d baselines/arithmetic/embedded
`,
    )
    .action(async (results: string, folder: string) => {
      const pinned = await readFinished(results);
      await writePinned(folder, pinned);
      console.log(`Pinned ${pinned.records.length} cells in ${folder}`);
    });
}
