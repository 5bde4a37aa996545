// Plans: the cells, and what is refused before anything is started or written.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { type ExperimentOptions, planExperiment } from "../../harness/experiment/plan.ts";
import { proberOf } from "../fakes/devices.ts";
import { makePolicyFolder } from "../fakes/policy_folder.ts";

Deno.test("planExperiment()", async (t) => {
  const folder = await Deno.makeTempDir();
  const policy = await makePolicyFolder(folder);
  const out = join(folder, "out");
  const plan = (options: Partial<ExperimentOptions> = {}) =>
    planExperiment({
      task: "arithmetic",
      policy,
      arms: ["base", "grpo"],
      seeds: [0, 7],
      config: defaultConfig,
      out,
      ...options,
    });
  const refused = (options: Partial<ExperimentOptions>, pattern: RegExp, kind = MisuseError) =>
    rejects(plan(options), (error: unknown) => error instanceof kind && pattern.test(error.message));

  await t.step("makes a cell for every arm and seed, and writes nothing", async () => {
    const { cells, record } = await plan();
    deepEqual(cells.map((cell) => cell.folder), ["base/seed-0", "base/seed-7", "grpo/seed-0", "grpo/seed-7"]);
    deepEqual(cells.map(({ spec }) => [spec.arm, spec.seed, spec.policy, spec.task])[3], [
      "grpo",
      7,
      policy,
      "arithmetic",
    ]);
    match(record.task.data, /^[0-9a-f]{64}$/);
    deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["policy"]);
  });

  await t.step("gives the same plan the same digest and folder, and every change another one", async () => {
    const folderOf = async (options: Partial<ExperimentOptions> = {}) => (await plan({ ...options, out: null })).out;
    const first = await folderOf();
    match(first, /results.arithmetic-policy-custom-[0-9a-f]{8}$/);
    equal(await folderOf({ jobs: 1, threads: 3, keep: 0, checkpointEvery: 1 }), first);
    const longer = overrideConfig(defaultConfig, { rl: { updates: 7 } }, "test");
    const others = [{ arms: ["grpo"] }, { seeds: [0] }, { config: longer }, { claim: { margin: 1 } }];
    const folders = await Promise.all(others.map(folderOf));
    equal(new Set([first, ...folders]).size, others.length + 1);
  });

  await t.step(
    "names a prompt and lenient grading in the plan and to its cells, and nothing where they are the task's own",
    async () => {
      const { record, cells } = await plan({ prompt: "plain", grading: "lenient" });
      deepEqual([record.task.prompt, record.task.grading], ["plain", "lenient"]);
      deepEqual(cells[0]?.spec.taskStyle, { prompt: "plain", grading: "lenient" });
      const own = await plan({ prompt: "paper", grading: "strict" });
      deepEqual(Object.keys(own.record.task), ["name", "version", "data", "file"]);
      equal(own.record.digest, (await plan()).record.digest);
      await refused({ prompt: "pretty" }, /the prompts of task "arithmetic" are paper, plain/);
      await refused({ grading: "lax" }, /must be strict or lenient/);
    },
  );

  await t.step("claims the family of all trained arms against plain GRPO, or the first that trains", async () => {
    const claim = async (arms: readonly string[], more: Partial<ExperimentOptions> = {}) =>
      (await plan({ arms, ...more })).record.claim;
    const { against, family, margin, metric } = await claim(["base", "rloo", "grpo", "gdpo"]);
    deepEqual([against, family, margin, metric], ["grpo", ["rloo", "gdpo"], 0.02, "accuracy"]);
    equal((await claim(["base", "gdpo", "rloo"])).against, "gdpo");
    deepEqual(await claim(["base"]).then(({ against, family }) => [against, family]), [null, []]);
    deepEqual((await claim(["base", "grpo"], { claim: { against: "base", margin: 5 } })).margin, 0.05);
  });

  await t.step("makes folders that every system takes", async () => {
    const { cells } = await plan({ arms: ["grpo:loss=dapo:clipHigh=0.3"], seeds: [0] });
    deepEqual(cells.map((cell) => cell.folder), ["grpo,loss=dapo,clipHigh=0.3/seed-0"]);
  });

  await t.step("shares the cores among the cells that run side by side", async () => {
    const cores = availableParallelism();
    const { jobs, threads } = await plan();
    equal(jobs, Math.min(4, cores));
    equal(threads, Math.max(1, Math.floor(cores / jobs)));
    const single = await plan({ arms: ["grpo"], seeds: [0] });
    deepEqual([single.jobs, single.threads, single.cells[0]?.spec.threads], [1, cores, cores]);
    deepEqual((await plan({ jobs: 3, threads: 5 })).cells[0]?.spec.threads, 5);
    const probe = proberOf({ cuda: { count: 3 } });
    equal((await plan({ device: "cuda:0-2", probe })).jobs, 3); // a GPU takes one cell at a time
    equal((await plan({ device: "cuda", probe })).jobs, 1);
    equal((await plan({ device: "cuda", jobs: 2, probe })).jobs, 2);
  });

  await t.step("refuses what is wrong before anything starts", async () => {
    await refused({ task: "arithmetc" }, /did you mean "arithmetic"/);
    await refused({ arms: ["base", "gpro"] }, /did you mean "grpo"/);
    await refused({ arms: ["base", "base"] }, /Cannot run arm base twice/);
    await refused({ arms: [] }, /without arms/);
    await refused({ seeds: [3, 1, 3] }, /Cannot run seed 3 twice/);
    await refused({ seeds: [] }, /without seeds/);
    await refused({ seeds: [-1] }, /seed -1: .* from 0 to 4294967295/);
    await refused({ seeds: [2 ** 32] }, /seed 4294967296/);
    await refused({ device: "gpu" }, /devices are auto, cpu, webgpu, cuda/);
    await refused({ precision: "half" }, /--precision half: it must be float32 or float16/);
    await refused({ precision: "float16" }, /--precision float16: --device cpu computes in float32/);
    await refused({ jobs: 0 }, /--jobs 0/);
    await refused({ threads: 1.5 }, /--threads 1.5/);
    await refused({ keep: -1 }, /--keep -1: .* at least 0/);
    await refused({ checkpointEvery: 0 }, /--checkpoint-every 0/);
    await refused({ claim: { against: "rloo" } }, /--against rloo: it is not among the arms/);
    await refused({ claim: { margin: 101 } }, /--margin 101: .* from 0 to 100/);
    await refused({ claim: { metric: "passAtSamples" } }, /--metric pass: evaluation\.samples is 0/);
    await refused({ arms: ["grpo:loss=dapo", "grpo: loss=dapo"] }, /Cannot run arm grpo:loss=dapo twice/);
    await refused({ policy: "embeded" }, /no folder .*did you mean "embedded"/);
    await refused({ policy: folder }, /holds neither config\.json nor adapter_config\.json/);
    await Deno.writeTextFile(join(policy, "config.json"), "{");
    await refused({}, /config\.json": the JSON is malformed/, FailureError);
  });
  await Deno.remove(folder, { recursive: true });
});
