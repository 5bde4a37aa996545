// Progress without a terminal: which lines appear. Bars are for eyes.

import { deepEqual, equal } from "node:assert/strict";
import { CellMeter, experimentSecondsLeft } from "../../harness/cli/cell_meter.ts";
import { progressLines } from "../../harness/cli/progress.ts";
import { defaultConfig } from "../../harness/config_options.ts";
import type { CellEvent } from "../../harness/contract.ts";
import { planExperiment } from "../../harness/experiment/plan.ts";
import { makePolicyFolder } from "../fakes/policy_folder.ts";
import { fakeEvaluation, fakeStep } from "../fakes/records.ts";

async function onePlan() {
  const folder = await Deno.makeTempDir();
  const policy = await makePolicyFolder(folder);
  const options = { task: "arithmetic", policy, arms: ["grpo"], seeds: [4], config: defaultConfig };
  const plan = await planExperiment(options);
  await Deno.remove(folder, { recursive: true });
  const [cell] = plan.cells;
  if (!cell) throw new Error("the plan has no cell");
  return { plan, cell };
}

const stepEvent = (step: number, updates: number): CellEvent => ({ type: "step", record: fakeStep(step), updates });

const validation = (accuracy: number): CellEvent => ({
  type: "evaluation",
  record: { ...fakeEvaluation(1, accuracy), split: "validation" },
});

Deno.test("CellMeter takes the time left from the pace so far, evaluations in between included", () => {
  const meter = new CellMeter("grpo seed 4", 10);
  equal(meter.secondsLeft(), null);
  meter.take(stepEvent(1, 10), 50_000); // the first step took 2 s by its own clock
  equal(meter.secondsLeft(), 18);
  meter.take(validation(0.5), 51_000);
  meter.take(stepEvent(2, 10), 56_000); // 8 s for two steps
  equal(meter.secondsLeft(), 32);
});

Deno.test("CellMeter of a resumed cell starts at its step, and takes its pace from this run alone", () => {
  const meter = new CellMeter("grpo seed 4", 10);
  meter.take({ type: "resumed", step: 6, evaluations: [{ ...fakeEvaluation(6, 0.5), split: "validation" }] }, 0);
  equal(meter.secondsLeft(), null);
  equal(meter.text(), "step 6/10, accuracy 50.0 %");
  meter.take(stepEvent(7, 10), 50_000);
  equal(meter.secondsLeft(), 6);
  meter.finish();
  deepEqual([meter.step, meter.secondsLeft(3)], [10, 0]);
});

Deno.test("CellMeter shows its phase before the first update, then what fits into the width", () => {
  const meter = new CellMeter("grpo seed 4", 10);
  meter.take({ type: "phase", phase: "evaluating test" }, 0);
  equal(meter.text(), "evaluating test");
  meter.take(validation(0.5), 0);
  meter.take({ type: "evaluation", record: fakeEvaluation(0, 0.25) }, 0); // of the test split: not shown
  equal(meter.text(), "evaluating test, accuracy 50.0 %");
  meter.take(stepEvent(1, 10), 0);
  const whole = "step 1/10, 0:18 left, accuracy 50.0 %, reward 1.50, 8.1k tokens/s";
  equal(meter.text(), whole);
  equal(meter.text(whole.length - 1), "step 1/10, 0:18 left, accuracy 50.0 %, reward 1.50");
  equal(meter.text(0), "step 1/10");
});

Deno.test("experimentSecondsLeft() lends the pace of running cells to those that wait, and spreads the work", () => {
  const base = new CellMeter("grpo seed 4", 0), cells = [1, 2, 3].map(() => new CellMeter("grpo seed 4", 10));
  const meters = [base, ...cells];
  equal(experimentSecondsLeft(meters, 2), null);
  base.ended = true;
  cells[0]!.take(stepEvent(1, 10), 0); // 2 s an update
  equal(experimentSecondsLeft(meters, 2), (18 + 20 + 20) / 2);
  cells[1]!.take(stepEvent(10, 10), 0);
  cells[1]!.ended = true;
  cells[2]!.take(stepEvent(9, 10), 0);
  equal(experimentSecondsLeft(meters, 2), 18); // the longest cell, not half of the work
});

Deno.test("progressLines() prints every evaluation, every tenth step and no more than a line a second of steps", async () => {
  const { plan, cell } = await onePlan();
  const lines: string[] = [];
  let now = 0;
  const { report } = progressLines(plan, (line) => lines.push(line), () => now);
  const event = (event: CellEvent) => report({ type: "event", cell, event });
  report({ type: "started", cell });
  event({ type: "warning", message: "Cannot read a checkpoint" });
  event({ type: "resumed", step: 0, evaluations: [] });
  event({ type: "evaluation", record: fakeEvaluation(0, 0.25) });
  for (let step = 1; step <= 40; step++, now += 40) event(stepEvent(step, 40));
  const steps = lines.filter((line) => line.includes("step ")).map((line) => /step (\d+)/.exec(line)?.[1]);
  deepEqual(lines.slice(0, 4), [
    "grpo seed 4: started",
    "grpo seed 4: Cannot read a checkpoint",
    "grpo seed 4: resumed after 0 updates",
    "grpo seed 4: test accuracy 25.0 % after 0 updates (n = 8)",
  ]);
  deepEqual(steps, ["10", "35"]); // the second line waits for a second to pass: 25 steps of 40 ms
});
