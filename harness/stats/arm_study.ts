// One arm over its finished cells: scores with their interval, the learning curve, what it cost, what collapsed.

import type { GradeStatus, StatusCounts } from "../contract.ts";
import type { Claim } from "../records/plan_schema.ts";
import type { Answer, CellResults } from "../records/results.ts";
import { iqm, mean, median, optimalityGap } from "./aggregates.ts";
import { cellScores, isFinished, testEvaluations } from "./cell_scores.ts";
import type { Estimate } from "./estimate.ts";
import { areaUnderCurve, learningCurve, type Point, reach } from "./learning_curve.ts";
import { majAtK, passAtK } from "./pass_at_k.ts";
import { pairScores, runMeans } from "./scores.ts";
import type { ArmStudy, CurvePoint } from "./study.ts";
import { twoWay, twoWayInterval } from "./two_way.ts";

/** What an arm is studied from. */
export interface ArmCells {
  readonly arm: string;
  readonly summary: string;
  readonly cells: readonly CellResults[];
  readonly metric: Claim["metric"];
}

/** All but what is a matter of other arms too. */
export function armStudy({ arm, summary, cells, metric }: ArmCells): Omit<ArmStudy, "tier" | "reach"> {
  const finished = cells.filter(isFinished), scores = cellScores(cells, metric);
  const whole = pairScores(scores, scores).a; // what one cell lacks is in the mean of none
  const means = whole.some((run) => run.length > 0) ? runMeans(whole) : [], some = means.length > 0;
  const outcomes = finished.flatMap(({ record }) => record?.outcome ?? []);
  const meanOf = (values: readonly (number | null | undefined)[]) => {
    const present = values.filter((value) => value != null);
    return present.length === 0 ? null : mean(present);
  };
  const last = finished.flatMap((cell) => testEvaluations(cell, "accuracy").at(-1) ?? []);
  return {
    arm,
    summary,
    added: cells.every(({ entry }) => entry.amendment > 0),
    seeds: scores.seeds,
    missing: cells.filter((cell) => !isFinished(cell)).map(({ entry: { seed, status, failure } }) => ({
      seed,
      status: String(status),
      failure,
    })),
    scores,
    score: some ? asShare(twoWayInterval(twoWay(whole))) : null,
    median: some ? median(means) : null,
    iqm: some ? iqm(means) : null,
    optimalityGap: some ? optimalityGap(means) : null,
    least: some ? Math.min(...means) : null,
    most: some ? Math.max(...means) : null,
    before: meanOf(finished.map((cell) => testEvaluations(cell, metric)[0]?.[metric])),
    statuses: statusShares(finished),
    curve: curvePoints(finished),
    sampled: sampledOf(finished),
    area: areaOf(finished),
    updates: meanOf(outcomes.map(({ updates }) => updates)),
    tokens: meanOf(outcomes.map(({ tokens }) => tokens.prompt + tokens.completion)),
    seconds: meanOf(finished.map(({ record }) => record?.timing.seconds)),
    memoryBytes: meanOf(finished.map(({ record }) => record?.peakMemoryBytes)),
    completionLength: meanOf(last.map(({ completionLength }) => completionLength)),
    collapses: finished.flatMap(({ entry: { seed }, record }) =>
      record?.outcome?.collapses.map((collapse) => ({ ...collapse, seed })) ?? []
    ),
  };
}

/** Shares over all greedy answers; the evaluations' own counts, which are there without the answers too. */
function statusShares(finished: readonly CellResults[]): StatusCounts | null {
  const counts = finished.flatMap((cell) => testEvaluations(cell, "accuracy").at(-1)?.statuses ?? []);
  if (counts.length === 0) return null;
  const sum = (status: GradeStatus) => counts.reduce((total, each) => total + (each[status] ?? 0), 0);
  const all = counts.reduce((total, each) => total + Object.values(each).reduce((sum, count) => sum + count, 0), 0);
  const timeout = sum("timeout");
  return {
    correct: sum("correct") / all,
    wrong: sum("wrong") / all,
    unparseable: sum("unparseable") / all,
    truncated: sum("truncated") / all,
    ...(timeout > 0 ? { timeout: timeout / all } : {}),
  };
}

/** A cell's greedy validation accuracy by updates. */
export function curveOf({ record }: CellResults): Point[] {
  const evaluations = record?.outcome?.evaluations ?? [];
  return evaluations.filter(({ split, mode }) => split === "validation" && mode === "greedy")
    .map(({ step, accuracy }) => ({ x: step, y: accuracy }));
}

/** Tokens of training by updates, mean over the cells; null where steps were not kept. */
function tokensBy(finished: readonly CellResults[]): (updates: number) => number | null {
  const sums = finished.map(({ steps }) => {
    if (steps === null) return null;
    let sum = 0;
    return [0, ...steps.map(({ tokens }) => sum += tokens.prompt + tokens.completion)];
  });
  return (updates) => {
    const there = sums.flatMap((sum) => sum?.[updates] ?? []);
    return there.length > 0 && there.length === sums.length ? mean(there) : null;
  };
}

function curvePoints(finished: readonly CellResults[]): CurvePoint[] {
  const tokens = tokensBy(finished);
  return learningCurve(finished.map(curveOf)).map(({ x, y }) => {
    const { value, lower, upper } = asShare(y);
    return { updates: x, tokens: tokens(x), value, lower, upper, seeds: finished.length };
  });
}

/** A number a seed: mean with Student's interval. */
export function overSeeds(values: readonly number[]): Estimate {
  return twoWayInterval(twoWay(values.map((value) => Float64Array.of(value))));
}

function areaOf(finished: readonly CellResults[]): Estimate | null {
  const areas = finished.flatMap((cell) => areaUnderCurve(curveOf(cell)) ?? []);
  return areas.length > 0 && areas.length === finished.length ? asShare(overSeeds(areas)) : null;
}

/** How soon the cells of an arm are at a level of validation accuracy; null without a finished cell. */
export function reachOf(cells: readonly CellResults[], level: number): ArmStudy["reach"] {
  const finished = cells.filter(isFinished);
  if (finished.length === 0) return null;
  const { reached, median } = reach(finished.map(curveOf), level), tokens = tokensBy(finished);
  return { reached, updates: median, tokens: median === null ? null : between(tokens, median) };
}

/** The tokens after so many updates, a share of an update included. */
function between(tokens: (updates: number) => number | null, updates: number): number | null {
  const whole = Math.floor(updates), [low, high] = [tokens(whole), tokens(Math.ceil(updates))];
  return low === null || high === null ? null : low + (updates - whole) * (high - low);
}

/** pass@k and maj@k for k = 1, 2, 4 … of the completions drawn at temperature 1, mean over seeds and questions. */
function sampledOf(finished: readonly CellResults[]): ArmStudy["sampled"] {
  const groups = finished.flatMap(({ answers }) => {
    const drawn = (answers ?? []).filter(({ sample }) => sample > 0);
    return [...Map.groupBy(drawn, ({ id }) => id).values()];
  });
  const most = groups.reduce((least, group) => Math.min(least, group.length), Infinity);
  if (groups.length === 0) return [];
  const extracted = groups.map((group) => group.flatMap(({ said }) => said ? [said.extracted] : []));
  const told = groups.every((group, i) => group.length === extracted[i]?.length);
  return Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, i) => 2 ** i).map((k) => ({
    k,
    pass: mean(groups.map((group) => passAtK(group.length, group.filter(isRight).length, k))),
    maj: told ? mean(groups.map((group, g) => majAtK(extracted[g] ?? [], group[0]?.gold ?? "", k))) : null,
  }));
}

const isRight = ({ status }: Answer) => status === "correct";

/** No share is below 0 or above 1, whatever Student's distribution allows. */
function asShare(estimate: Estimate): Estimate {
  return { ...estimate, lower: Math.max(0, estimate.lower), upper: Math.min(1, estimate.upper) };
}
