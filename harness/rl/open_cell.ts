// Everything that a cell's training runs on, made from what the cell is a function of: graphs' runtime, sampler, learner,
// optimizer, the arm's shaper, the order of the questions. It holds native sessions and must be closed.

import type { Precision } from "../base/device_names.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import type { Config } from "../config.ts";
import type { Accelerator, Arm, Task, TaskData, TaskOptions } from "../contract.ts";
import type { AdapterOptions } from "../model/lora.ts";
import { MergedAdapter } from "../model/merged_adapter.ts";
import type { Policy } from "../model/policy.ts";
import { chooseRuntime } from "../runtime/choose.ts";
import type { Device } from "../runtime/session.ts";
import type { CellParts } from "./cell_state.ts";
import type { CheckpointOptions } from "./checkpoint.ts";
import { createOptimizer } from "./create_optimizer.ts";
import type { DrawSource } from "./draw_step.ts";
import { Learner } from "./learner.ts";
import { type Matched, matchProof } from "./match_proof.ts";
import { policyEmbedder } from "./policy_embedder.ts";
import { QuestionOrder } from "./question_order.ts";
import { Replay } from "./replay.ts";
import { runLength } from "./run_shapes.ts";
import { Sampler } from "./sampler.ts";
import { selfTestTask } from "./self_test.ts";

/** Everything that a cell is a function of. The policy's weights are trained in place, or an adapter to them is. */
export interface Cell {
  readonly task: Task;
  readonly taskOptions: TaskOptions;
  readonly policy: Policy;
  /** What is trained in place of the policy's weights. @default undefined */
  readonly adapter?: AdapterOptions | undefined;
  readonly arm: Arm;
  readonly seed: number;
  readonly config: Config;
  readonly device: Device;
  /** Which one, and what it is; absent on the CPU. */
  readonly accelerator?: Accelerator | undefined;
  /** What the policy computes in. @default "float32" */
  readonly precision?: Precision | undefined;
  readonly threads: number;
  /** Passes are made smaller where the device has not the memory for them. @default false */
  readonly autoMicroBatch?: boolean;
  /** What the experiment says of all its cells. */
  readonly matched: Matched;
  /** Where checkpoints go; null keeps none. */
  readonly checkpoints: CheckpointOptions | null;
  /** The newest checkpoint that may be taken up, in updates; 0 starts afresh. */
  readonly resumeAt: number;
  /** No test question is asked: the cell serves to choose a setting. */
  readonly validationOnly: boolean;
}

/** A cell that is ready to run. */
export interface OpenCell {
  readonly data: TaskData;
  readonly learner: Learner;
  /** What changes in training and is checkpointed. */
  readonly parts: CellParts;
  /** What groups are drawn from. */
  readonly source: DrawSource;
  readonly proof: ReturnType<typeof matchProof>;
  close(): Promise<void>;
}

/** Items of each split that the reward self-test looks at before training. */
const SELF_TESTED = 16;

/**
 * @param warn is told when passes are made smaller
 * @throws MisuseError where options exclude each other, FailureError where the rewards do not reward what they should
 */
export async function openCell(cell: Cell, warn: (message: string) => void): Promise<OpenCell> {
  const { task, policy, arm, seed, config, config: { rl, evaluation } } = cell, { weights, tokenizer } = policy;
  checkReplay(rl);
  const data = await task.load(cell.taskOptions);
  const problems = selfTestTask(task, data, SELF_TESTED);
  if (problems.length > 0) {
    throw new FailureError(
      `Cannot train on task "${task.name}": its rewards fail their self-test (${problems[0]}` +
        `${problems.length > 1 ? `, and ${problems.length - 1} more` : ""}) … mend the task, see \`deno task doctor\``,
    );
  }
  const runtime = chooseRuntime(cell.device, cell.threads, weights.layout.size, {
    ...{ index: cell.accelerator?.index ?? null, precision: cell.precision ?? "float32" },
  });
  const length = runLength(rl.maxPromptTokens, rl.maxCompletionTokens);
  const sampler = new Sampler(runtime, policy.config, tokenizer.eosTokenIds, length);
  const caps = { maxPromptTokens: rl.maxPromptTokens, maxTokens: rl.maxCompletionTokens };
  const { threads } = cell;
  const adapter = cell.adapter
    ? await MergedAdapter.create(policy.config, weights, cell.adapter, { seed, threads, device: runtime })
    : null;
  const initial = () => adapter ? weights.data : weights.data.slice(); // an adapter leaves them as they are
  const reference = rl.klBeta > 0 ? { ...weights, data: initial() } : null;
  const smaller = (sequences: number) =>
    warn(`The device has not the memory: passes of ${sequences} sequences from now on (rl.microBatch=${sequences})`);
  const passes = cell.autoMicroBatch ? smaller : null;
  const learner = new Learner(runtime, policy.config, weights, rl, reference, adapter, passes), { trained } = learner;
  const optimizer = await createOptimizer(runtime, trained, learner.resident, rl, threads);
  const order = new QuestionOrder(data.splits.train, seed), replay = new Replay();
  const embedder = () => Promise.resolve(policyEmbedder(runtime, policy, initial()));
  const shaper = await arm.shaper?.({ seed, config, policyEmbedder: embedder }) ?? null;
  const best = evaluation.checkpoint === "best" ? trained.data.slice() : null;
  return {
    data,
    learner,
    parts: { weights: trained, optimizer, shaper, replay, best, lossScale: learner.lossScale },
    source: { asker: { task, tokenizer, sampler, ...caps }, weights: learner.resident, order, replay, seed },
    proof: matchProof({ task, data, policy, adapter: cell.adapter, order, evaluation, matched: cell.matched }),
    async close() {
      const held = [sampler, learner, optimizer, adapter];
      await Promise.all([...held.map((one) => one?.dispose()), shaper?.dispose?.()]);
      await runtime.dispose();
    },
  };
}

function checkReplay({ replay, questions, topK, topP }: Config["rl"]): void {
  if (replay >= questions) {
    throw new MisuseError(`Cannot use rl.replay = ${replay}: it must be below rl.questions, which is ${questions}`);
  }
  if (replay > 0 && (topK > 0 || topP < 1)) {
    throw new MisuseError("Cannot use rl.replay with rl.topK or rl.topP: old probabilities are of another support");
  }
}
