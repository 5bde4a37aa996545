// Experiments that are killed, damaged and gone on with: they end with the bytes of one that was left alone.

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stream } from "../../harness/base/prng.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import type { CellEvent } from "../../harness/contract.ts";
import { type ExperimentOptions, planExperiment } from "../../harness/experiment/plan.ts";
import { runExperiment, type RunOptions } from "../../harness/experiment/run_experiment.ts";
import { readCellRecord, readExperiment, readSteps } from "../../harness/records/store.ts";
import { accidents } from "../fakes/cell_worker.ts";
import { kill } from "../fakes/kill.ts";
import { makePolicyFolder } from "../fakes/policy_folder.ts";

const worker = new URL("../fakes/cell_worker.ts", import.meta.url);
const program = fileURLToPath(new URL("../fakes/bench.ts", import.meta.url));
const parent = await Deno.makeTempDir();
const policy = await makePolicyFolder(parent);
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));

const config = overrideConfig(defaultConfig, { rl: { updates: 40 }, evaluation: { every: 10 } }, "test");

interface Told {
  readonly seed: number;
  readonly event: CellEvent;
}

/** Runs an experiment in this process. @returns what it came to, what its cells told, and which of them were started */
async function run(name: string, options: Partial<ExperimentOptions> = {}, more: RunOptions = {}) {
  const told: Told[] = [], started: string[] = [], found: string[] = [];
  const common = { task: "arithmetic", policy, arms: ["grpo"], seeds: [0, 1], config, jobs: 2, checkpointEvery: 4 };
  const plan = await planExperiment({ ...common, ...options, out: join(parent, name) });
  const { record } = await runExperiment(plan, {
    worker,
    ...more,
    report: (progress) => {
      more.report?.(progress);
      const { cell: { folder, spec: { seed } } } = progress;
      if (progress.type === "event") told.push({ seed, event: progress.event });
      if (progress.type === "started") started.push(folder);
      if (progress.type === "found") found.push(folder);
    },
  });
  return { record, told, started, found, out: plan.out };
}

/** What a rerun must reproduce of a folder: each cell's digest, steps without their timing, samples. */
async function contents(out: string): Promise<unknown> {
  const { cells } = await readExperiment(join(out, "experiment.json"));
  return await Promise.all(cells.map(async ({ folder }) => {
    const { digest } = await readCellRecord(join(out, folder, "record.json"));
    const steps = (await readSteps(join(out, folder, "steps.jsonl"))).map(({ timing: _, ...step }) => step);
    return { folder, digest, steps, samples: readFileSync(join(out, folder, "samples.jsonl"), "utf8") };
  }));
}

Deno.test("bench that is killed at random moments goes on, and ends with the same bytes", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const seeds = `0,${accidents.brisk},2`;
  const bench = (out: string) =>
    new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", program, "bench", "--policy", policy, "--arms", "grpo", "--seeds", seeds, "--jobs", "2"],
        ...["--set", "rl.updates=100", "--set", "evaluation.every=10", "--checkpoint-every", "5", "--out", out],
      ],
      cwd: parent,
      stdout: "null",
      stderr: "null",
    });
  equal((await bench("whole").output()).code, 0);
  const whole = await contents(join(parent, "whole"));

  const random = stream(0, "kill"), out = join(parent, "killed");
  let kills = 0;
  for (let finished = false; !finished;) {
    const child = bench("killed").spawn();
    const patience = 200 * 1.3 ** kills; // however slow the machine is, it comes to its end
    const timer = setTimeout(() => kill(child), patience * (0.5 + random.uniform()));
    const { code, signal } = await child.status;
    clearTimeout(timer);
    if (signal === "SIGKILL") kills++;
    else equal(code, 0);
    finished = code === 0;
    ok(kills < 40, "it never comes to its end");
  }
  ok(kills >= 3, `${kills} kills`);
  deepEqual(await contents(out), whole);
  const { cells } = await readExperiment(join(out, "experiment.json"));
  ok(cells.some(({ resumes }) => resumes > 0));
  const left = cells.flatMap(({ folder }) => readdirSync(join(out, folder), { recursive: true }).map(String));
  deepEqual(left.filter((name) => name.endsWith(".tmp")), []);
});

Deno.test("runExperiment() takes an interrupted cell up from its checkpoint, and counts that", async () => {
  const seeds = [accidents.slow], stop = new AbortController();
  const whole = await run("unbroken", {
    seeds: [accidents.slow],
    config: overrideConfig(config, { rl: { updates: 9 } }, ""),
  });
  const options = { seeds, config: overrideConfig(config, { rl: { updates: 9 } }, "") };
  const first = await run("broken", options, {
    signal: stop.signal,
    report: (progress) => {
      if (progress.type === "event" && progress.event.type === "step" && progress.event.record.step === 6) stop.abort();
    },
  });
  deepEqual([first.record.status, first.record.cells[0]?.status], ["interrupted", "interrupted"]);
  const second = await run("broken", options);
  const resumed = second.told.map(({ event }) => event).find((event) => event.type === "resumed");
  ok(resumed && resumed.step >= 6 && resumed.evaluations.length === 1);
  equal(second.told.filter(({ event }) => event.type === "step").length, 9 - resumed.step);
  deepEqual(await contents(second.out), await contents(whole.out));
  const { timing } = await readCellRecord(join(second.out, "grpo", `seed-${accidents.slow}`, "record.json"));
  equal(timing.resumes, 1);
  ok(Math.abs(timing.rolloutSeconds - 0.09) < 1e-9); // of all nine steps
  equal(second.record.startedAt, first.record.startedAt);
});

Deno.test("runExperiment() runs a cell again whose record is damaged, and no other", async () => {
  const before = await run("damaged"), whole = await contents(before.out);
  const cell = join(before.out, "grpo", "seed-1");
  const damages: readonly (readonly [string, () => void, RegExp | null, number])[] = [
    [
      "record",
      () => truncateSync(join(cell, "record.json"), 300),
      /record\.json": the JSON is malformed.*it is run again/,
      40,
    ],
    [
      "a wrong number",
      () => {
        const path = join(cell, "record.json");
        writeFileSync(path, readFileSync(path, "utf8").replace('"evaluatedStep": 40', '"evaluatedStep": 39'));
      },
      /does not have the digest.*it is run again/,
      40,
    ],
    [
      "newest checkpoint",
      () => {
        truncateSync(join(cell, "checkpoints", "step-000040.checkpoint"), 100);
        rmSync(join(cell, "record.json"));
      },
      /step-000040\.checkpoint.* is damaged; going on from the one before/,
      36,
    ],
    [
      "steps",
      () => {
        const path = join(cell, "steps.jsonl");
        truncateSync(path, statSync(path).size - 10);
        rmSync(join(cell, "record.json"));
      },
      null,
      36,
    ],
    [
      "steps before all checkpoints",
      () => {
        truncateSync(join(cell, "steps.jsonl"), 10);
        rmSync(join(cell, "record.json"));
      },
      null,
      0,
    ],
    ["everything", () => rmSync(cell, { recursive: true }), null, 0],
  ];
  for (const [what, damage, warning, step] of damages) {
    damage();
    const { record, told, started, found } = await run("damaged");
    deepEqual([record.status, started, found], ["finished", ["grpo/seed-1"], ["grpo/seed-0"]], what);
    const events = told.map(({ event }) => event);
    const said = events.flatMap((event) => event.type === "warning" ? [event.message] : []).join("\n");
    if (warning) match(said, warning);
    else equal(said, "", what);
    equal(events.find((event) => event.type === "resumed")?.step ?? 0, step, what);
    deepEqual(await contents(before.out), whole, what);
  }
});

Deno.test("runExperiment() makes experiment.json anew from the records where it is damaged or gone", async () => {
  const { out, record } = await run("unlisted"), path = join(out, "experiment.json");
  for (const damage of [() => truncateSync(path, 99), () => rmSync(path)]) {
    damage();
    const again = await run("unlisted");
    deepEqual(again.started, []);
    deepEqual([again.record.cells, again.record.match], [record.cells, record.match]);
    deepEqual(await readExperiment(path), again.record);
  }
});

Deno.test("runExperiment() adds arms and seeds to a finished experiment, and leaves its cells alone", async () => {
  const first = await run("grown"), before = await contents(first.out);
  const record = join(first.out, "grpo", "seed-0", "record.json"), written = statSync(record).mtimeMs;
  const arm = await run("grown", { arms: ["grpo", "rloo"] });
  deepEqual([arm.started, arm.found], [["rloo/seed-0", "rloo/seed-1"], ["grpo/seed-0", "grpo/seed-1"]]);
  const seed = await run("grown", { seeds: [5] });
  deepEqual([seed.started, seed.record.status], [["grpo/seed-5"], "finished"]);
  deepEqual(seed.record.cells.map(({ folder, amendment }) => `${folder} ${amendment}`), [
    ...["grpo/seed-0 0", "grpo/seed-1 0", "rloo/seed-0 1", "rloo/seed-1 1", "grpo/seed-5 2"],
  ]);
  deepEqual(seed.record.summary.map(({ arm, cells }) => [arm, cells]), [["grpo", 3], ["rloo", 2]]);
  deepEqual([seed.record.match.matched, seed.record.match.cells, seed.record.seeds], [true, 5, [0, 1, 5]]);
  equal(seed.record.plan, first.record.plan);
  deepEqual((await contents(first.out) as unknown[]).slice(0, 2), before);
  equal(statSync(record).mtimeMs, written);
});

Deno.test("runExperiment() takes failed cells up again, and says what does not match", async () => {
  const { fails, unmatched } = accidents;
  const first = await run("odd", { arms: ["grpo", "rloo"], seeds: [unmatched, fails] });
  deepEqual(first.record.cells.map(({ status }) => status), ["finished", "failed", "finished", "failed"]);
  deepEqual([first.record.status, first.record.match.matched], ["failed", false]);
  match(
    first.record.match.problems.join(),
    new RegExp(`rloo seed ${unmatched} and grpo seed ${unmatched} differ in question order`),
  );
  const second = await run("odd", { arms: ["grpo", "rloo"], seeds: [unmatched, fails] });
  deepEqual(second.started, [`grpo/seed-${fails}`, `rloo/seed-${fails}`]);
  deepEqual(second.record.cells.map(({ resumes }) => resumes), [0, 1, 0, 1]);
});

Deno.test("runExperiment() with no checkpoints to keep removes them from cells that finished, and from no other", async () => {
  const { out } = await run("bare", { seeds: [0, accidents.fails], keep: 0, checkpointEvery: 2 });
  const has = (seed: number) => readdirSync(join(out, "grpo", `seed-${seed}`)).includes("checkpoints");
  deepEqual([has(0), has(accidents.fails)], [false, true]);
});

Deno.test("a cell waits for the deaf process of a killed experiment, and says for which", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const seed = accidents.frozen, folder = join(parent, "deaf", "grpo", `seed-${seed}`);
  const options = { seeds: [seed] };
  const script = `
    import { planExperiment } from ${JSON.stringify(import.meta.resolve("../../harness/experiment/plan.ts"))};
    import { runExperiment } from ${JSON.stringify(import.meta.resolve("../../harness/experiment/run_experiment.ts"))};
    const plan = await planExperiment(${
    JSON.stringify({ task: "arithmetic", policy, arms: ["grpo"], ...options, config, out: join(parent, "deaf") })
  });
    await runExperiment(plan, { worker: new URL(${JSON.stringify(worker.href)}) });`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", script], stdout: "null", stderr: "null" }).spawn();
  const lines = () => {
    try {
      return readFileSync(join(folder, "steps.jsonl"), "utf8").split("\n").length - 1;
    } catch {
      return 0;
    }
  };
  for (let i = 0; i < 500 && lines() < 2; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGKILL");
  await child.status;

  const orphan = Number(readFileSync(join(folder, ".lock"), "utf8")), kill = new AbortController();
  notEqual(orphan, child.pid);
  let waited = "";
  const { record } = await run("deaf", options, {
    kill: kill.signal,
    report: (progress) => {
      if (progress.type !== "event") return;
      const { event } = progress;
      if (event.type === "phase" && event.phase.startsWith("waiting") && waited === "") {
        waited = event.phase;
        Deno.kill(orphan, "SIGKILL");
      }
      if (event.type === "step" && event.record.step === 2) kill.abort();
    },
  });
  equal(waited, `waiting for process ${orphan} of an earlier run to end`);
  equal(record.status, "interrupted");
});
