// The program of a cell's process: names become things, and the training loop runs.

import { findArm } from "../arms/registry.ts";
import { readPolicy } from "../model/policy.ts";
import { trainCell } from "../rl/train.ts";
import { findTask } from "../../tasks/registry.ts";
import { serveCell } from "./serve_cell.ts";

await serveCell(async (spec, emit) => {
  const task = findTask(spec.task);
  const arm = findArm(spec.arm);
  const policy = await readPolicy(spec.policy);
  await trainCell({ ...spec, task, arm, policy }, emit);
});
