// The command line with explore and serve alone, as harness/cli/main.ts would run them.

import { Command, CommanderError } from "commander";
import { FailureError, MisuseError } from "../../../harness/base/errors.ts";
import { addExplore } from "../../../harness/cli/explore.ts";
import { addServe } from "../../../harness/cli/serve.ts";

const program = new Command("matchbox").exitOverride();
let exitCode = 0;
addExplore(program, (code) => exitCode = code);
addServe(program, (code) => exitCode = code);
try {
  await program.parseAsync(Deno.args, { from: "user" });
} catch (error) {
  exitCode = error instanceof CommanderError && error.exitCode === 0 ? 0 : error instanceof FailureError ? 1 : 2;
  if (!(error instanceof CommanderError)) console.error(`error: ${error instanceof Error ? error.message : error}`);
  if (!(error instanceof CommanderError || error instanceof FailureError || error instanceof MisuseError)) {
    exitCode = 70;
  }
}
Deno.exit(exitCode);
