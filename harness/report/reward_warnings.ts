// Where the reward rises while held-out accuracy does not: the policy has found something that pays and does not help.
// A cell is looked at over its whole training and over the second half of it. A stretch is suspicious if
//
//   total(end) - total(start) >= RISE * spread(start)   and   accuracy(end) - accuracy(start) < least
//
// total: mean total reward, bonuses included, over the first and the last TENTH of the stretch's updates; spread: mean
// standard deviation of the total within the steps at the start; accuracy: greedy, on validation questions (on test
// questions where there is no validation), in the evaluations nearest to the ends of the stretch. `least` is the plan's
// margin. A policy that ends at SOLVED or above is left alone: there is nothing left to rise.

import type { EvaluationRecord, StepRecord } from "../contract.ts";
import type { CellResults } from "../records/results.ts";

/** In standard deviations of the total reward. */
export const RISE = 0.25;
/** Share of a stretch whose steps count as an end of it. */
export const TENTH = 0.1;
/** Accuracy from which on nothing is said. */
export const SOLVED = 0.9;

/** A cell whose reward rose and whose accuracy did not. */
export interface RewardWarning {
  readonly arm: string;
  readonly seed: number;
  readonly stretch: "whole" | "second half";
  /** Change of the mean total reward. */
  readonly reward: number;
  /** Of which bonuses of the arm, as far as steps name them. */
  readonly bonus: number;
  /** Change of held-out accuracy, a share. */
  readonly accuracy: number;
}

/** The suspicious stretch of each cell, the whole training before its half; none for cells without steps. */
export function rewardWarnings(cells: readonly CellResults[], least: number): RewardWarning[] {
  return cells.flatMap((cell) => {
    const { steps, record, entry: { arm, seed } } = cell;
    if (!steps || !record?.outcome) return [];
    const evaluations = heldOut(record.outcome.evaluations);
    const half = Math.floor(steps.length / 2);
    const found = look(steps, evaluations, 0, least) ?? look(steps, evaluations, half, least);
    return found ? [{ arm, seed, ...found }] : [];
  });
}

function heldOut(evaluations: readonly EvaluationRecord[]): EvaluationRecord[] {
  const greedy = evaluations.filter(({ mode }) => mode === "greedy");
  const validation = greedy.filter(({ split }) => split === "validation");
  return (validation.length > 1 ? validation : greedy.filter(({ split }) => split === "test"))
    .toSorted((a, b) => a.step - b.step);
}

function look(steps: readonly StepRecord[], evaluations: readonly EvaluationRecord[], from: number, least: number) {
  const stretch = steps.slice(from), width = Math.ceil(TENTH * stretch.length);
  const before = evaluations.findLast(({ step }) => step <= from), after = evaluations.at(-1);
  if (stretch.length < 2 || !before || !after || after.step <= before.step) return null;
  const start = stretch.slice(0, width), end = stretch.slice(-width);
  const reward = meanOf(end, totalOf) - meanOf(start, totalOf), accuracy = after.accuracy - before.accuracy;
  const spread = meanOf(start, ({ rewards }) => rewards.total?.std ?? 0);
  if (after.accuracy >= SOLVED || accuracy >= least || reward <= 0 || reward < RISE * spread) return null;
  const bonus = (step: StepRecord) => bonusOf(step, Object.keys(after.rewards));
  return {
    stretch: from === 0 ? "whole" as const : "second half" as const,
    reward,
    bonus: meanOf(end, bonus) - meanOf(start, bonus),
    accuracy,
  };
}

const totalOf = ({ rewards }: StepRecord) => rewards.total?.mean ?? 0;

/** Sum of the rewards that are none of the task's. */
function bonusOf({ rewards }: StepRecord, task: readonly string[]): number {
  return Object.entries(rewards)
    .filter(([name]) => name !== "total" && !name.endsWith(".raw") && !task.includes(name))
    .reduce((sum, [, { mean }]) => sum + mean, 0);
}

function meanOf(steps: readonly StepRecord[], value: (step: StepRecord) => number): number {
  return steps.reduce((sum, step) => sum + value(step), 0) / steps.length;
}
