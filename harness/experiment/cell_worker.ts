// The program of a cell's process: names become things, and the training loop runs. What fails says when it did.

import { FailureError } from "../base/errors.ts";
import type { CellEvent } from "../contract.ts";
import { readPolicy } from "../model/policy.ts";
import { trainCell } from "../rl/train.ts";
import { loadArm, loadTask } from "./load_files.ts";
import { cellSpecSchema } from "./protocol.ts";
import { serveWorker } from "./serve_worker.ts";

await serveWorker(cellSpecSchema, async (spec, emit: (event: CellEvent) => void, stop) => {
  const task = await loadTask(spec.task, spec.taskFile, spec.taskStyle);
  const arm = await loadArm(spec.arm, spec.armFile);
  const policy = await readPolicy(spec.policy, spec.merged);
  let phase = "starting", progress = "before the first update";
  const tell: typeof emit = (event) => {
    if (event.type === "phase") phase = event.phase;
    if (event.type === "step") progress = `after ${event.record.step} of ${event.updates} updates`;
    emit(event);
  };
  try {
    await trainCell({ ...spec, task, arm, policy }, tell, stop);
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    throw new FailureError(`${error.message} (while ${phase}, ${progress})`, { cause: error });
  }
});
