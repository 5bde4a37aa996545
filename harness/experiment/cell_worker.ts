// The program of a cell's process: names become things, and the training loop runs. What fails says when it did.

import { findArm } from "../arms/registry.ts";
import { FailureError } from "../base/errors.ts";
import { readPolicy } from "../model/policy.ts";
import { trainCell } from "../rl/train.ts";
import { findTask } from "../../tasks/registry.ts";
import { serveCell } from "./serve_cell.ts";

await serveCell(async (spec, emit) => {
  const task = findTask(spec.task);
  const arm = findArm(spec.arm);
  const policy = await readPolicy(spec.policy);
  let phase = "starting", progress = "before the first update";
  try {
    await trainCell({ ...spec, task, arm, policy }, (event) => {
      if (event.type === "phase") phase = event.phase;
      if (event.type === "step") progress = `after ${event.record.step} of ${event.updates} updates`;
      emit(event);
    });
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    throw new FailureError(`${error.message} (while ${phase}, ${progress})`, { cause: error });
  }
});
