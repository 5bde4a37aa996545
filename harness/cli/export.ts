// `export RESULTS`: results in the formats of other tools. The formats are harness/report/exports; here is which of them,
// and where to.

import type { Command } from "commander";
import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import type { Results } from "../records/results.ts";
import { readResults } from "../records/results.ts";
import { type ExportFormat, type ExportSource, exportSource } from "../report/exports/export_format.ts";
import { formats } from "../report/exports/formats.ts";
import { writeExport } from "../report/exports/write_export.ts";
import { visibleText } from "../base/visible_text.ts";
import { alignColumns, quantity } from "./format.ts";

/** Flags of `export`, as commander hands them over. */
interface ExportFlags {
  readonly format: string;
  readonly out: string;
  readonly file?: string;
  readonly dataset?: string;
  readonly datasetTask?: string;
  readonly organization: string;
  readonly json?: boolean;
}

/** Adds the command to the program; `done` takes the exit code. */
export function addExport(program: Command, done: (exitCode: number) => void): void {
  program.command("export")
    .description("Write results in the formats of other tools, from records alone.")
    .argument("<results>", "folder of an experiment, or a bundle")
    .requiredOption("--format <names>", "one of the formats below, several with commas between, or all")
    .requiredOption("--out <folder>", "where the files go; - prints one file on standard output")
    .option("--file <path>", "with --out -: the file to print, where a format has several")
    .option("--dataset <owner/name>", "hf-eval-results: the benchmark's dataset on the Hugging Face Hub")
    .option("--dataset-task <id>", "hf-eval-results: the id of the task in the dataset's eval.yaml")
    .option("--organization <name>", "every-eval-ever: who ran the experiment", "local")
    .option("--json", "what was written as JSON in the last line of standard output")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
Formats:
${alignColumns(formats.map(({ name, summary }) => [`  ${name}`, summary]), 2)}

Several formats go into a folder each. all leaves out what the records or flags do not suffice for, and says so.
Only finished cells are exported; cells.csv of csv lists the others too. Equal records give equal bytes.
Exit code: 0 written, 1 something failed, 2 the command was wrong.

Examples:
  deno task export results/arithmetic-embedded-quick-1a2b3c4d --format csv --out tables
  deno task export results/arithmetic-embedded-quick-1a2b3c4d --format csv --out - --file cells.csv
  deno task export results/arithmetic-embedded-quick-1a2b3c4d --format jsonl --out -
  deno task export results/arithmetic-embedded-quick-1a2b3c4d --format tensorboard --out runs
  deno task export results/arithmetic-embedded-quick-1a2b3c4d --format lm-eval,every-eval-ever --out others
  deno task export results/arithmetic-embedded-quick-1a2b3c4d --format all --out everything
`,
    )
    .action(async (path: string, flags: ExportFlags) => done(await run(path, flags)));
}

async function run(path: string, flags: ExportFlags): Promise<number> {
  const chosen = chooseFormats(flags.format);
  checkFlags(flags);
  const steps = chosen.some(({ name }) => name === "tensorboard" || name === "trackio");
  const results = await readResults(path, { steps });
  const source = exportSource(results, {
    dataset: flags.dataset ?? null,
    datasetTask: flags.datasetTask ?? null,
    organization: flags.organization,
  });
  const wanted = chosen.filter((format) => {
    const lack = format.lacks(source);
    if (lack === null) return true;
    if (flags.format !== "all") throw new MisuseError(`Cannot export "${path}" as ${format.name}: ${lack}`);
    console.error(`left out: ${format.name}: ${lack}`);
    return false;
  });
  if (flags.out === "-") {
    printFile(wanted, source, flags.file ?? null);
    return 0;
  }
  const written = await writeExport(flags.out, wanted, source);
  const unfinished = unfinishedCells(results);
  const print = flags.json ? console.error : console.log;
  print(alignColumns(written.map(({ format, files, bytes }) => [format, `${files} files`, `${quantity(bytes)}B`])));
  if (unfinished.length > 0) print(`left out, because they are not finished: ${unfinished.join(", ")}`);
  print(`Written to ${flags.out}`);
  if (flags.json) console.log(JSON.stringify({ out: flags.out, written, unfinished }));
  return 0;
}

function chooseFormats(names: string): readonly ExportFormat[] {
  if (names === "all") return formats;
  return [...new Set(names.split(","))].map((name) => {
    const known = formats.map(({ name }) => name), format = formats.find((format) => format.name === name);
    if (format) return format;
    const hint = suggest(name, known);
    throw new MisuseError(
      `Cannot export as "${name}": there is no such format${hint} … use ${known.join(", ")} or all`,
    );
  });
}

function checkFlags({ format, out, file, dataset, json }: ExportFlags): void {
  if (dataset !== undefined && !/^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(dataset)) {
    throw new MisuseError(`Cannot use --dataset ${JSON.stringify(dataset)}: it must be like openai/gsm8k`);
  }
  if (file !== undefined && out !== "-") throw new MisuseError("Cannot use --file: it needs --out -");
  if (out === "-" && json) throw new MisuseError("Cannot use --json with --out -: both print on standard output");
  if (out === "-" && (format === "all" || format.includes(","))) {
    throw new MisuseError("Cannot print several formats: --out - prints one file … name one format, or a folder");
  }
}

/** @throws MisuseError where it is not clear which file is meant, or it is no text */
function printFile([format]: readonly ExportFormat[], source: ExportSource, wanted: string | null): void {
  const others: string[] = [];
  let found: string | null = null;
  for (const { path, content } of format?.files(source) ?? []) {
    others.push(path);
    if (wanted === null ? others.length > 1 : path !== wanted) continue;
    const all = [...content], pieces = all.filter((piece) => typeof piece === "string");
    if (pieces.length < all.length) throw new MisuseError(`Cannot print ${path}: it is no text … use a folder`);
    found = pieces.join("");
  }
  if (wanted === null && others.length > 1 || found === null) {
    const what = wanted === null ? `there are ${others.length} files` : `there is no file "${wanted}"`;
    const some = others.slice(0, 5).join(", ") + (others.length > 5 ? ", …" : "");
    throw new MisuseError(`Cannot print ${format?.name}: ${what} … name one with --file: ${some}`);
  }
  console.log(found.replace(/\n$/, ""));
}

/** "grpo/3 (failed)" */
function unfinishedCells({ cells }: Results): string[] {
  return cells.filter(({ entry, record }) => entry.status !== "finished" || !record?.outcome)
    .map(({ entry: { arm, seed, status } }) => `${visibleText(arm)}/${seed} (${status})`);
}
