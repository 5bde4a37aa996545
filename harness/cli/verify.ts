// `verify RESULTS`: derives again what a results folder says and replays a piece of it. The checks are
// harness/experiment/verify.ts; here is one line for each, and the exit code.

import type { Command } from "commander";
import type { CheckedItem } from "../experiment/checklist.ts";
import { fetchProgress } from "./fetch_progress.ts";
import { parseCount } from "./parse_count.ts";

/** Flags of `verify`, as commander hands them over. */
interface VerifyFlags {
  readonly replay?: number;
  readonly cell?: string;
  readonly policy?: string;
  readonly dataDir?: string;
  readonly taskFile?: string;
  readonly armFile?: readonly string[];
  readonly json?: boolean;
}

const words = { ok: "ok     ", failed: "FAILED ", skipped: "skipped" };

/** Adds the command to the program; `done` takes the exit code. */
export function addVerify(program: Command, done: (exitCode: number) => void): void {
  program.command("verify")
    .description(
      "Check a results folder: digests, grades, sums and the match proof again, and some updates or samples replayed.",
    )
    .argument("<results>", "folder of an experiment, of one cell or of an evaluation, or a bundle")
    .option(
      "--replay <n>",
      "updates to replay, or questions of an evaluation; 0: none (default: up to the next checkpoint; one question)",
      parseCount("--replay", 0),
    )
    .option("--cell <arm/seed>", "the cell to replay (default: the first that trained)")
    .option("--policy <name>", "where the policy lies now, if it was moved; org/name@commit fetches it")
    .option("--data-dir <folder>", "the task's files (default: the cache)")
    .option("--task-file <file>", "the file that defines the task, if it is not of Matchbox")
    .option("--arm-file <file>", "a file that defines arms; repeatable", collect)
    .option("--json", "the checks as JSON in the last line of standard output")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
What cannot be checked, because a task, its data or a policy is not at hand, is shown as skipped. A policy of the Hub is
looked for in its cache; it is fetched only where --policy names it.
A replay gives the same bits on the same kind of machine; elsewhere it may fail where nothing was changed. What ran on a
GPU is not replayed: its results are compared statistically.
What \`eval\` wrote of several policies is verified one by one; of each the first questions are asked again.
Exit code: 0 nothing failed, 1 something failed, 2 the command was wrong.

Examples:
  deno task verify results/arithmetic-embedded-quick-1a2b3c4d
  deno task verify results/arithmetic-embedded-quick-1a2b3c4d --cell memory-r+/2 --replay 5
  deno task verify baselines/arithmetic/embedded.json     records alone
  deno task verify results/eval-arithmetic-embedded-1a2b3c4d --replay 2    what \`eval\` wrote, two questions asked again
`,
    )
    .action(async (folder: string, flags: VerifyFlags) => done(await run(folder, flags)));
}

async function run(
  folder: string,
  { replay, cell, policy, dataDir, taskFile, armFile, json }: VerifyFlags,
): Promise<number> {
  const { verify } = await import("../experiment/verify.ts"); // onnxruntime-node comes with it
  const print = json ? console.error : console.log;
  const lines = new Lines(print);
  const items = await verify(folder, {
    replay: replay ?? null,
    cell: cell ?? null,
    policy: policy ?? null,
    fetching: { report: fetchProgress() },
    dataDir: dataDir ?? null,
    taskFile: taskFile ?? null,
    armFiles: armFile ?? [],
    report: (item) => lines.take(item),
  });
  lines.flush();
  const count = (state: CheckedItem["state"]) => items.filter((item) => item.state === state).length;
  print(`\n${count("ok")} ok, ${count("failed")} failed, ${count("skipped")} skipped`);
  if (json) console.log(JSON.stringify({ ok: count("failed") === 0, checks: items }));
  return count("failed") === 0 ? 0 : 1;
}

/** A line for each file of a cell that is well, naming what was checked, and one for every other check. */
class Lines {
  #folder = "";
  #held: CheckedItem[] = [];

  constructor(private readonly print: (text: string) => void) {}

  take(item: CheckedItem): void {
    const folder = item.place.split("/").slice(0, 2).join("/");
    if (folder !== this.#folder) this.flush();
    this.#folder = folder;
    this.#held.push(item);
  }

  flush(): void {
    for (const [place, items] of Map.groupBy(this.#held, ({ place }) => place)) {
      const well = items.filter(({ state }) => state === "ok").map(({ what }) => what);
      if (well.length > 0) this.print(`${words.ok} ${place}: ${well.join(", ")}`);
      for (const { state, what, reasons: [reason, ...more] } of items) {
        if (state === "ok") continue;
        this.print(
          `${words[state]} ${place}: ${what}: ${reason}${more.length > 0 ? ` (and ${more.length} more)` : ""}`,
        );
      }
    }
    this.#held = [];
  }
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
