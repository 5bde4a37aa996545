// What an experiment will run, settled and checked before anything starts: the cells (arms x seeds), each a function of
// its spec, what is claimed of them, and the folder that they will fill. Everything cheap that can be wrong is found here:
// names, values, duplicates, the policy's config.json, the task's data. Whether it fits what the folder already holds is
// the business of settle_plan.ts.

import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import manifest from "../../deno.json" with { type: "json" };
import { arms as shipped, findArm } from "../arms/registry.ts";
import { MisuseError } from "../base/errors.ts";
import type { Config } from "../config.ts";
import type { Accelerator, Arm, Task } from "../contract.ts";
import type { FetchOptions } from "../model/hub/fetch_policy.ts";
import type { ModelConfig } from "../model/config.ts";
import { parameterLayout } from "../model/layout.ts";
import { adapterLayout, adapterOptions } from "../model/lora.ts";
import { type PlannedArm, type PlanRecord, planSchema, sealPlan } from "../records/plan_schema.ts";
import { SCHEMA_VERSION } from "../records/schema.ts";
import { check } from "../records/store.ts";
import type { WarmUp } from "../rl/warm_up.ts";
import { chooseDevice } from "../runtime/choose_device.ts";
import { parseDevice, parsePrecision } from "../runtime/devices.ts";
import type { Prober } from "../runtime/probe.ts";
import { findTask } from "../../tasks/registry.ts";
import { styleOf, styleTask } from "../../tasks/style_task.ts";
import { budgetOf, claimOf, type ClaimOptions } from "./claim.ts";
import { loadArmFile, type LoadedFile, loadTaskFile } from "./load_files.ts";
import { type ChosenArm, type PlannedCell, plannedCells, type TuningCell, tuningCells } from "./plan_cells.ts";
import { findData } from "./find_data.ts";
import { findPolicy, policyFolders, recordedPolicy } from "./policies.ts";
import { usualPolicy } from "./presets.ts";
import type { WarmUpSpec } from "./protocol.ts";
import { planSweep, type SweepOptions } from "./sweep.ts";
import { warmedFolder, warmUpSpec } from "./warm_up_policy.ts";

export { embeddedPolicies } from "./policies.ts";

/** What an experiment is asked for. */
export interface ExperimentOptions {
  readonly task: string;
  /** File that defines the task; null for one of Matchbox. @default null */
  readonly taskFile?: string | null;
  /** Name of one of the task's prompts. @default "paper", its own */
  readonly prompt?: string;
  /** "strict", or "lenient" where an answer out of its layout counts. @default "strict" */
  readonly grading?: string;
  /** Folder with the task's files; null: the cache, into which they are fetched. @default null */
  readonly dataDir?: string | null;
  /** "embedded", "embedded-cold", a preset, a Hugging Face folder, or "org/name[@revision]" of the Hub. @default usualPolicy */
  readonly policy?: string;
  /** How a policy of the Hub and data are fetched. @default {} */
  readonly fetching?: FetchOptions;
  /** What finds the policy; a plan with one of which no weights were looked at cannot be run. @default findPolicy */
  readonly find?: typeof findPolicy;
  /** Supervised updates on the task's layout before any arm; null: none. @default null */
  readonly warmUp?: { readonly updates: number; readonly learningRate?: number } | null;
  /** LoRA: an adapter is trained in place of the policy's weights; null: the weights are. @default null */
  readonly adapter?: AskedAdapter | null;
  readonly arms: readonly string[];
  /** Files that define arms. @default [] */
  readonly armFiles?: readonly string[];
  readonly seeds: readonly number[];
  readonly config: Config;
  /** What is claimed; what is left out is the default, or stands in the folder's plan. @default {} */
  readonly claim?: ClaimOptions;
  /** What is tuned for each arm before; null: nothing. @default null */
  readonly sweep?: SweepOptions | null;
  /** Label of where the config comes from. @default "custom" */
  readonly profile?: string;
  /** A device, "cuda:1" or "cuda:0-3" for some of several, or "auto". @default "cpu" */
  readonly device?: string;
  /** What the policy computes in: "float32", or "float16" where the device can. @default "float32" */
  readonly precision?: string;
  /** What finds out whether a device works. @default probeDevice */
  readonly probe?: Prober;
  /** Passes are made smaller where the device has not the memory for them. @default false */
  readonly autoMicroBatch?: boolean;
  /** Threads of a cell; null: the cores shared among the jobs. @default null */
  readonly threads?: number | null;
  /** Cells side by side; null: as many as there are cores, or one on each GPU. @default null */
  readonly jobs?: number | null;
  /** Updates between two checkpoints. @default 10 */
  readonly checkpointEvery?: number;
  /** Checkpoints that a finished cell keeps, beside the best on validation. @default 2 */
  readonly keep?: number;
  /** Folder for the results; null: results/<task>-<policy>-<profile>-<first digits of the plan's digest>. @default null */
  readonly out?: string | null;
  /** The command that asked, for the record. @default [] */
  readonly command?: readonly string[];
}

/** An adapter as it is asked for. */
export interface AskedAdapter {
  readonly rank: number;
  /** null: twice the rank. @default null */
  readonly alpha?: number | null;
  /** null: all linear layers. @default null */
  readonly targets?: readonly string[] | null;
}

/** A checked experiment. */
export interface ExperimentPlan {
  /** As it will stand in plan.json, if there is none yet. */
  readonly record: PlanRecord;
  /** What was said of the claim. */
  readonly claim: ClaimOptions;
  readonly task: Task;
  readonly arms: readonly Arm[];
  readonly config: Config;
  readonly jobs: number;
  readonly threads: number;
  /** Those that cells are spread over; none on the CPU. */
  readonly accelerators: readonly Accelerator[];
  /** Which device, and why; null on the CPU that was asked for. */
  readonly said: string | null;
  readonly keep: number;
  /** What comes before the cells, and makes the policy that they begin with; null: nothing. */
  readonly warmUp: WarmUpSpec | null;
  /** The policy's shape, and the floats of its weights. */
  readonly model: ModelConfig;
  readonly floats: number;
  /** Those that are trained: all, or its adapter's. */
  readonly trained: number;
  /** Absolute. */
  readonly out: string;
  readonly command: readonly string[];
  /** With the config before any tuning. */
  readonly cells: readonly PlannedCell[];
  /** Cells that are run before, each arm's values in turn. */
  readonly tuning: readonly TuningCell[];
}

/**
 * The plan of an experiment. Writes nothing, but for a policy of the Hub and for data, which are fetched into their caches.
 * @throws MisuseError for a wrong name or value, FailureError for a file that is missing or damaged.
 */
export async function planExperiment(options: ExperimentOptions): Promise<ExperimentPlan> {
  const { config, profile = "custom", command = [], claim = {} } = options;
  const taskFile = typeof options.taskFile === "string" ? await loadTaskFile(options.taskFile) : null;
  const own = taskFile?.exports.find(({ name }) => name === options.task) ?? findTask(options.task);
  const style = styleOf(own, options), task = styleTask(own, style), policy = options.policy ?? usualPolicy(own);
  const armFiles = await Promise.all((options.armFiles ?? []).map(loadArmFile));
  const chosen = unique(options.arms, "arm").map((name) => chooseArm(name, armFiles));
  const arms = unique(chosen.map(({ arm }) => arm.name), "arm").map((_, i) => chosen[i]!.arm);
  const seeds = unique(options.seeds, "seed").map(checkSeed);
  const tuningSeeds = options.sweep ? unique(options.sweep.seeds, "tuning seed").map(checkSeed) : [];
  const wanted = parseDevice(options.device ?? "cpu"), precision = parsePrecision(options.precision);
  const half = precision === "float16" ? { precision } : {};
  const trial = { ...(options.probe ? { probe: options.probe } : {}), ...half };
  const sweep = options.sweep ? planSweep({ ...options.sweep, seeds: tuningSeeds }, arms, config, seeds) : null;
  const cores = availableParallelism();
  const most = arms.length * Math.max(seeds.length, (sweep?.values.length ?? 0) * tuningSeeds.length);
  const askedJobs = atLeast(1, options.jobs ?? cores, "--jobs"),
    askedThreads = atLeast(1, options.threads ?? cores, "--threads");
  const every = atLeast(1, options.checkpointEvery ?? 10, "--checkpoint-every");
  const keep = atLeast(0, options.keep ?? 2, "--keep");
  const claimed = claimOf(arms, config, claim);
  const warmUp = checkWarmUp(options.warmUp ?? null);
  const named = wanted === "auto" ? null : await chooseDevice(wanted, trial); // before anything is fetched
  const dataDir = await findData(task, options.dataDir ?? null, options.fetching);
  const taskOptions = { dataDir, level: config.task.level };
  const { digest: data } = await task.load(taskOptions);
  const found = await (options.find ?? findPolicy)(policy, options.fetching); // last: it may take a while
  const { device, accelerators, said } = named ?? await chooseDevice(wanted, { ...trial, model: found.model });
  const side = options.jobs || accelerators.length === 0 ? askedJobs : accelerators.length, jobs = Math.min(side, most);
  const threads = options.threads ? askedThreads : Math.max(1, Math.floor(cores / jobs));
  if (options.autoMicroBatch && device === "cpu") {
    throw new MisuseError(
      `Cannot use --auto-microbatch on the CPU${wanted === "auto" ? ", which --device auto took" : ""}: ` +
        "what is cut differently adds up to other bits there … set rl.microBatch, or choose another --device",
    );
  }
  const adapter = options.adapter ? { adapter: settleAdapter(found.model, options.adapter) } : {};

  const content = sealPlan({
    schemaVersion: SCHEMA_VERSION,
    kind: "matchbox.plan",
    matchbox: manifest.version,
    task: { name: task.name, version: task.version, data, file: taskFile?.digest ?? null, ...style },
    policy: { ...recordedPolicy(found), ...(warmUp ? { warmUp } : {}), ...adapter },
    profile,
    device,
    ...half,
    config,
    arms: chosen.map(({ arm, file }) => plannedArm(arm, file, config)),
    seeds,
    budget: budgetOf(config),
    claim: claimed,
    sweep,
  });
  const record = check(planSchema, content, "plan.json");
  const name = `${task.name}-${found.label}-${profile}-${record.digest.slice(0, 8)}`;
  const out = resolve(options.out ?? join("results", name));

  const fitting = options.autoMicroBatch ? { autoMicroBatch: true as const } : {};
  const work = { task: task.name, taskOptions, taskFile: taskFile?.path ?? null, taskStyle: style, device };
  const [first] = accelerators, place = first ? { accelerator: first } : {}, folders = policyFolders(found);
  const before = warmUp &&
    warmUpSpec(out, { ...work, ...place, warmUp, ...folders, threads: cores, every, config });
  const start = { ...(before ? { policy: warmedFolder(out) } : folders), ...adapter };
  const shared = { ...work, ...start, ...half, ...fitting, out, config, every, keep, threads };
  const cells = plannedCells(shared, chosen, seeds), tuning = sweep ? tuningCells(shared, chosen, sweep) : [];
  unique([...cells, ...tuning].map((cell) => cell.folder.toLowerCase()), "folder");
  const { model } = found, floats = parameterLayout(model).size;
  const trained = adapter.adapter ? adapterLayout(model, adapter.adapter).size : floats;
  return {
    ...{ record, claim, task, arms, config, jobs, threads, keep, model, floats, trained, out, command, cells, tuning },
    ...{ accelerators, said },
    warmUp: before,
  };
}

function settleAdapter(model: ModelConfig, { rank, alpha = null, targets = null }: AskedAdapter) {
  const settled = adapterOptions(model, rank, alpha, targets);
  return { ...settled, targets: [...settled.targets] };
}

function chooseArm(name: string, files: readonly LoadedFile<Arm>[]): ChosenArm {
  const plain = name.split(":")[0]?.trim();
  const [file, second] = files.filter(({ exports }) => exports.some((arm) => arm.name === plain));
  if (file && second) {
    throw new MisuseError(`Cannot choose arm "${plain}": "${file.path}" and "${second.path}" export it … rename one`);
  }
  if (file) return { arm: findArm(name, file.exports), file };
  return { arm: findArm(name, [...shipped, ...files.flatMap(({ exports }) => exports)]), file: null };
}

/** The arm as the plan has it: its fields resolved. */
function plannedArm({ name, summary, overrides }: Arm, file: LoadedFile<Arm> | null, config: Config): PlannedArm {
  const fields = typeof overrides === "function" ? overrides(config) : overrides;
  return { name, summary, overrides: { ...fields } as PlannedArm["overrides"], file: file?.digest ?? null }; // checked with the plan
}

function unique<T>(values: readonly T[], noun: string): readonly T[] {
  if (values.length === 0) throw new MisuseError(`Cannot run an experiment without ${noun}s: name at least one`);
  for (const [i, value] of values.entries()) {
    if (values.indexOf(value) !== i) {
      throw new MisuseError(`Cannot run ${noun} ${value} twice in one experiment: remove the duplicate`);
    }
  }
  return values;
}

function checkSeed(seed: number): number {
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return seed;
  throw new MisuseError(`Cannot use seed ${seed}: a seed must be an integer from 0 to ${2 ** 32 - 1}`);
}

/** Demonstrations of an update of the warm-up. */
const SHOWN = 16;

function checkWarmUp(asked: ExperimentOptions["warmUp"]): WarmUp | null {
  if (!asked) return null;
  const { updates, learningRate = 2e-5 } = asked;
  if (!(learningRate > 0 && learningRate <= 1)) {
    throw new MisuseError(`Cannot use warm-up learning rate ${learningRate}: it must be above 0 and at most 1`);
  }
  return { updates: atLeast(1, updates, "--warmup-sft"), questions: SHOWN, learningRate };
}

function atLeast(least: number, value: number, flag: string): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new MisuseError(`Cannot use ${flag} ${value}: it must be an integer of at least ${least}`);
}
