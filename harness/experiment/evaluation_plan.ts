// What an evaluation will ask of which policy, settled and checked before anything is loaded that takes long: names,
// values, the task's data, the policy's files. Whether it fits what its folder already holds is found when it runs.

import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import { defaultConfig, overrideFields } from "../config_options.ts";
import type { ItemSource, Task } from "../contract.ts";
import type { FetchOptions } from "../model/hub/fetch_policy.ts";
import { type AskedEvaluation, MOST_SAMPLES, setDigest } from "../records/evaluation_record.ts";
import { drawShots } from "../rl/few_shot.ts";
import { chooseDevice } from "../runtime/choose_device.ts";
import { parseDevice, parsePrecision } from "../runtime/devices.ts";
import type { Prober } from "../runtime/probe.ts";
import { findTask } from "../../tasks/registry.ts";
import { styleOf, styleTask } from "../../tasks/style_task.ts";
import type { EvaluationSpec } from "./evaluation_protocol.ts";
import { findData } from "./find_data.ts";
import { loadTaskFile } from "./load_files.ts";
import { findPolicy, policyFolders, recordedPolicy } from "./policies.ts";
import { usualPolicy } from "./presets.ts";

/** What is asked for. */
export interface EvaluationOptions {
  readonly task: string;
  /** File that defines the task; null for one of Matchbox. @default null */
  readonly taskFile?: string | null;
  /** Folder with the task's files; null: the cache, into which they are fetched. @default null */
  readonly dataDir?: string | null;
  /** Name of one of the task's prompts. @default "paper", its own */
  readonly prompt?: string;
  /** "strict", or "lenient" where an answer out of its layout counts. @default "strict" */
  readonly grading?: string;
  /** Difficulty of a generated task. @default 2 */
  readonly level?: number;
  /** "embedded", "embedded-cold", a preset, a Hugging Face folder, or "org/name[@revision]" of the Hub. @default usualPolicy */
  readonly policy?: string;
  /** How a policy of the Hub and data are fetched. @default {} */
  readonly fetching?: FetchOptions;
  /** "test" or "validation". @default "test" */
  readonly split?: string;
  /** Questions: the first so many. @default 256, or all where there are fewer */
  readonly items?: number;
  /** Completions drawn for each question. @default 8 */
  readonly samples?: number;
  /** @default 1 */
  readonly temperature?: number;
  /** 0 keeps all. @default 0 */
  readonly topK?: number;
  /** 1 keeps all. @default 1 */
  readonly topP?: number;
  /** @default 0 */
  readonly seed?: number;
  /** Length cap of a completion. @default the task's */
  readonly maxTokens?: number;
  /** Worked examples in every prompt. @default 0 */
  readonly shots?: number;
  /** A device, "cuda:1" for one of several, or "auto". @default "cpu" */
  readonly device?: string;
  /** What the policy computes in: "float32", or "float16" where the device can. @default "float32" */
  readonly precision?: string;
  /** What finds out whether a device works. @default probeDevice */
  readonly probe?: Prober;
  /** @default the cores */
  readonly threads?: number;
  /** Completions side by side; null: as suits the model. @default null */
  readonly batch?: number | null;
  /** Folder of the results. @default <root>/eval-<task>-<policy>-<digest of what is asked, but for how much of it> */
  readonly out?: string;
  /** Folder in which that default lies. @default "results" */
  readonly root?: string;
}

/** A checked evaluation. */
export interface EvaluationPlan {
  readonly asked: AskedEvaluation;
  readonly task: Task;
  /** Of the asked split. */
  readonly items: ItemSource;
  /** For the process that samples, the jobs left out. */
  readonly spec: Omit<EvaluationSpec, "jobs">;
  /** Which device, and why; null on the CPU that was asked for. */
  readonly said: string | null;
  /** Absolute. */
  readonly out: string;
}

const splits = ["test", "validation"] as const;
const DEFAULT_ITEMS = 256;

/**
 * The plan of an evaluation. Writes nothing, but for a policy of the Hub and for data, which are fetched into their caches.
 * @throws MisuseError for a wrong name or value, FailureError for a file that is missing or damaged
 */
export async function planEvaluation(options: EvaluationOptions): Promise<EvaluationPlan> {
  const { taskFile = null, dataDir = null, batch = null, root = "results" } = options;
  const file = taskFile === null ? null : await loadTaskFile(taskFile);
  const own = file?.exports.find(({ name }) => name === options.task) ?? findTask(options.task);
  const style = styleOf(own, options), task = styleTask(own, style), policy = options.policy ?? usualPolicy(own);
  const split = oneOf(splits, options.split ?? "test", "--split");
  const wanted = parseDevice(options.device ?? "cpu"), precision = parsePrecision(options.precision);
  const half = precision === "float16" ? { precision } : {};
  const trial = { ...(options.probe ? { probe: options.probe } : {}), ...half };
  const samples = whole("--samples", options.samples ?? 8, 1, MOST_SAMPLES);
  const seed = whole("--seed", options.seed ?? 0, 0, 2 ** 32 - 1);
  const topK = whole("--top-k", options.topK ?? 0, 0), shots = whole("--shots", options.shots ?? 0, 0);
  const temperature = within("--temperature", options.temperature ?? 1, 10);
  const topP = within("--top-p", options.topP ?? 1, 1);
  const tasked = overrideFields(defaultConfig, task.defaults, `task "${task.name}"`), { level } = options;
  const config = level === undefined ? tasked : overrideFields(tasked, { "task.level": level }, "--level");
  const maxTokens = whole("--max-tokens", options.maxTokens ?? config.rl.maxCompletionTokens, 1);
  const threads = whole("--threads", options.threads ?? availableParallelism(), 1);
  if (batch !== null) whole("--batch", batch, 1);

  if (wanted !== "auto" && wanted.indexes.length > 1) {
    throw new MisuseError(`Cannot use --device ${options.device}: one process samples … name one index`);
  }
  const named = wanted === "auto" ? null : await chooseDevice(wanted, trial); // before anything is fetched
  const folder = await findData(task, dataDir, options.fetching);
  const taskOptions = { dataDir: folder, level: config.task.level };
  const { splits: sources, digest: data } = await task.load(taskOptions);
  const items = whole("--items", options.items ?? Math.min(DEFAULT_ITEMS, sources[split].size), 1);
  if (items > sources[split].size) {
    throw new MisuseError(
      `Cannot use --items ${items}: the ${split} split of ${task.name} has ${
        sources[split].size
      } questions … ask for ` +
        "at most so many",
    );
  }
  const examples = drawShots(sources.train, shots, seed).map(({ id }) => id);
  const found = await findPolicy(policy, options.fetching); // last: it may take a while
  const { device, accelerators: [accelerator], said } = named ??
    await chooseDevice(wanted, { ...trial, model: found.model });
  const asked: AskedEvaluation = {
    task: { name: task.name, version: task.version, data, file: file?.digest ?? null, ...style },
    policy: recordedPolicy(found),
    split,
    shots: examples,
    seed,
    temperature,
    topK,
    topP,
    maxTokens,
    device,
    ...half,
    items,
    samples,
  };
  const name = `eval-${task.name}-${found.label}-${setDigest(asked).slice(0, 8)}`;
  const sampling = { temperature, topK, topP };
  const shared = {
    task: task.name,
    taskOptions,
    taskFile: file?.path ?? null,
    taskStyle: style,
    ...policyFolders(found),
    split,
    shots,
  };
  return {
    asked,
    task,
    items: sources[split],
    spec: {
      ...shared,
      seed,
      sampling,
      maxTokens,
      device,
      ...half,
      ...(accelerator ? { accelerator } : {}),
      threads,
      batch,
    },
    said,
    out: resolve(options.out ?? join(root, name)),
  };
}

function oneOf<T extends string>(allowed: readonly T[], name: string, flag: string): T {
  const found = allowed.find((one) => one === name);
  if (found) return found;
  throw new MisuseError(`Cannot use ${flag} ${name}: it must be ${allowed.join(" or ")}${suggest(name, allowed)}`);
}

function whole(flag: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new MisuseError(`Cannot use ${flag} ${value}: it must be an integer ${range}`);
}

function within(flag: string, value: number, most: number): number {
  if (value > 0 && value <= most) return value;
  throw new MisuseError(`Cannot use ${flag} ${value}: it must be a number above 0 and of at most ${most}`);
}
