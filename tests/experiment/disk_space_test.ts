// The room that checkpoints need, counted by hand for a policy of a million weights.

import { equal, throws } from "node:assert/strict";
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { MisuseError } from "../../harness/base/errors.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { checkDisk, checkpointBytes } from "../../harness/experiment/disk_space.ts";
import { type ExperimentPlan, planExperiment } from "../../harness/experiment/plan.ts";
import { makePolicyFolder } from "../fakes/policy_folder.ts";

const parent = await Deno.makeTempDir();
const policy = await makePolicyFolder(parent);
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));

async function planOf(keep: number, checkpoint: "last" | "best" = "last"): Promise<ExperimentPlan> {
  const config = overrideConfig(defaultConfig, { evaluation: { checkpoint } }, "test");
  const arms = ["grpo", "rloo"], seeds = [0, 1, 2, 3, 4];
  const plan = await planExperiment({ task: "arithmetic", policy, arms, seeds, config, keep, jobs: 2, out: parent });
  return { ...plan, floats: 1_000_000, trained: 1_000_000 };
}

Deno.test("checkpointBytes() counts what finished cells keep, and what running ones need beside", async () => {
  const plan = await planOf(2);
  equal(checkpointBytes(plan, plan.cells), (10 * 2 + 2) * 12e6); // one more while the new one is written
  equal(checkpointBytes(plan, plan.cells.slice(0, 1)), 3 * 12e6);
  equal(checkpointBytes(plan, []), 0);
  const none = await planOf(0);
  equal(checkpointBytes(none, none.cells), 2 * 2 * 12e6);
  const best = await planOf(2, "best");
  equal(checkpointBytes(best, best.cells), (10 * 3 + 2) * 16e6);
});

Deno.test("checkpointBytes() of an adapter is the adapter's", async () => {
  const plan = { ...await planOf(2), trained: 1000 };
  equal(checkpointBytes(plan, plan.cells), (10 * 2 + 2) * 12e3);
});

Deno.test("checkpointBytes() leaves out what is on the disk already", async () => {
  const plan = await planOf(2), [cell] = plan.cells;
  const folder = cell!.spec.checkpoints!.folder;
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeFileSync(join(folder, "step-000010.checkpoint"), new Uint8Array(1000));
  equal(checkpointBytes(plan, plan.cells), 22 * 12e6 - 1000);
});

Deno.test("checkDisk() refuses what the disk cannot hold, naming need, room and remedy", async () => {
  const plan = await planOf(2), { bavail, bsize } = statfsSync(parent);
  checkDisk(plan, plan.cells);
  const huge = { ...plan, trained: bavail * bsize };
  throws(
    () => checkDisk(huge, plan.cells),
    (error: unknown) =>
      error instanceof MisuseError &&
      /checkpoints of 10 cells: they need .* GiB, and .* GiB free … .*keep fewer than 2 of each with --keep/.test(
        error.message,
      ),
  );
  checkDisk(huge, []);
});
