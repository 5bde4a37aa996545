// What results are said to be made from, as far as it is at hand where they are verified: the task, its data and the
// policy, each checked to be what the records name. What is not there is said, and what needs it is left out.

import { FailureError, MisuseError } from "../base/errors.ts";
import { defaultConfig } from "../config_options.ts";
import type { Task, TaskData, TaskOptions } from "../contract.ts";
import type { FetchOptions } from "../model/hub/fetch_policy.ts";
import type { AdapterOptions } from "../model/lora.ts";
import { type Policy, readPolicy } from "../model/policy.ts";
import { differences } from "../records/differences.ts";
import type { PlanRecord } from "../records/plan_schema.ts";
import { recordedStyle } from "../records/task_text.ts";
import type { Checklist } from "./checklist.ts";
import { findData } from "./find_data.ts";
import { loadTask, loadTaskFile } from "./load_files.ts";
import { findPolicy } from "./policies.ts";
import { readWarmUp, warmedFolder } from "./warm_up_policy.ts";

/** Where the things lie now. */
export interface SourceOptions {
  /** Where the policy lies now; null: where it did, and nothing is fetched, whatever name a record gives. @default null */
  readonly policy?: string | null;
  /** How a policy of the Hub that `policy` names is fetched. @default {} */
  readonly fetching?: FetchOptions;
  /** Folder with the task's files; null: the cache, and nothing is fetched. @default null */
  readonly dataDir?: string | null;
  /** File that defines the task. @default null */
  readonly taskFile?: string | null;
}

/** What results are said to be made from. */
export interface Origin {
  readonly task: PlanRecord["task"];
  readonly policy: {
    readonly name: string;
    readonly base?: string;
    readonly files: Readonly<Record<string, string>> | null;
    readonly warmUp?: PlanRecord["policy"]["warmUp"];
    readonly adapter?: AdapterOptions;
  };
  /** null: not recorded, but in the digest of the data. */
  readonly level: number | null;
}

/** What of it is at hand; null for what is not, which is said. */
export interface FoundSources {
  readonly task: Task | null;
  readonly data: TaskData | null;
  /** That the data were loaded with. */
  readonly taskOptions: TaskOptions | null;
  readonly policy: Policy | null;
}

/**
 * The task, its data and the policy, each checked to be what it was.
 * @param root folder of the experiment, which has the policy that it warmed up; null: only its records are there
 */
export async function readSources(
  list: Checklist,
  origin: Origin,
  options: SourceOptions,
  root: string | null,
): Promise<FoundSources> {
  const { task: { name, version, file, data: digest, ...named }, policy: { base, files } } = origin;
  const { taskFile = null } = options, policyName = options.policy ?? origin.policy.name;
  const task = await available(list, `task ${name}`, async () => {
    if (file !== null && taskFile === null) throw new MisuseError("it is defined in a file … give --task-file");
    return await loadTask(name, taskFile, recordedStyle(named));
  });
  const loaded = task && await available(list, `data of task ${name}`, () => loadData(task, origin, options));
  const { data = null, taskOptions = null } = loaded ?? {};
  if (task) {
    const own = taskFile === null ? null : await loadTaskFile(taskFile);
    await list.check(`task ${name}`, "version and digests", () =>
      differences(
        { version: task.version, file: own?.digest ?? null, data: data?.digest ?? digest },
        { version, file, data: digest },
      ));
  }
  const found = await available(list, `policy ${policyName}`, () => findPolicy(policyName, fetchingOf(options), base));
  const policy = found &&
    await list.read(`policy ${policyName}`, "shape", () => readPolicy(found.folder, found.merged));
  if (found && files) {
    await list.check(`policy ${policyName}`, "digests of files", () => differences(found.files, files));
  }
  if (!origin.policy.warmUp) return { task, data, taskOptions, policy };
  return { task, data, taskOptions, policy: await readWarmed(list, root, origin.policy.warmUp) };
}

/** Those of a generated task, see harness/config.ts. */
const LEVELS = [0, 1, 2, 3];

/** The data of the level; where that is not recorded, of the one whose data have the recorded digest. */
async function loadData(
  task: Task,
  { task: { data: digest }, level: recorded }: Origin,
  { dataDir = null }: SourceOptions,
): Promise<{ readonly data: TaskData; readonly taskOptions: TaskOptions }> {
  const folder = await findData(task, dataDir, { cacheOnly: true });
  const load = async (level: number) => {
    const taskOptions = { dataDir: folder, level };
    return { data: await task.load(taskOptions), taskOptions };
  };
  if (recorded !== null) return await load(recorded);
  for (const level of LEVELS) {
    const loaded = await load(level).catch(() => null); // not every task has every level
    if (loaded?.data.digest === digest) return loaded;
  }
  return await load(defaultConfig.task.level);
}

/** The policy after its warm-up, checked against what warmup.json says of it; null where it is not at hand. */
async function readWarmed(list: Checklist, root: string | null, planned: object): Promise<Policy | null> {
  const place = "warmup/warmup.json";
  const said = root && await list.read(place, "shape", () => readWarmUp(root));
  if (!root || !said) {
    list.skip("the warmed policy", "what depends on it", "it stays in the experiment's folder and is not there");
    return null;
  }
  const policy = await list.read("warmup/policy", "shape", () => readPolicy(warmedFolder(root)));
  await list.check(place, "settings and weights", () => {
    const { updates, questions, learningRate, weights } = said;
    const found = { ...{ updates, questions, learningRate }, weights: policy?.digest ?? weights };
    return differences(found, { ...planned, weights });
  });
  return policy;
}

/** A record of others must not make this machine fetch gigabytes: only who says --policy wants that. */
function fetchingOf({ policy = null, fetching = {} }: SourceOptions): FetchOptions {
  return policy === null ? { ...fetching, cacheOnly: true } : fetching;
}

/** What may well not be at hand where results are verified: then it is said, and what needs it is left out. */
export async function available<T>(list: Checklist, place: string, load: () => Promise<T>): Promise<T | null> {
  try {
    return await load();
  } catch (error) {
    const what = "what depends on it";
    if (error instanceof MisuseError) list.skip(place, what, error.message);
    else if (error instanceof FailureError) await list.check(place, what, () => [error.message]);
    else throw error;
    return null;
  }
}
