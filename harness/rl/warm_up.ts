// The supervised warm-up: before any arm runs, the policy is shown how the task wants its answers written. Some updates
// on demonstrations, which are training questions with their gold answers in the task's layout, and the worked solution
// as reasoning where the data has one. A policy that never meets the layout earns nothing, and has nothing to learn from.
//
// There is one warm-up for an experiment, and it is a function of the policy, the task and these settings alone: all arms
// and seeds begin with the same weights. Whoever was warmed up is another policy; records name it with its settings.

import { canonicalJson } from "../base/canonical_json.ts";
import { bytesOf, sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { isObject, parseJson } from "../base/json_file.ts";
import type { Config } from "../config.ts";
import type { Accelerator, Task, TaskOptions } from "../contract.ts";
import type { Policy } from "../model/policy.ts";
import { chooseRuntime } from "../runtime/choose.ts";
import type { Device } from "../runtime/session.ts";
import { type CheckpointOptions, newestCheckpoint, pruneCheckpoints, writeCheckpoint } from "./checkpoint.ts";
import type { AdamWOptions } from "./optimizer.ts";
import { QuestionOrder } from "./question_order.ts";
import { learningRate } from "./schedule.ts";
import { type Demonstration, Supervisor } from "./supervise.ts";

/** What is asked of a warm-up. */
export interface WarmUp {
  readonly updates: number;
  /** Demonstrations of an update. */
  readonly questions: number;
  /** Peak: it rises over the first tenth of the updates and falls in a line. */
  readonly learningRate: number;
}

/** Everything that a warm-up is a function of. The policy's weights are trained in place. */
export interface WarmUpJob {
  readonly warmUp: WarmUp;
  readonly task: Task;
  readonly taskOptions: TaskOptions;
  readonly policy: Policy;
  /** Longest prompt and completion: a question whose demonstration is longer is left out. */
  readonly caps: Pick<Config["rl"], "maxPromptTokens" | "maxCompletionTokens">;
  readonly device: Device;
  readonly accelerator?: Accelerator | undefined;
  readonly threads: number;
  readonly checkpoints: CheckpointOptions;
}

/** An update of a warm-up, counted from 1, and its loss in nats a token. */
export interface WarmUpStep {
  readonly step: number;
  readonly updates: number;
  readonly loss: number;
}

/** What a warm-up came to. */
export interface WarmUpResult {
  /** Of each update, nats a token. */
  readonly losses: readonly number[];
  /** A chained SHA-256 over the ids of the questions that were shown. */
  readonly asked: string;
}

/** Demonstrations come in the order in which a cell of this seed would be asked. */
const SEED = 4095;
const OPTIMIZER: AdamWOptions = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };
/** Questions that are tried for one demonstration that fits the caps. */
const PATIENCE = 1000;

interface Progress {
  step: number;
  /** Places of the question order that are used up. */
  place: number;
  asked: string;
  losses: number[];
}

/**
 * Warms the policy up.
 * @param stop ends it after the update in flight, with a checkpoint
 * @returns null where it was stopped
 * @throws FailureError where no demonstration fits the caps, or a loss is not finite
 */
export async function warmUp(
  { warmUp, task, taskOptions, policy, caps, device, accelerator, threads, checkpoints }: WarmUpJob,
  report: (step: WarmUpStep) => void,
  warn: (message: string) => void,
  stop: AbortSignal,
): Promise<WarmUpResult | null> {
  const { updates, questions } = warmUp, { weights } = policy;
  const data = await task.load(taskOptions), order = new QuestionOrder(data.splits.train, SEED);
  const runtime = chooseRuntime(device, threads, weights.layout.size, { index: accelerator?.index ?? null });
  const supervisor = await Supervisor.create(runtime, policy.config, weights, OPTIMIZER, threads);
  const { optimizer } = supervisor, progress: Progress = { step: 0, place: 0, asked: sha256(""), losses: [] };
  const arrays = { weights: weights.data, first: optimizer.first, second: optimizer.second };

  const found = await newestCheckpoint(checkpoints.folder, updates, warn);
  if (found) {
    Object.assign(progress, parseProgress(found.sections.progress));
    for (const [name, array] of Object.entries(arrays)) fill(array, found.sections[name], name);
    optimizer.steps = progress.step;
    supervisor.changed();
  }
  const save = async () => {
    await optimizer.settle();
    const numbers = new TextEncoder().encode(canonicalJson(progress));
    const bytes = Object.entries(arrays).map(([name, array]) => [name, bytesOf(array)]);
    await writeCheckpoint(checkpoints.folder, progress.step, { progress: numbers, ...Object.fromEntries(bytes) });
    await pruneCheckpoints(checkpoints, progress.step, null);
  };
  const next = () => {
    const end = policy.tokenizer.eosTokenIds[0]!;
    for (let tried = 0; tried < PATIENCE; tried++) {
      const item = order.at(progress.place++);
      const prompt = policy.tokenizer.chat(task.prompt(item)).tokens;
      const completion = policy.tokenizer.encode(task.answer(item, item.gold, item.solution));
      if (prompt.length > caps.maxPromptTokens || completion.length >= caps.maxCompletionTokens) continue;
      progress.asked = sha256(progress.asked, item.id);
      return { prompt, completion: Int32Array.of(...completion, end) };
    }
    throw new FailureError(
      `Cannot warm the policy up: of ${PATIENCE} training questions of task "${task.name}" none fits with its solution ` +
        `… raise rl.maxPromptTokens (${caps.maxPromptTokens}) or rl.maxCompletionTokens (${caps.maxCompletionTokens})`,
    );
  };

  try {
    while (progress.step < updates) {
      const batch: Demonstration[] = Array.from({ length: questions }, next);
      const loss = await supervisor.step(batch, rateOf(warmUp, progress.step));
      progress.step++;
      progress.losses.push(loss);
      report({ step: progress.step, updates, loss });
      await new Promise((resolve) => setTimeout(resolve)); // native calls keep signals from being heard
      if (stop.aborted || progress.step === updates || progress.step % checkpoints.every === 0) await save();
      if (stop.aborted && progress.step < updates) return null;
    }
  } finally {
    await supervisor.dispose();
    await runtime.dispose();
  }
  return { losses: progress.losses, asked: progress.asked };
}

/** One place of the schedule more at either end, where the rate would be 0. */
function rateOf({ updates, learningRate: peak }: WarmUp, step: number): number {
  const schedule = { updates: updates + 1, tokens: 0, warmup: 0.1, schedule: "linear", learningRate: peak } as const;
  return learningRate(schedule, step + 1);
}

function fill(array: Float32Array, bytes: Uint8Array<ArrayBuffer> | undefined, name: string): void {
  if (bytes?.length !== array.byteLength) throw otherVersion(`its ${name} have ${bytes?.length ?? 0} bytes`);
  array.set(new Float32Array(bytes.buffer));
}

function parseProgress(bytes: Uint8Array | undefined): Progress {
  const value = bytes ? parseJson(new TextDecoder().decode(bytes), "the checkpoint") : null;
  if (!isObject(value)) throw otherVersion("it says no progress");
  const { step, place, asked, losses } = value;
  const isLosses = Array.isArray(losses) && losses.every((loss) => typeof loss === "number");
  if (typeof step !== "number" || typeof place !== "number" || typeof asked !== "string" || !isLosses) {
    throw otherVersion("its progress cannot be read");
  }
  return { step, place, asked, losses };
}

function otherVersion(what: string): FailureError {
  return new FailureError(
    `Cannot go on with the warm-up: ${what}; the checkpoint is of another policy or another version of Matchbox ` +
      "… choose another folder with --out",
  );
}
