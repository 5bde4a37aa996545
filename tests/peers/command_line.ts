// Options of a program of this folder, as a person writes them; what is wrong with them becomes one sentence.

import process from "node:process";
import { type Command, CommanderError } from "commander";
import { MisuseError } from "../../harness/base/errors.ts";

/** Reads arguments by a command that has its options. Ends the process after --help. @throws MisuseError */
export function readOptions<T extends object>(command: Command, args: readonly string[]): T {
  command.allowExcessArguments(false).exitOverride().configureOutput({ writeErr: () => {} });
  try {
    return command.parse([...args], { from: "user" }).opts<T>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0); // --help
    throw new MisuseError(error.message.replace(/^error: /, "Cannot read the command line: "));
  }
}
