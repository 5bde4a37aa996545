// `report RESULTS…`: results as one HTML page that needs nothing else. The page is harness/report.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";

/** Flags of `report`, as commander hands them over. */
interface ReportFlags {
  readonly out?: string;
  readonly json?: boolean;
}

/** Adds the command to the program; `done` takes the exit code. */
export function addReport(program: Command, done: (exitCode: number) => void): void {
  program.command("report")
    .description("Write results as one HTML page: the answer, how sure it is, and everything it rests on.")
    .argument("<results...>", "folders of experiments, or bundles; the first gives the plan, the others add cells")
    .option(
      "--out <file>",
      "where the page goes (default: report.html in the first folder, or beside the first bundle)",
    )
    .option("--json", "the page's path and its answer as JSON in the last line of standard output")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
The page holds all that it shows, opens without a network, and is the same to the byte for the same records.
What was not finished, or not kept, is said where it would be. Several results must be of the same task, policy and
config, and share no arm and seed; what is not the first's is shown as exploratory.

Examples:
  deno task report results/arithmetic-embedded-quick-1a2b3c4d
  deno task report baselines/arithmetic/quick.json --out quick.html
  deno task report results/planned results/more-seeds --out both.html
`,
    )
    .action(async (results: readonly string[], { out, json }: ReportFlags) => {
      const { answerText } = await import("../report/answer.ts");
      const { writeReport } = await import("../report/write_report.ts");
      const file = out ?? besides(results[0] ?? ".");
      const answer = answerText(await writeReport(results, file));
      (json ? console.error : console.log)(`${answer}\n\nReport: ${file}`);
      if (json) console.log(JSON.stringify({ report: file, answer }));
      done(0);
    });
}

/** Where the page of these results goes if nobody says. */
function besides(results: string): string {
  return existsSync(join(results, "experiment.json"))
    ? join(results, "report.html")
    : `${results.replace(/(\.json|\.json\.gz)?\/*$/, "")}.html`;
}
