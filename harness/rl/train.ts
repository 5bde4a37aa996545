// The training loop of a cell, readable from top to bottom: ask, sample, grade, shape, compare, update, report. Every
// arm runs this function; an arm only changes what it is given (config overrides, a reward shaper). The cell is a pure
// function of its arguments: no clock enters what is hashed, no state survives it.

import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import type { Config } from "../config.ts";
import type {
  Arm,
  CellEvent,
  EvaluationRecord,
  Moments,
  Outcome,
  SampleRecord,
  Split,
  StepRecord,
  Task,
  TaskOptions,
} from "../contract.ts";
import { type Policy, weightsDigest } from "../model/policy.ts";
import { environment, peakMemoryBytes } from "../runtime/environment.ts";
import { chooseRuntime } from "../runtime/choose.ts";
import type { Device } from "../runtime/session.ts";
import { advantages, hasVariance } from "./advantage.ts";
import { evaluate } from "./evaluate.ts";
import { Learner, type SampleGroup, type UpdateReport } from "./learner.ts";
import { tokenWeights } from "./objective.ts";
import { AdamW } from "./optimizer.ts";
import { QuestionOrder } from "./question_order.ts";
import { type Asker, type DrawnGroup, rollOut } from "./rollout.ts";
import { runLength, Sampler } from "./sampler.ts";
import { learningRate } from "./schedule.ts";

/** Everything that a cell is a function of. The policy's weights are trained in place. */
export interface Cell {
  readonly task: Task;
  readonly taskOptions: TaskOptions;
  readonly policy: Policy;
  readonly arm: Arm;
  readonly seed: number;
  readonly config: Config;
  readonly device: Device;
  readonly threads: number;
}

/** Trains and evaluates one cell; everything that it has to say goes through `emit`. */
export async function trainCell(cell: Cell, emit: (event: CellEvent) => void): Promise<void> {
  const { task, policy, arm, seed, config: { rl, evaluation } } = cell;
  emit({ type: "phase", phase: "loading" });
  const data = await task.load(cell.taskOptions);
  const { weights, config: model, tokenizer } = policy, initialWeights = policy.digest;
  const runtime = chooseRuntime(cell.device, cell.threads, weights.layout.size);
  const length = runLength(rl.maxPromptTokens, rl.maxCompletionTokens);
  const sampler = new Sampler(runtime, model, tokenizer.eosTokenIds, length);
  const asker: Asker = {
    task,
    tokenizer,
    sampler,
    maxPromptTokens: rl.maxPromptTokens,
    maxTokens: rl.maxCompletionTokens,
  };
  const reference = rl.klBeta > 0 ? { ...weights, data: weights.data.slice() } : null;
  const learner = new Learner(runtime, model, weights, rl, reference);
  const optimizer = await AdamW.create(weights.layout.size, rl, cell.threads);
  const shape = arm.shaper?.() ?? (({ group }) => group.grades.map((grade) => sum(grade.rewards)));
  const order = new QuestionOrder(data.splits.train, seed), asked: string[] = [];
  const updates = arm.trains ? rl.updates : 0, tokens = { prompt: 0, completion: 0 };
  const evaluations: EvaluationRecord[] = [];
  let finalSamples: SampleRecord[] = [], gap = 0;

  const held = async (split: Split, n: number, step: number, samples: number) => {
    emit({ type: "phase", phase: `evaluating ${split}` });
    const result = await evaluate(asker, learner.resident, {
      split,
      items: data.splits[split],
      n,
      step,
      samples,
      seed,
      batch: evaluation.batch,
    });
    evaluations.push(result.record);
    emit({ type: "evaluation", record: result.record });
    return result.samples;
  };
  const heldOut = async (step: number) => {
    await held("validation", evaluation.validationItems, step, 0);
    if (step !== 0 && step !== updates) return;
    finalSamples = await held("test", evaluation.testItems, step, 0);
    if (evaluation.samples > 0) await held("test", evaluation.testItems, step, evaluation.samples);
  };

  await heldOut(0);
  for (let step = 0; step < updates; step++) {
    emit({ type: "phase", phase: "training" });
    const start = performance.now();
    // ask
    const items = Array.from({ length: rl.questions }, (_, i) => order.at(step * rl.questions + i));
    asked.push(...items.map(({ id }) => id));
    // sample and grade
    const sampling = { greedy: false, temperature: rl.temperature, topK: rl.topK, topP: rl.topP };
    const groups = await rollOut(asker, learner.resident, items, rl.completions, sampling, {
      seed,
      purpose: "rollout",
      step,
      first: 0,
    });
    const rolledOut = performance.now();
    // shape and compare
    const totals = groups.map((group) => shape({ step, group }));
    const batch = samplesOf(groups, totals, rl);
    // update
    const rate = learningRate(rl, step), reports: UpdateReport[] = [];
    for (let inner = 0; inner < rl.updatesPerBatch; inner++) {
      reports.push(await learner.update(batch, optimizer, rate));
    }
    // report
    const record = stepRecord(task, groups, totals, reports, step + 1, rate, {
      rollout: (rolledOut - start) / 1000,
      update: (performance.now() - rolledOut) / 1000,
    });
    tokens.prompt += record.tokens.prompt;
    tokens.completion += record.tokens.completion;
    gap = Math.max(gap, record.samplerTrainerGap);
    emit({ type: "step", record, updates });
    const done = step + 1;
    if (done === updates || (evaluation.every > 0 && done % evaluation.every === 0)) await heldOut(done);
  }

  for (const record of finalSamples) emit({ type: "sample", record });
  const outcome: Outcome = {
    initialWeights,
    finalWeights: weightsDigest(weights),
    taskData: data.digest,
    questionOrder: sha256(asked.join("\n")),
    updates,
    tokens,
    evaluations,
    samples: sha256(finalSamples.map((sample) => canonicalJson(sample) + "\n").join("")),
    samplerTrainerGap: gap,
  };
  emit({
    type: "finished",
    outcome,
    environment: await environment(cell.device, cell.threads),
    peakMemoryBytes: await peakMemoryBytes(),
  });
  await Promise.all([sampler.dispose(), learner.dispose(), optimizer.dispose()]);
  await runtime.dispose();
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;

function moments(values: readonly number[]): Moments {
  const center = mean(values);
  return { mean: center, std: Math.sqrt(mean(values.map((value) => (value - center) ** 2))) };
}

/** Completions with their advantages and weights, as the learner takes them. */
function samplesOf(
  groups: readonly DrawnGroup[],
  totals: readonly (readonly number[])[],
  rl: Config["rl"],
): SampleGroup[] {
  const weights = tokenWeights(groups.flatMap((group) => group.draws), rl);
  return groups.map(({ promptTokens, draws }, g) => {
    const advantage = advantages(totals[g]!, rl.advantage, rl.advantageEpsilon);
    return {
      prompt: promptTokens,
      samples: draws.map((draw, i) => ({
        ...draw,
        advantage: advantage[i]!,
        weight: weights[g * rl.completions + i]!,
      })),
    };
  });
}

function stepRecord(
  task: Task,
  groups: readonly DrawnGroup[],
  totals: readonly (readonly number[])[],
  reports: readonly UpdateReport[],
  step: number,
  rate: number,
  seconds: { readonly rollout: number; readonly update: number },
): StepRecord {
  const grades = groups.flatMap((group) => group.grades), draws = groups.flatMap((group) => group.draws);
  const first = reports[0]!, last = reports.at(-1)!;
  const tokens = {
    prompt: sum(groups.map((group) => group.promptTokens.length)),
    completion: sum(draws.map((draw) => draw.tokens.length)),
  };
  const flat = (rewards: readonly (readonly number[])[]) => mean(rewards.map((group) => hasVariance(group) ? 0 : 1));
  return {
    step,
    rewards: {
      ...Object.fromEntries(task.rewards.map((name, i) => [name, moments(grades.map((grade) => grade.rewards[i]!))])),
      total: moments(totals.flat()),
    },
    zeroVarianceTotal: flat(totals),
    zeroVarianceCorrectness: flat(groups.map((group) => group.grades.map((grade) => grade.rewards[0]!))),
    loss: first.loss,
    entropy: first.entropy,
    kl: first.kl,
    clipShare: last.clipShare,
    gradientNorm: first.gradientNorm,
    learningRate: rate,
    completionLength: tokens.completion / draws.length,
    truncatedShare: mean(draws.map((draw) => draw.truncated ? 1 : 0)),
    samplerTrainerGap: first.samplerTrainerGap,
    tokens,
    timing: {
      rolloutSeconds: seconds.rollout,
      updateSeconds: seconds.update,
      rolloutTokensPerSecond: tokens.completion / seconds.rollout,
      updateTokensPerSecond: (tokens.completion + tokens.prompt) / seconds.update,
    },
  };
}
