// The program: commands from their files, errors as one sentence, and the exit code (0 done, 1 failed, 2 misused).

import { Command, CommanderError } from "commander";
import config from "../../deno.json" with { type: "json" };
import { FailureError, MisuseError } from "../base/errors.ts";
import { visiblePage } from "../base/visible_text.ts";
import { addBaseline } from "./baseline.ts";
import { addBench, type BenchParts } from "./bench.ts";
import { addCompare } from "./compare.ts";
import { addDoctor } from "./doctor.ts";
import { addEval } from "./eval.ts";
import { addExplore } from "./explore.ts";
import { addExport } from "./export.ts";
import { addLeaderboard } from "./leaderboard.ts";
import { addPlan } from "./plan.ts";
import { addPolicy } from "./policy.ts";
import { addPretrain } from "./pretrain.ts";
import { addReport } from "./report.ts";
import { addServe } from "./serve.ts";
import { addVerify } from "./verify.ts";

/** The program with all its commands; `done` takes the exit code of the one that ran. */
export function programOf(done: (exitCode: number) => void, parts: BenchParts = {}): Command {
  const program = new Command("matchbox")
    .description("Matched reinforcement-learning experiments on tiny language models.")
    .version(config.version)
    .addHelpText("after", "\nExample:\n  deno task bench --help\n")
    .exitOverride();
  addBench(program, done, parts);
  addEval(program, done);
  for (const add of [addPlan, addReport, addCompare]) add(program, done);
  addBaseline(program);
  for (const add of [addLeaderboard, addExport, addExplore, addServe, addVerify]) add(program, done);
  addDoctor(program, done, parts);
  addPolicy(program);
  addPretrain(program);
  return program;
}

/** Runs the command line. @returns the exit code. Never throws */
export async function main(args: readonly string[], parts: BenchParts = {}): Promise<number> {
  let exitCode = 0;
  const program = programOf((code) => {
    exitCode = code;
  }, parts);
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has printed its message
    const expected = error instanceof MisuseError || error instanceof FailureError;
    if (error instanceof Error && args.includes("--debug")) console.error(error.stack);
    else if (expected) console.error(`error: ${visiblePage(error.message)}`);
    else console.error(visiblePage(`error: Cannot go on: ${error} (a defect of Matchbox; --debug shows where)`));
    return error instanceof MisuseError ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
