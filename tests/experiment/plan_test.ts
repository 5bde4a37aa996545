// Plans: the cells, and what is refused before anything is started or written.

import { deepEqual, equal, rejects } from "node:assert/strict";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { defaultConfig } from "../../harness/config_options.ts";
import { type ExperimentOptions, planExperiment } from "../../harness/experiment/plan.ts";
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
    const { cells, taskData } = await plan();
    deepEqual(cells.map((cell) => cell.folder), ["base/seed-0", "base/seed-7", "grpo/seed-0", "grpo/seed-7"]);
    deepEqual(cells.map(({ spec }) => [spec.arm, spec.seed, spec.policy, spec.task])[3], [
      "grpo",
      7,
      policy,
      "arithmetic",
    ]);
    equal(/^[0-9a-f]{64}$/.test(taskData), true);
    deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["policy"]);
  });

  await t.step("shares the cores among the cells that run side by side", async () => {
    const cores = availableParallelism();
    const { jobs, threads } = await plan();
    equal(jobs, Math.min(4, cores));
    equal(threads, Math.max(1, Math.floor(cores / jobs)));
    const single = await plan({ arms: ["grpo"], seeds: [0] });
    deepEqual([single.jobs, single.threads, single.cells[0]?.spec.threads], [1, cores, cores]);
    deepEqual((await plan({ jobs: 3, threads: 5 })).cells[0]?.spec.threads, 5);
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
    await refused({ device: "gpu" }, /devices are cpu, webgpu, cuda/);
    await refused({ jobs: 0 }, /--jobs 0/);
    await refused({ threads: 1.5 }, /--threads 1.5/);
    await refused({ policy: "embeded" }, /no folder .*did you mean "embedded"/);
    await refused({ policy: folder }, /holds no config\.json/);
    await Deno.writeTextFile(join(policy, "config.json"), "{");
    await refused({}, /config\.json": the JSON is malformed/, FailureError);
  });
  await Deno.remove(folder, { recursive: true });
});
