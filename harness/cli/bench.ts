// `bench [task]`: arms x seeds on a task, from flags to the table, the answer and the report at the end. It parses, plans, runs and shows; the
// experiment itself is harness/experiment.

import { join } from "node:path";
import type { Command } from "commander";
import { arms } from "../arms/registry.ts";
import { MisuseError } from "../base/errors.ts";
import { type Config, configFields } from "../config.ts";
import { applySettings, defaultConfig, overrideConfig, overrideFields, readSetting } from "../config_options.ts";
import { loadTaskFile } from "../experiment/load_files.ts";
import { type AskedAdapter, type ExperimentOptions, planExperiment } from "../experiment/plan.ts";
import { presets, usualPolicy } from "../experiment/presets.ts";
import { findProfile, profiles } from "../experiment/profiles.ts";
import { type ExperimentResult, runExperiment, type RunOptions } from "../experiment/run_experiment.ts";
import type { SweepOptions } from "../experiment/sweep.ts";
import type { CellEntry, FieldValue } from "../records/schema.ts";
import { answerText } from "../report/answer.ts";
import { writeReport } from "../report/write_report.ts";
import type { Task } from "../contract.ts";
import { findTask, tasks } from "../../tasks/registry.ts";
import { promptNames } from "../../tasks/style_task.ts";
import { budgetSettings } from "./budget.ts";
import { readConfigFile } from "./config_file.ts";
import { configText } from "./config_text.ts";
import { dryRun } from "./dry_run.ts";
import { fetchProgress } from "./fetch_progress.ts";
import { alignColumns } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { parseCount } from "./parse_count.ts";
import { openProgress } from "./progress.ts";
import { resultsTable } from "./results_table.ts";
import { warmUpLines } from "./warm_up_lines.ts";

/** Flags of `bench`, as commander hands them over. */
interface BenchFlags {
  readonly profile: string;
  readonly arms?: readonly string[];
  readonly seeds?: readonly number[];
  readonly policy?: string;
  readonly warmupSft?: number;
  readonly warmupLr?: number;
  readonly lora?: number;
  readonly loraAlpha?: number;
  readonly loraTargets?: readonly string[];
  readonly dataDir?: string;
  readonly prompt: string;
  readonly grading: string;
  readonly device: string;
  readonly precision: string;
  readonly autoMicrobatch?: boolean;
  readonly set?: readonly string[];
  readonly config?: string;
  readonly budget?: string;
  readonly armFile?: readonly string[];
  readonly taskFile?: string;
  readonly against?: string;
  readonly margin?: number;
  readonly metric?: string;
  readonly sweep?: SweptField;
  readonly sweepSeeds: readonly number[];
  readonly out?: string;
  readonly checkpointEvery?: number;
  readonly keep?: number;
  readonly threads?: number;
  readonly jobs?: number;
  readonly json?: boolean;
  readonly debug?: boolean;
  readonly helpConfig?: boolean;
  readonly dryRun?: boolean;
  readonly expectTokens?: number;
  readonly printConfig?: boolean;
}

const help = (rows: readonly { readonly name: string; readonly summary: string }[]) =>
  rows.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join("\n");

/** Each prompt's name, and the tasks that have it. */
const presetHelp = Object.entries(presets).map(([name, { repository, note }]) => ({
  name,
  summary: `${repository}, ${note}`,
}));
const promptHelp = [...new Set(tasks.flatMap(promptNames))].map((name) => {
  const having = tasks.filter((task) => promptNames(task).includes(name));
  return { name, summary: having.length === tasks.length ? "every task" : having.map((task) => task.name).join(", ") };
});

/** What tests replace: the program of a cell's process, and what tries a device. */
export type BenchParts = Pick<RunOptions, "worker"> & Pick<ExperimentOptions, "probe">;

/** Adds the command to the program; `done` takes the exit code. */
export function addBench(
  program: Command,
  done: (exitCode: number) => void,
  parts: BenchParts = {},
): void {
  program.command("bench")
    .description(
      "Train a policy on a task by reinforcement learning: every arm with every seed, evaluated on held-out questions.",
    )
    .argument("[task]", `${tasks.map((task) => task.name).join(" or ")} (default: the profile's, or arithmetic)`)
    .option("--profile <name>", Object.keys(profiles).join(", "), "quick")
    .option("--arms <names>", "training methods, separated by commas (default: the profile's)", parseNames)
    .option("--seeds <list>", "e.g. 0,1,2 or 0-4 (default: the profile's)", parseSeeds)
    .option(
      "--policy <name>",
      "embedded, embedded-cold, a preset (below), a Hugging Face folder (a policy or an adapter), or org/name[@revision] of the Hub (default: the profile's, or embedded, and of tasks with real data qwen2.5-0.5b)",
    )
    .option(
      "--warmup-sft <updates>",
      "supervised updates on the task's answer layout before, the same for every arm",
      parseCount("--warmup-sft"),
    )
    .option("--warmup-lr <rate>", "their peak learning rate (default: 2e-5)", parseRate)
    .option("--lora <rank>", "train a LoRA adapter of this rank in place of the policy's weights", parseCount("--lora"))
    .option("--lora-alpha <n>", "its product is scaled by alpha / rank (default: twice the rank)", parseAlpha)
    .option("--lora-targets <names>", "the layers it adapts, e.g. q_proj,v_proj (default: all-linear)", parseNames)
    .option("--data-dir <folder>", "the task's files (default: the cache, into which they are fetched)")
    .option("--prompt <name>", "how the task asks: paper, or one of its others (below)", "paper")
    .option("--grading <mode>", "strict, or lenient: an answer out of its layout counts too", "strict")
    .option(
      "--device <name>",
      "cpu, webgpu, cuda, dml, coreml (see `deno task doctor`), cuda:1 or cuda:0-3 of several, or auto: the fastest",
      "cpu",
    )
    .option("--precision <name>", "float32, or float16 where the device can: its matrix products", "float32")
    .option("--auto-microbatch", "smaller passes, rl.microBatch, where the device has not the memory for them")
    .option("--set <key=value>", "a config field, e.g. rl.learningRate=1e-5; repeatable", collect)
    .option("--config <file>", "config fields from a YAML or JSON file")
    .option("--budget <unit=n>", "of each cell: updates=120 or tokens=250000")
    .option("--arm-file <file>", "a file that defines arms; repeatable", collect)
    .option("--task-file <file>", "a file that defines tasks")
    .option("--against <arm>", "the arm that the others are compared with (default: grpo, or the first that trains)")
    .option("--margin <points>", "least difference that matters, in percentage points (default: 2)", parsePoints)
    .option("--metric <name>", "what is compared: accuracy or pass (default: accuracy)")
    .option(
      "--sweep <field=values>",
      "tune each arm on seeds of their own before, e.g. rl.learningRate=1e-5,3e-5",
      parseSweep,
    )
    .option("--sweep-seeds <list>", "tuning seeds, never among --seeds", parseSeeds, [1000, 1001])
    .option("--out <folder>", "where results go (default: results/<task>-<policy>-<profile>-<digest of the plan>)")
    .option(
      "--checkpoint-every <updates>",
      "updates between two checkpoints (default: 10)",
      parseCount("--checkpoint-every"),
    )
    .option(
      "--keep <n>",
      "checkpoints that a finished cell keeps, beside the best on validation (default: 2)",
      parseCount("--keep", 0),
    )
    .option(
      "--threads <n>",
      "threads of each cell (default: the cores, shared among the jobs)",
      parseCount("--threads"),
    )
    .option(
      "--jobs <n>",
      "cells side by side (default: as many as there are cores; on GPUs one each)",
      parseCount("--jobs"),
    )
    .option(
      "--dry-run",
      "say what it takes (parameters, memory, disk, time); nothing is run or written, no weights are fetched",
    )
    .option(
      "--expect-tokens <n>",
      "with --dry-run: the length that is expected of completions (default: their cap)",
      parseCount("--expect-tokens"),
    )
    .option("--json", "the summary as JSON in the last line of standard output")
    .option("--debug", "show stack traces and what failed cells printed")
    .option("--help-config", "list every config field: default, allowed values, meaning")
    .option("--print-config", "show every field as this command has it, beside the paper's if it is a paper's profile")
    .addHelpText(
      "after",
      `
Tasks:
${help(tasks)}

Prompts:
${help(promptHelp)}

Presets, models of the Hub at one commit each:
${help(presetHelp)}

Arms:
${help(arms)}

Profiles:
${help(Object.entries(profiles).map(([name, { summary }]) => ({ name, summary })))}

A config field is taken from the arm, else --set, --config, the profile, the task, or its default (--help-config).
The same command goes on where it was interrupted, also after a crash; with --out, arms and seeds can be added later.
Exit code: 0 all cells finished, 1 a cell failed, 2 the command was wrong, 130 interrupted by Ctrl-C.

Examples:
  deno task bench                                  the embedded policy learns arithmetic, in minutes
  deno task bench --profile smoke                  the same in seconds, to see that all works
  deno task bench --arms grpo --seeds 0-4 --budget updates=60
  deno task bench --arms grpo,memory-r+ --sweep rl.learningRate=2e-5,5e-5,1e-4
  deno task bench arithmetic --policy embedded-cold --set rl.advantage=mean --set rl.loss=dr_grpo
  deno task bench gsm8k --data-dir gsm8k --policy SmolLM2-135M-Instruct --seeds 0 --config run.yaml
  deno task bench --device auto                    on the GPU, where that is faster
  deno task bench --lora 8 --arms grpo --set rl.learningRate=1e-3
  deno task bench gsm8k --arms grpo                 Qwen2.5-0.5B-Instruct learns GSM8K; both are fetched
  deno task bench gsm8k --policy smollm2-135m --dry-run   what that would take
  deno task bench --profile paper --print-config   the paper's recipe, field by field; without --print-config, run
`,
    )
    .action(async (task: string | undefined, flags: BenchFlags) => {
      if (flags.helpConfig) {
        console.log(configTable());
        done(0);
      } else done(await bench(task, flags, parts));
    });
}

async function bench(
  asked: string | undefined,
  flags: BenchFlags,
  { worker, probe }: BenchParts,
): Promise<number> {
  const profile = findProfile(flags.profile), name = asked ?? profile.task ?? "arithmetic";
  if (profile.task !== undefined && name !== profile.task) {
    throw new MisuseError(
      `Cannot use --profile ${flags.profile} with task ${name}: it is the recipe of ${profile.task} … leave the task out, ` +
        "or take its fields from --print-config into a --config file",
    );
  }
  const files = flags.taskFile === undefined ? null : await loadTaskFile(flags.taskFile);
  const task = files?.exports.find((task) => task.name === name) ?? findTask(name);
  const { dryRun: dry = false, expectTokens: expected = null, json = false } = flags;
  if (expected !== null && !dry) {
    throw new MisuseError("Cannot use --expect-tokens without --dry-run: it changes no run");
  }
  const resolved = {
    task: task.name,
    policy: flags.policy ?? profile.policy ?? usualPolicy(task),
    arms: flags.arms ?? profile.arms,
    seeds: flags.seeds ?? profile.seeds,
    prompt: flags.prompt,
    config: await resolveConfig(task, flags),
  };
  if (flags.printConfig) {
    console.log(configText(resolved, profile.recipe));
    return 0;
  }
  const wanted: ExperimentOptions = {
    ...resolved,
    taskFile: flags.taskFile ?? null,
    dataDir: flags.dataDir ?? null,
    grading: flags.grading,
    fetching: { report: fetchProgress() },
    warmUp: warmUpOf(flags),
    adapter: adapterOf(flags),
    armFiles: flags.armFile ?? [],
    sweep: flags.sweep ? { ...flags.sweep, seeds: flags.sweepSeeds } : null,
    claim: { against: flags.against ?? null, margin: flags.margin ?? null, metric: metricOf(flags.metric) },
    profile: flags.profile,
    device: flags.device,
    precision: flags.precision,
    autoMicroBatch: flags.autoMicrobatch ?? false,
    ...(probe ? { probe } : {}),
    threads: flags.threads ?? null,
    jobs: flags.jobs ?? null,
    ...(flags.checkpointEvery === undefined ? {} : { checkpointEvery: flags.checkpointEvery }),
    ...(flags.keep === undefined ? {} : { keep: flags.keep }),
    out: flags.out ?? null,
    command: Deno.args,
  };
  if (dry) return await dryRun(wanted, { expected, json });
  const plan = await planExperiment(wanted);
  if (plan.said !== null) console.error(plan.said);
  const progress = openProgress(plan);
  let outcome;
  try {
    outcome = await interruptible(
      (signal, kill) =>
        runExperiment(plan, {
          ...{ signal, kill, report: progress.report, onWarmUp: warmUpLines(progress.say) },
          ...(worker ? { worker } : {}),
        }),
      () => progress.say("Finishing the updates in flight … Ctrl-C again to stop at once"),
    );
  } finally {
    progress.stop();
  }
  const { result, exitCode } = outcome;
  await show(result, plan.out, flags);
  if (exitCode !== null) console.error("Interrupted; what was done is kept, and the same command goes on from there");
  const own = new Set(plan.cells.map((cell) => cell.folder));
  if (result.record.cells.every(({ folder, status }) => status === "finished" || !own.has(folder))) return 0;
  if (exitCode !== null) return exitCode;
  const failed = result.results.filter(({ record }) => record.status === "failed");
  return failed.every(({ misuse }) => misuse) ? 2 : 1;
}

/** Defaults < the task's < profile < config file < --set and --budget; an arm's own fields come last, in the plan. */
async function resolveConfig(task: Task, { profile, config: file, set = [], budget }: BenchFlags): Promise<Config> {
  const tasked = overrideFields(defaultConfig, task.defaults, `task "${task.name}"`);
  const profiled = overrideConfig(tasked, findProfile(profile).config, `profile "${profile}"`);
  const filed = file === undefined ? profiled : overrideConfig(profiled, await readConfigFile(file), file);
  return applySettings(filed, [...set, ...budgetSettings(budget, set)]);
}

async function show({ record, results }: ExperimentResult, out: string, { json, debug }: BenchFlags): Promise<void> {
  const print = json ? console.error : console.log, report = join(out, "report.html");
  print(`\n${resultsTable(record)}\n`);
  if (results.length === 0 && record.status === "finished") print("Nothing to do: all cells had finished before");
  for (const { arm, tried } of record.tuning?.arms ?? []) {
    for (const { value, cells } of tried) printFailures(cells.map((cell) => ({ ...cell, arm: `${arm} ${value}` })));
  }
  printFailures(record.cells);
  if (debug) {
    for (const { record: { arm, seed, status }, log } of results) {
      if (status === "failed" && log) console.error(`\nLog of ${arm} seed ${seed}:\n${log}`);
    }
  }
  const answer = answerText(await writeReport([out], report));
  print(`${answer}\n\nResults: ${out}\nReport:  ${report}`);
  if (json) {
    const { status, seconds, task, policy, profile, device, cells, tuning, match, summary: arms } = record;
    const told = { status, out, report, answer, seconds, task, policy, profile, device, cells, tuning, match, arms };
    console.log(JSON.stringify(told));
  }
}

function printFailures(cells: readonly Pick<CellEntry, "arm" | "seed" | "failure">[]): void {
  for (const { arm, seed, failure } of cells) if (failure) console.error(`error: ${arm} seed ${seed}: ${failure}`);
}

/** A field and the values to try, as `--sweep` has them. */
type SweptField = Pick<SweepOptions, "field" | "values">;

/** "rl.learningRate=1e-5,3e-5" */
function parseSweep(text: string): SweptField {
  const [key = "", ...rest] = text.split("=");
  if (rest.length === 0) {
    throw new MisuseError(`Cannot use --sweep ${text}: it must look like field=values, e.g. rl.learningRate=1e-5,3e-5`);
  }
  const read = rest.join("=").split(",").map((value) => readSetting(`${key}=${value}`, "--sweep"));
  return { field: read[0]?.key ?? key, values: read.map(({ value }) => fieldValue(value)) };
}

/** What a setting reads as is a string, a number or a boolean; the types do not say so. */
function fieldValue(value: unknown): FieldValue {
  return typeof value === "number" || typeof value === "boolean" ? value : String(value);
}

function warmUpOf(
  { warmupSft: updates, warmupLr: learningRate }: BenchFlags,
): NonNullable<ExperimentOptions["warmUp"]> | null {
  if (updates !== undefined) return { updates, ...(learningRate === undefined ? {} : { learningRate }) };
  if (learningRate === undefined) return null;
  throw new MisuseError("Cannot use --warmup-lr without --warmup-sft: say how many updates the warm-up has");
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (rate > 0 && rate <= 1) return rate;
  throw new MisuseError(`Cannot use --warmup-lr ${text}: it must be a number above 0 and of at most 1`);
}

function adapterOf({ lora, loraAlpha, loraTargets }: BenchFlags): AskedAdapter | null {
  if (lora !== undefined) return { rank: lora, alpha: loraAlpha ?? null, targets: loraTargets ?? null };
  const [given] = [...(loraAlpha === undefined ? [] : ["--lora-alpha"]), ...(loraTargets ? ["--lora-targets"] : [])];
  if (given === undefined) return null;
  throw new MisuseError(`Cannot use ${given} without --lora: give the adapter's rank, e.g. --lora 16`);
}

function parseAlpha(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw new MisuseError(`Cannot use --lora-alpha ${text}: it must be a number above 0`);
}

function metricOf(name: string | undefined): "accuracy" | "passAtSamples" | null {
  if (name === undefined || name === "accuracy") return name ?? null;
  if (name === "pass") return "passAtSamples";
  throw new MisuseError(`Cannot use --metric ${name}: the metrics are accuracy and pass`);
}

function parsePoints(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) <= 100) return Number(text);
  throw new MisuseError(`Cannot use --margin ${text}: it must be a number of percentage points from 0 to 100`);
}

function configTable(): string {
  const rows = configFields.map(({ key, default: value, range, description }) => [key, `${value}`, range, description]);
  return alignColumns([["field", "default", "allowed", "meaning"], [], ...rows], 4);
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

function parseNames(text: string): readonly string[] {
  return text.split(",").map((name) => name.trim()).filter(Boolean);
}

/** "0,2,5-7" as 0, 2, 5, 6, 7. */
export function parseSeeds(text: string): readonly number[] {
  return text.split(",").flatMap((part) => {
    const [, first, last = first] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    const from = Number(first), to = Number(last);
    if (first === undefined || to < from || to - from >= 1000) {
      throw new MisuseError(`Cannot use --seeds ${text}: "${part}" must be a seed like 3 or a range like 0-4`);
    }
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
