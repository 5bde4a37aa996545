// What an evaluation will ask of which policy, settled and checked before anything is loaded that takes long: names,
// values, the task's data, the policy's files. Whether it fits what its folder already holds is found when it runs.

import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import { defaultConfig, overrideFields } from "../config_options.ts";
import type { ItemSource, Task } from "../contract.ts";
import type { FetchOptions } from "../model/hub/fetch_policy.ts";
import { type AskedEvaluation, setDigest } from "../records/evaluation_record.ts";
import { drawShots } from "../rl/few_shot.ts";
import { findTask } from "../../tasks/registry.ts";
import { styleOf, styleTask } from "../../tasks/style_task.ts";
import type { EvaluationSpec } from "./evaluation_protocol.ts";
import { loadTaskFile } from "./load_files.ts";
import { findPolicy } from "./policies.ts";
import { devices } from "./protocol.ts";

/** What is asked for; null: the default. */
export interface EvaluationOptions {
  readonly task: string;
  /** File that defines the task; null for one of Matchbox. */
  readonly taskFile: string | null;
  readonly dataDir: string | null;
  /** Name of one of the task's prompts. */
  readonly prompt: string;
  /** "strict" or "lenient". */
  readonly grading: string;
  /** Difficulty of a generated task. */
  readonly level: number | null;
  readonly policy: string;
  readonly fetching: FetchOptions;
  /** "test" or "validation". */
  readonly split: string;
  /** Questions; null: 256, or all where there are fewer. */
  readonly items: number | null;
  /** Drawn completions a question. */
  readonly samples: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
  /** Length cap of a completion; null: the task's. */
  readonly maxTokens: number | null;
  /** Worked examples in every prompt. */
  readonly shots: number;
  readonly device: string;
  readonly threads: number | null;
  readonly batch: number | null;
  /** Folder of the results; null: results/eval-<task>-<policy>-<digest of what is asked>. */
  readonly out: string | null;
  /** Folder in which that default lies. */
  readonly root: string;
}

/** A checked evaluation. */
export interface EvaluationPlan {
  readonly asked: AskedEvaluation;
  readonly task: Task;
  /** Of the asked split. */
  readonly items: ItemSource;
  /** For the process that samples, the jobs left out. */
  readonly spec: Omit<EvaluationSpec, "jobs">;
  /** Absolute. */
  readonly out: string;
}

const splits = ["test", "validation"] as const;
const DEFAULT_ITEMS = 256;
/** What the unbiased maj@k can count. */
const MOST_SAMPLES = 1000;

/**
 * The plan of an evaluation. Writes nothing, but for a policy of the Hub, which is fetched into the Hub's cache.
 * @throws MisuseError for a wrong name or value, FailureError for a file that is missing or damaged
 */
export async function planEvaluation(options: EvaluationOptions): Promise<EvaluationPlan> {
  const file = options.taskFile === null ? null : await loadTaskFile(options.taskFile);
  const own = file?.exports.find(({ name }) => name === options.task) ?? findTask(options.task);
  const style = styleOf(own, options), task = styleTask(own, style);
  const split = oneOf(splits, options.split, "--split"), device = oneOf(devices, options.device, "--device");
  const samples = whole("--samples", options.samples, 1, MOST_SAMPLES),
    seed = whole("--seed", options.seed, 0, 2 ** 32 - 1);
  const topK = whole("--top-k", options.topK, 0), shots = whole("--shots", options.shots, 0);
  const temperature = within("--temperature", options.temperature, 10), topP = within("--top-p", options.topP, 1);
  const config = overrideFields(defaultConfig, task.defaults, `task "${task.name}"`);
  const maxTokens = whole("--max-tokens", options.maxTokens ?? config.rl.maxCompletionTokens, 1);
  const threads = whole("--threads", options.threads ?? availableParallelism(), 1);
  const batch = options.batch === null ? null : whole("--batch", options.batch, 1);
  const level = whole("--level", options.level ?? config.task.level, 1, 3);

  const taskOptions = { dataDir: options.dataDir === null ? null : resolve(options.dataDir), level };
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
  const found = await findPolicy(options.policy, options.fetching); // last: it may take a while
  const asked: AskedEvaluation = {
    task: { name: task.name, version: task.version, data, file: file?.digest ?? null, ...style },
    policy: { name: found.name, files: found.files },
    split,
    shots: examples,
    seed,
    temperature,
    topK,
    topP,
    maxTokens,
    device,
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
    policy: found.folder,
    split,
    shots,
  };
  return {
    asked,
    task,
    items: sources[split],
    spec: { ...shared, seed, sampling, maxTokens, device, threads, batch },
    out: resolve(options.out ?? join(options.root, name)),
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
