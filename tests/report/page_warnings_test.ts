import { deepEqual, equal, ok } from "node:assert/strict";
import type { EvaluationRecord } from "../../harness/contract.ts";
import type { CellResults } from "../../harness/records/results.ts";
import { rewardWarnings } from "../../harness/report/reward_warnings.ts";
import { fakeEvaluation } from "../fakes/records.ts";
import { fakeResults } from "../fakes/results.ts";
import { risingStep } from "./page_results.ts";

const MARGIN = 0.02;
const [cell] = fakeResults({ scores: { plain: [[1]] } }).cells;

/** A cell whose total reward rises to that, with validation accuracies after these updates. */
function trained(reward: number, accuracies: Readonly<Record<number, number>>, memory = false): CellResults {
  const evaluations = Object.entries(accuracies).map(([step, accuracy]): EvaluationRecord => ({
    ...fakeEvaluation(Number(step), accuracy, 100),
    split: "validation",
  }));
  const steps = Array.from({ length: 20 }, (_, i) => risingStep(i + 1, { reward, memory, steps: 20 }));
  const record = cell!.record!;
  return { ...cell!, steps, record: { ...record, outcome: { ...record.outcome!, evaluations } } };
}

Deno.test("rewardWarnings() finds a reward that rises while accuracy does not", () => {
  const [found, ...more] = rewardWarnings([trained(1, { 0: 0.3, 20: 0.31 })], MARGIN);
  equal(more.length, 0);
  // ends: the first and the last two of 20 updates, in which the total is reward * update / 20
  ok(Math.abs(found!.reward - (19.5 / 20 - 1.5 / 20)) < 1e-12);
  deepEqual([found!.arm, found!.seed, found!.stretch], ["plain", 0, "whole"]);
  ok(Math.abs(found!.accuracy - 0.01) < 1e-12);
  equal(found!.bonus, 0);
});

Deno.test("rewardWarnings() is silent where accuracy rises, reward hardly does, or all is solved", () => {
  deepEqual(rewardWarnings([trained(1, { 0: 0.3, 10: 0.4, 20: 0.5 })], MARGIN), []);
  deepEqual(rewardWarnings([trained(0.1, { 0: 0.3, 20: 0.3 })], MARGIN), []);
  deepEqual(rewardWarnings([trained(-1, { 0: 0.3, 20: 0.3 })], MARGIN), []);
  deepEqual(rewardWarnings([trained(1, { 0: 0.95, 20: 0.95 })], MARGIN), []);
});

Deno.test("rewardWarnings() finds accuracy that falls in the second half alone", () => {
  const [found] = rewardWarnings([trained(3, { 0: 0.1, 10: 0.6, 20: 0.5 })], MARGIN);
  equal(found?.stretch, "second half");
  ok(Math.abs(found!.accuracy + 0.1) < 1e-12);
});

Deno.test("rewardWarnings() says how much of the rise are bonuses", () => {
  const [found] = rewardWarnings([trained(1, { 0: 0.3, 20: 0.3 }, true)], MARGIN);
  ok(Math.abs(found!.bonus - 0.1 * (19.5 - 1.5) / 20) < 1e-12);
});

Deno.test("rewardWarnings() says nothing of cells without steps or without two evaluations", () => {
  deepEqual(rewardWarnings([{ ...trained(1, { 0: 0.3, 20: 0.3 }), steps: null }], MARGIN), []);
  deepEqual(rewardWarnings([trained(1, { 0: 0.3 })], MARGIN), []);
});
