// The documented examples work as they are written: found in their files, sound, and what their comments say.

import { deepEqual, equal, rejects } from "node:assert/strict";
import { loadArm, loadTask } from "../../harness/experiment/load_files.ts";
import { FailureError } from "../../harness/base/errors.ts";
import { armConfig, defaultConfig } from "../../harness/config_options.ts";
import { at, group, shaperOf } from "../arms/groups.ts";
import { testTask } from "../conformance/task_conformance.ts";
import { freshWays } from "./my_arm.ts";
import { sums } from "./my_task.ts";

const path = (name: string) => new URL(name, import.meta.url).pathname;

Deno.test("my_arm.ts is found in its file, with variants", async () => {
  equal(await loadArm("fresh-ways", path("my_arm.ts")), freshWays);
  const { rl } = armConfig(defaultConfig, await loadArm("fresh-ways:learningRate=1e-5", path("my_arm.ts")));
  deepEqual([rl.advantage, rl.learningRate], ["mean", 1e-5]);
});

Deno.test("my_arm.ts pays once for a correct reasoning, and remembers it over a checkpoint", async () => {
  const [fresh, resumed] = [await shaperOf(freshWays), await shaperOf(freshWays)];
  const groups = [group("q", [{ text: "a", correct: true }, { text: "b", correct: false }])];
  deepEqual(await fresh.shape(at(0, groups)), [[{ name: "fresh", raw: [1, 1], values: [0.25, 0] }]]);
  await resumed.load?.(fresh.save?.() ?? {});
  deepEqual(await resumed.shape(at(1, groups)), [[{ name: "fresh", raw: [0, 0], values: [0, 0] }]]);
  deepEqual([resumed.gauges?.(), resumed.save?.()], [{ "fresh.seen": 2 }, fresh.save?.()]);
  await rejects(async () => await resumed.load?.({}), FailureError);
});

Deno.test("my_task.ts is found in its file", async () => {
  equal(await loadTask("sums", path("my_task.ts")), sums);
});

testTask(sums, "my_task.ts", () => sums.load({ dataDir: null, level: 1 }));
