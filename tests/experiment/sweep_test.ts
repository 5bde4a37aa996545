// Fair tuning: the same grid, budget and seeds for every trained arm, chosen on validation, on seeds that are not reported.

import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findArm } from "../../harness/arms/registry.ts";
import { MisuseError } from "../../harness/base/errors.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { Checklist } from "../../harness/experiment/checklist.ts";
import { type ExperimentOptions, planExperiment } from "../../harness/experiment/plan.ts";
import { runExperiment, type RunOptions } from "../../harness/experiment/run_experiment.ts";
import { chooseValue, planSweep, type SweepOptions } from "../../harness/experiment/sweep.ts";
import { verifyTuning } from "../../harness/experiment/verify_tuning.ts";
import { readPlan } from "../../harness/records/plan_schema.ts";
import { readCellRecord, readTuning } from "../../harness/records/store.ts";
import { makePolicyFolder } from "../fakes/policy_folder.ts";

const worker = new URL("../fakes/cell_worker.ts", import.meta.url);
const parent = await Deno.makeTempDir();
const policy = await makePolicyFolder(parent);
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));

const rates: SweepOptions = { field: "rl.learningRate", values: [1e-4, 1e-5, 1e-6], seeds: [1000, 1001] };

async function run(name: string, options: Partial<ExperimentOptions> = {}, more: RunOptions = {}) {
  const config = overrideConfig(defaultConfig, { rl: { updates: 5 }, evaluation: { every: 5 } }, "test");
  const common = { task: "arithmetic", policy, arms: ["base", "grpo", "rloo"], seeds: [0], config, jobs: 2 };
  const plan = await planExperiment({ ...common, sweep: rates, ...options, out: join(parent, name) });
  const started: string[] = [];
  const { record, results } = await runExperiment(plan, {
    worker,
    ...more,
    report: (progress) => {
      more.report?.(progress);
      if (progress.type === "started") started.push(progress.cell.folder);
    },
  });
  return { record, results, started, out: plan.out };
}

Deno.test("chooseValue() takes the best mean, of equal ones the smaller, and none while one is missing", () => {
  const choose = (...tried: readonly (readonly [string | number, number | null])[]) =>
    chooseValue(tried.map(([value, accuracy]) => ({ value, accuracy })));
  equal(choose([1, 0.5], [2, 0.7], [3, 0.6]), 2);
  equal(choose([3, 0.5], [1, 0.5], [2, 0.5]), 1);
  equal(choose([1, 0.1 + 0.2], [2, 0.3]), 1); // equal but for rounding
  equal(choose([2, 0.3], [1, 0.1 + 0.2]), 1);
  equal(choose(["std", 0.5], ["mean", 0.5]), "std");
  equal(choose([1, 0.5], [2, null]), null);
  equal(choose([1, 0]), 1);
});

Deno.test("planSweep() refuses what would not be fair, or not be a choice", () => {
  const arms = ["base", "grpo", "dr-grpo"].map((name) => findArm(name));
  const refused = (options: Partial<SweepOptions>, pattern: RegExp, of = arms) =>
    throws(
      () => planSweep({ ...rates, ...options }, of, defaultConfig, [0, 1, 2]),
      (error: unknown) => error instanceof MisuseError && pattern.test(error.message),
    );
  refused({ seeds: [1000, 2] }, /Cannot sweep rl\.learningRate: seed 2 is among the reported ones … .*--sweep-seeds/);
  refused({ values: [1e-5] }, /one value leaves nothing to choose/);
  refused({ values: [1e-5, 2e-5, 1e-5] }, /a value stands there twice/);
  refused({ values: [1e-5, 7] }, /rl\.learningRate = 7 \(--sweep\): must be a number from 0 to 1/);
  refused({ field: "rl.learningrate" }, /did you mean "rl\.learningRate"/);
  refused({ field: "rl.loss", values: ["grpo", "dapo"] }, /Cannot sweep rl\.loss: arm "dr-grpo" sets it itself/);
  refused({ field: "rl.updates", values: [10, 20] }, /rl\.updates.* the same for all arms/);
  refused({}, /no arm trains/, arms.slice(0, 1));
});

Deno.test("runExperiment() tunes every trained arm on the same grid, and reports each at its best", async () => {
  const { record, started, out } = await run("tuned");
  equal(record.status, "finished");
  equal(started.length, 2 * 3 * 2 + 3);
  deepEqual(started.slice(-3), ["base/seed-0", "grpo/seed-0", "rloo/seed-0"]);
  const tuning = await readTuning(join(out, "tuning.json"));
  deepEqual(record.tuning, { field: tuning.field, arms: tuning.arms });
  deepEqual(tuning.arms.map(({ arm, chosen }) => [arm, chosen]), [["grpo", 1e-4], ["rloo", 1e-5]]);
  for (const { tried } of tuning.arms) {
    deepEqual(tried.map(({ value, cells }) => [value, ...cells.map(({ seed }) => seed)]), [
      ...[[1e-4, 1000, 1001], [1e-5, 1000, 1001], [1e-6, 1000, 1001]],
    ]);
  }
  deepEqual(tuning.arms[0]?.tried.map(({ accuracy }) => accuracy), [0.75, 0.5, 0.25]);
  const rate = async (folder: string) =>
    (await readCellRecord(join(out, folder, "record.json"))).config.rl?.learningRate;
  deepEqual([await rate("grpo/seed-0"), await rate("rloo/seed-0")], [1e-4, 1e-5]);
  equal(await rate("base/seed-0"), defaultConfig.rl.learningRate);
  const cell = join(out, "tuning", "grpo", "0.0001", "seed-1000");
  const { outcome } = await readCellRecord(join(cell, "record.json"));
  ok(outcome?.evaluations.every(({ split }) => split === "validation"));
  deepEqual(readdirSync(cell).sort(), [".lock", "record.json", "samples.jsonl", "steps.jsonl"]); // no checkpoints
  equal(record.match.matched, true);

  const { sweep } = JSON.parse(readFileSync(join(out, "plan.json"), "utf8"));
  deepEqual([sweep.field, sweep.values, sweep.seeds], [rates.field, rates.values, rates.seeds]);
  match(sweep.rule, /best mean of greedy validation accuracy/);
});

Deno.test("runExperiment() goes on with an interrupted tuning, tunes an arm that is added, and refuses another grid", async () => {
  const stop = new AbortController();
  const first = await run("cut", { jobs: 1 }, {
    signal: stop.signal,
    report: ({ type, cell }) => type === "started" && cell.folder === "tuning/grpo/0.00001/seed-1000" && stop.abort(),
  });
  equal(first.record.status, "interrupted");
  deepEqual(first.record.cells.map(({ status }) => status), ["pending", "pending", "pending"]);
  deepEqual(first.record.tuning?.arms.map(({ chosen }) => chosen), [null, null]);
  const second = await run("cut");
  equal(second.record.status, "finished");
  const tried = first.record.tuning?.arms.flatMap(({ tried }) => tried.flatMap(({ cells }) => cells)) ?? [];
  const done = tried.filter(({ status }) => status === "finished").map(({ folder }) => folder);
  deepEqual(done.slice(0, 2), ["tuning/grpo/0.0001/seed-1000", "tuning/grpo/0.0001/seed-1001"]);
  deepEqual(second.started.filter((folder) => done.includes(folder)), []);
  equal(second.started.length, 12 - done.length + 3);

  const third = await run("cut", { arms: ["gdpo"] });
  deepEqual(third.record.tuning?.arms.map(({ arm, chosen }) => [arm, chosen]), [
    ...[["grpo", 1e-4], ["rloo", 1e-5], ["gdpo", 1e-5]],
  ]);
  deepEqual((await run("cut")).started, []);
  for (const sweep of [null, { ...rates, values: [1e-4, 1e-5] }]) {
    const refused = await run("cut", { sweep }).catch((error) => error);
    ok(refused instanceof MisuseError);
    match(refused.message, /sweep.* was .* and is /);
  }
});

Deno.test("verifyTuning() derives the tuning again, and finds what was changed", async () => {
  const { out } = await run("checked"), plan = await readPlan(join(out, "plan.json"));
  const reported = await Promise.all(
    ["base", "grpo", "rloo"].map((arm) => readCellRecord(join(out, arm, "seed-0", "record.json"))),
  );
  const failures = async (records = reported) => {
    const list = new Checklist(() => {});
    await verifyTuning(list, out, plan, records);
    equal(list.items.length, 6);
    return list.items.filter(({ state }) => state === "failed").flatMap(({ reasons }) => reasons).join("\n");
  };
  equal(await failures(), "");
  const path = join(out, "tuning.json"), text = Deno.readTextFileSync(path);
  const changed = async (from: string, to: string, pattern: RegExp) => {
    Deno.writeTextFileSync(path, text.replace(from, to));
    match(await failures(), pattern);
    Deno.writeTextFileSync(path, text);
  };
  await changed('"chosen": 0.0001', '"chosen": 0.00001', /chosen/);
  await changed('"accuracy": 0.75', '"accuracy": 0.8', /accuracy/);
  await changed('"seed": 1001', '"seed": 1002', /seed/);
  match(await failures(reported.map((record) => ({ ...record, arm: "grpo" }))), /rl\.learningRate/);
  rmSync(join(out, "tuning", "rloo", "0.00001", "seed-1001", "record.json"));
  match(await failures(), /record\.json/);
});
