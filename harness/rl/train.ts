// The training loop of a cell, readable from top to bottom: ask, sample, grade, shape, compare, update, report. Every
// arm runs this function; an arm only changes what it is given (config fields, a reward shaper). The cell is a pure
// function of its arguments: no clock enters what is hashed, and a cell that was stopped and goes on from a checkpoint
// ends with the same bytes.

import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import type { Config } from "../config.ts";
import type { Bonus, CellEvent, Outcome, SampleRecord, Split } from "../contract.ts";
import { weightsDigest } from "../model/policy.ts";
import { environment, peakMemoryBytes } from "../runtime/environment.ts";
import { batchAdvantages, type GroupRewards } from "./advantage.ts";
import { advance, type CellProgress, freshProgress, loadState, saveState } from "./cell_state.ts";
import { newestCheckpoint, pruneCheckpoints, writeCheckpoint } from "./checkpoint.ts";
import { findCollapses } from "./collapse.ts";
import { drawStep, hasMixedCorrectness } from "./draw_step.ts";
import { evaluate } from "./evaluate.ts";
import type { SampleGroup, UpdateReport } from "./learner.ts";
import { tokenWeights } from "./objective.ts";
import { type Cell, type OpenCell, openCell } from "./open_cell.ts";
import type { DrawnGroup } from "./rollout.ts";
import { budgetUsed, isSpent, learningRate } from "./schedule.ts";
import { stepRecord } from "./step_record.ts";

/** Thrown through an evaluation when the cell is to stop. */
class Stopped extends Error {}

/**
 * Trains and evaluates one cell; everything that it has to say goes through `emit`.
 * @param stop ends the cell after the update in flight, with a checkpoint
 */
export async function trainCell(cell: Cell, emit: (event: CellEvent) => void, stop: AbortSignal): Promise<void> {
  const { task, arm, seed, checkpoints, config: { rl, evaluation } } = cell;
  emit({ type: "phase", phase: "loading" });
  const warn = (message: string) => emit({ type: "warning", message });
  const open = await openCell(cell, warn), { data, learner, parts, source } = open, { weights, shaper, best } = parts;
  const found = checkpoints && await newestCheckpoint(checkpoints.folder, cell.resumeAt, warn);
  const progress = found ? await loadState(found.sections, parts) : freshProgress();
  if (found) {
    parts.optimizer.changed();
    await learner.changed();
    emit({ type: "resumed", step: progress.step, evaluations: [...progress.evaluations] });
  }
  let finalSamples: SampleRecord[] = [];

  const save = async () => {
    if (!checkpoints || progress.step === 0) return;
    await parts.optimizer.settle();
    await writeCheckpoint(checkpoints.folder, progress.step, saveState(progress, parts));
    const kept = { ...checkpoints, keep: Math.max(1, checkpoints.keep) };
    await pruneCheckpoints(kept, progress.step, progress.best?.step ?? null);
  };
  const pause = async () => {
    await new Promise((resolve) => setTimeout(resolve)); // native calls keep signals from being heard
    if (stop.aborted) throw new Stopped();
  };
  const ask = async (split: Split, n: number, step: number, samples = 0) => {
    emit({ type: "phase", phase: `evaluating ${split}` });
    const of = { split, items: data.splits[split], n, step, samples, seed, batch: evaluation.batch, pause };
    const result = await evaluate(source.asker, learner.resident, of);
    progress.evaluations.push(result.record);
    emit({ type: "evaluation", record: result.record });
    return result;
  };
  const askTest = async (step: number) => {
    if (cell.validationOnly) return;
    finalSamples = (await ask("test", evaluation.testItems, step)).samples;
    if (evaluation.samples === 0) return;
    finalSamples.push(...(await ask("test", evaluation.testItems, step, evaluation.samples)).samples);
  };
  const isEnd = () => !arm.trains || isSpent(rl, progress.step, tokensUsed(progress));
  const isEvaluated = () =>
    progress.step === 0 || isEnd() || (evaluation.every > 0 && progress.step % evaluation.every === 0);

  try {
    while (true) {
      if (isEvaluated()) {
        const { record: { step, accuracy } } = await ask("validation", evaluation.validationItems, progress.step);
        if (accuracy > (progress.best?.accuracy ?? -1)) {
          progress.best = { step, accuracy };
          if (best) await parts.optimizer.settle();
          best?.set(weights.data);
        }
        if (step === 0) await askTest(0);
      }
      if (isEnd()) break;
      emit({ type: "phase", phase: "training" });
      const start = performance.now(), used = tokensUsed(progress);
      // ask, sample and grade
      const drawn = await drawStep(source, rl, progress.step, progress.asked), { groups } = drawn;
      const rolledOut = performance.now();
      // shape and compare
      const context = { step: progress.step, progress: budgetUsed(rl, progress.step, used), groups };
      const bonuses = await shaper?.shape(context) ?? groups.map(() => []);
      const rewards = groups.map((group, g) => rewardsOf(group, bonuses[g]!, rl));
      const batch = samplesOf(groups, rewards, rl);
      // update
      const rate = learningRate(rl, progress.step, used), reports: UpdateReport[] = [];
      for (let inner = 0; inner < rl.updatesPerBatch; inner++) {
        reports.push(await learner.update(batch, parts.optimizer, rate));
      }
      if (rl.replay > 0) source.replay.add(groups);
      // report
      const seconds = { rollout: (rolledOut - start) / 1000, update: (performance.now() - rolledOut) / 1000 };
      const step = progress.step + 1, done = { task, shaper, drawn, bonuses, rewards, reports, step, seconds };
      const record = stepRecord({ ...done, learningRate: rate });
      advance(progress, record, drawn.asked, drawn.first, task.rewards);
      emit({ type: "step", record, updates: expectedUpdates(rl, progress) });
      if (isEvaluated() || step % (checkpoints?.every ?? 1) === 0) await save();
      await pause();
    }

    await parts.optimizer.settle();
    const finalWeights = weightsDigest(weights);
    const evaluatedStep = best ? progress.best!.step : progress.step;
    if (best) {
      weights.data.set(best);
      await learner.changed();
    }
    if (progress.step > 0) await askTest(evaluatedStep);
    for (const record of finalSamples) emit({ type: "sample", record });
    const outcome = outcomeOf(cell, open, progress, { finalWeights, evaluatedStep, finalSamples });
    if (checkpoints?.keep === 0) await pruneCheckpoints(checkpoints, progress.step, null);
    const where = await environment(cell.device, cell.threads, cell.accelerator, cell.precision);
    emit({ type: "finished", outcome, environment: where, peakMemoryBytes: await peakMemoryBytes() });
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    if (!isEvaluated()) await save(); // before an evaluation there is a checkpoint already
    emit({ type: "stopped", step: progress.step });
  } finally {
    await open.close();
  }
}

function outcomeOf(
  { config }: Cell,
  { proof, parts: { shaper } }: OpenCell,
  progress: CellProgress,
  final: { finalWeights: string; evaluatedStep: number; finalSamples: readonly SampleRecord[] },
): Outcome {
  return {
    match: { ...proof, firstRollouts: progress.firstRollouts },
    finalWeights: final.finalWeights,
    evaluatedStep: final.evaluatedStep,
    asked: { count: progress.asked, digest: progress.askedChain },
    updates: progress.step,
    endedBy: config.rl.tokens > 0 ? "tokens" : "updates",
    tokens: progress.tokens,
    evaluations: progress.evaluations,
    collapses: findCollapses(progress.collapse, config.collapse),
    embedder: shaper?.embedder ?? null,
    steps: progress.stepChain,
    samples: sha256(final.finalSamples.map((sample) => canonicalJson(sample) + "\n").join("")),
    samplerTrainerGap: progress.samplerTrainerGap,
  };
}

const tokensUsed = ({ tokens }: CellProgress) => tokens.prompt + tokens.completion;

/** Updates that the cell will do; of a budget of tokens, at the pace so far. */
function expectedUpdates(rl: Config["rl"], progress: CellProgress): number {
  return rl.tokens === 0
    ? rl.updates
    : Math.max(progress.step, Math.round(progress.step * rl.tokens / tokensUsed(progress)));
}

/** The weighted rewards of the task and the bonuses of the arm, and their total. */
function rewardsOf(group: DrawnGroup, bonuses: readonly Bonus[], rl: Config["rl"]): GroupRewards {
  const counts = rl.intrinsicOnZeroGroups || hasMixedCorrectness(group);
  const names = group.grades[0]!.rewards.keys();
  const parts = [
    ...[...names].map((k) =>
      group.grades.map(({ rewards }) => (k === 0 ? rl.correctnessWeight : rl.formatWeight) * rewards[k]!)
    ),
    ...bonuses.map(({ values }) => counts ? values : values.map(() => 0)),
  ];
  return { parts, totals: group.grades.map((_, i) => parts.reduce((total, part) => total + part[i]!, 0)) };
}

/** Completions with their advantages and weights, as the learner takes them. */
function samplesOf(
  groups: readonly DrawnGroup[],
  rewards: readonly GroupRewards[],
  rl: Config["rl"],
): SampleGroup[] {
  const weights = tokenWeights(groups.flatMap((group) => group.draws), rl);
  const advantage = batchAdvantages(rewards, rl.advantage, rl.advantageEpsilon);
  return groups.map(({ promptTokens, draws, replayed }, g) => ({
    prompt: promptTokens,
    samples: draws.map((draw, i) => ({
      ...draw,
      advantage: advantage[g]![i]!,
      weight: weights[g * rl.completions + i]!,
      replayed: i >= draws.length - replayed,
    })),
  }));
}
