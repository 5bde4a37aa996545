// From cells to score matrices: an answer is 1 if it is correct and 0 if it is wrong, unparseable or truncated. What has
// no answer is no 0: a cell that did not finish is left out, and whoever leaves it out says so.

import type { EvaluationRecord } from "../contract.ts";
import type { Claim } from "../records/plan_schema.ts";
import type { Answer, CellResults } from "../records/results.ts";
import { type Pairing, pairScores, type Scores } from "./scores.ts";

type Metric = Claim["metric"];

/** The one item of cells whose answers were not kept: their score is the evaluation's. */
export const ALL_ITEMS = "all";

/** Whether a cell has a score. */
export function isFinished({ entry, record }: CellResults): boolean {
  return entry.status === "finished" && record?.outcome != null;
}

/**
 * Scores of the finished cells among those given, [seeds][items], NaN where a cell lacks an item that another has.
 * @param cells of one arm
 */
export function cellScores(cells: readonly CellResults[], metric: Metric): Scores {
  const finished = cells.filter(isFinished), seeds = finished.map(({ entry }) => entry.seed);
  const kept = finished.map(({ answers }) => answers && itemScores(answers, metric));
  if (kept.some((scores) => scores === null || scores.size === 0)) {
    return { seeds, items: [ALL_ITEMS], values: finished.map((cell) => Float64Array.of(evaluated(cell, metric))) };
  }
  const items = [...new Set(kept.flatMap((scores) => [...scores?.keys() ?? []]))];
  return { seeds, items, values: kept.map((scores) => Float64Array.from(items, (id) => scores?.get(id) ?? NaN)) };
}

/** Scores of two arms, paired by the same rule: where one has no answers, both have one number a cell. */
export function pairCells(a: readonly CellResults[], b: readonly CellResults[], metric: Metric): Pairing {
  const scores = [cellScores(a, metric), cellScores(b, metric)] as const;
  if (!scores.some(({ items }) => items[0] === ALL_ITEMS)) return pairScores(...scores);
  const bare = (cells: readonly CellResults[]) => cells.map((cell) => ({ ...cell, answers: null }));
  return pairScores(cellScores(bare(a), metric), cellScores(bare(b), metric));
}

/** Score of each question by its id; none where the answers that the metric needs are not there. */
function itemScores(answers: readonly Answer[], metric: Metric): Map<string, number> {
  const wanted = answers.filter(({ sample }) => (sample > 0) === (metric === "passAtSamples"));
  const scores = new Map<string, number>();
  for (const { id, status } of wanted) {
    scores.set(id, Math.max(scores.get(id) ?? 0, status === "correct" ? 1 : 0));
  }
  return scores;
}

function evaluated(cell: CellResults, metric: Metric): number {
  return testEvaluations(cell, metric).at(-1)?.[metric] ?? NaN;
}

/** The evaluations on test questions that the metric is taken from: before training and at the end. */
export function testEvaluations({ record }: CellResults, metric: Metric): readonly EvaluationRecord[] {
  const mode = metric === "passAtSamples" ? "sample" : "greedy";
  return record?.outcome?.evaluations.filter((one) => one.split === "test" && one.mode === mode) ?? [];
}
