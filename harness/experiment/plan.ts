// What an experiment will run, settled and checked before anything starts: the cells (arms x seeds), each a function of
// its spec, and the folder that they will fill. Everything cheap that can be wrong is found here: names, values,
// duplicates, the policy's config.json, the task's data, the folder.

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { findArm } from "../arms/registry.ts";
import { MisuseError } from "../base/errors.ts";
import { readJsonFile } from "../base/json_file.ts";
import { suggest } from "../base/suggest.ts";
import type { Config } from "../config.ts";
import { armConfig } from "../config_options.ts";
import type { Arm, Task } from "../contract.ts";
import { parseModelConfig } from "../model/config.ts";
import type { Device } from "../runtime/session.ts";
import { findTask } from "../../tasks/registry.ts";
import { type CellSpec, devices } from "./protocol.ts";

/** What an experiment is asked for. */
export interface ExperimentOptions {
  readonly task: string;
  /** Folder with the task's files; null for a generated task. @default null */
  readonly dataDir?: string | null;
  /** "embedded", "embedded-cold", or a Hugging Face folder. @default "embedded" */
  readonly policy?: string;
  readonly arms: readonly string[];
  readonly seeds: readonly number[];
  readonly config: Config;
  /** Label of where the config comes from. @default "custom" */
  readonly profile?: string;
  /** @default "cpu" */
  readonly device?: string;
  /** Threads of a cell; null: the cores shared among the jobs. @default null */
  readonly threads?: number | null;
  /** Cells side by side; null: as many as there are cores. @default null */
  readonly jobs?: number | null;
  /** Folder for the results; null: results/<date>-<time>-<task>-<policy>. @default null */
  readonly out?: string | null;
  /** The command that asked, for the record. @default [] */
  readonly command?: readonly string[];
}

/** One cell of a plan: its spec, and where its files go. */
export interface PlannedCell {
  readonly spec: CellSpec;
  /** Relative to the experiment's folder, with "/". */
  readonly folder: string;
}

/** A checked experiment. */
export interface ExperimentPlan {
  readonly task: Task;
  /** Digest of the task's data. */
  readonly taskData: string;
  readonly policy: string;
  readonly arms: readonly Arm[];
  readonly seeds: readonly number[];
  readonly config: Config;
  readonly profile: string;
  readonly device: Device;
  readonly jobs: number;
  readonly threads: number;
  /** Absolute. */
  readonly out: string;
  readonly command: readonly string[];
  readonly cells: readonly PlannedCell[];
}

/** Policies that ship with the repository, by name. */
export const embeddedPolicies: Readonly<Record<string, URL>> = {
  "embedded": new URL("../model/embedded/", import.meta.url),
  "embedded-cold": new URL("../model/embedded-cold/", import.meta.url),
};

/**
 * The plan of an experiment. Writes nothing.
 * @throws MisuseError for a wrong name or value, FailureError for a file that is missing or damaged.
 */
export async function planExperiment(options: ExperimentOptions): Promise<ExperimentPlan> {
  const { config, policy = "embedded", profile = "custom", command = [] } = options;
  const task = findTask(options.task);
  const arms = unique(options.arms, "arm").map(findArm);
  const seeds = unique(options.seeds, "seed").map(checkSeed);
  const configs = new Map(arms.map((arm) => [arm, armConfig(config, arm)]));
  const device = checkDevice(options.device ?? "cpu");
  const cores = availableParallelism();
  const jobs = Math.min(positive(options.jobs ?? cores, "--jobs"), arms.length * seeds.length);
  const threads = positive(options.threads ?? Math.max(1, Math.floor(cores / jobs)), "--threads");
  const folder = await findPolicy(policy);
  const dataDir = options.dataDir === undefined || options.dataDir === null ? null : resolve(options.dataDir);
  const taskOptions = { dataDir, level: config.task.level };
  const { digest: taskData } = await task.load(taskOptions);
  const out = resolve(options.out ?? defaultFolder(task.name, policy));
  const cells = arms.flatMap((arm) =>
    seeds.map((seed) => ({
      folder: `${arm.name}/seed-${seed}`,
      spec: {
        task: task.name,
        taskOptions,
        policy: folder,
        arm: arm.name,
        seed,
        config: configs.get(arm) ?? config,
        device,
        threads,
      },
    }))
  );
  for (const name of ["experiment.json", ...cells.map((cell) => cell.folder)]) {
    if (!existsSync(join(out, name))) continue;
    throw new MisuseError(`Cannot write to "${out}": it already holds ${name} … choose another folder with --out`);
  }
  return { task, taskData, policy, arms, seeds, config, profile, device, jobs, threads, out, command, cells };
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

function checkDevice(name: string): Device {
  const found = devices.find((device) => device === name);
  if (found) return found;
  throw new MisuseError(`Cannot use device "${name}": the devices are ${devices.join(", ")}${suggest(name, devices)}`);
}

function positive(value: number, flag: string): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new MisuseError(`Cannot use ${flag} ${value}: it must be an integer of at least 1`);
}

/** The policy's folder, absolute, once its config.json has been read; the weights are the cell's to read. */
async function findPolicy(name: string): Promise<string> {
  const shipped = Object.hasOwn(embeddedPolicies, name) ? embeddedPolicies[name] : undefined;
  const folder = shipped ? fileURLToPath(shipped) : resolve(name);
  const path = join(folder, "config.json");
  if (!existsSync(path)) {
    const names = Object.keys(embeddedPolicies);
    const state = existsSync(folder) ? `"${folder}" holds no config.json` : `there is no folder "${folder}"`;
    throw new MisuseError(
      `Cannot find policy "${name}": ${state} … give ${names.join(", ")} or a Hugging Face folder${
        suggest(name, names)
      }`,
    );
  }
  parseModelConfig(await readJsonFile(path), path);
  return folder;
}

/** results/<yyyy-mm-dd-hhmmss>-<task>-<policy>, local time; a number is added where that is taken. */
function defaultFolder(task: string, policy: string): string {
  const now = new Date();
  const digits = (value: number) => String(value).padStart(2, "0");
  const date = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map(digits).join("-");
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(digits).join("");
  const folder = join("results", `${date}-${time}-${task}-${basename(resolve(policy))}`);
  let free = folder;
  for (let i = 2; existsSync(free); i++) free = `${folder}-${i}`;
  return free;
}
