// The command line of a check against Python: it takes the interpreter, gives the check an empty folder, prints what holds
// and what does not, and ends with exit code 1 where anything does not.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Command } from "commander";

/** What a check is given. */
export interface PythonCheck {
  readonly python: string;
  /** Empty, and removed afterwards. */
  readonly folder: string;
  readonly say: (holds: boolean, text: string) => void;
}

/** Runs a check that needs Python with the packages of requirements.txt. */
export async function pythonCheck(
  name: string,
  description: string,
  check: (given: PythonCheck) => Promise<void>,
): Promise<void> {
  const { python } = new Command(name)
    .description(description)
    .option("--python <path>", "Python interpreter with tests/peers/requirements.txt installed", "python3")
    .allowExcessArguments(false)
    .parse()
    .opts<{ python: string }>();
  const folder = mkdtempSync(join(tmpdir(), "matchbox-"));
  let well = true;
  const say = (holds: boolean, text: string) => {
    console.log(`${holds ? "ok    " : "FAILED"} ${text}`);
    well &&= holds;
  };
  try {
    await check({ python, folder, say });
    process.exitCode = well ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
