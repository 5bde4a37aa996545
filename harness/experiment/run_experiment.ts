// Runs the cells of a plan, so many side by side, each in a process of its own: native calls block a thread, and a crash
// must not take more than its cell along. This process owns signals, progress and every file but checkpoints; plan.json
// says before anything runs what will, experiment.json at any moment how far it has come. Whatever ends it, the same
// plan goes on from what is there.

import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic_file.ts";
import { FailureError } from "../base/errors.ts";
import type { CellEvent } from "../contract.ts";
import type { CellEntry, ExperimentRecord } from "../records/schema.ts";
import { recordText } from "../records/store.ts";
import { checkDisk } from "./disk_space.ts";
import { ExperimentState } from "./experiment_state.ts";
import { openFolder } from "./open_folder.ts";
import type { ExperimentPlan, PlannedCell } from "./plan.ts";
import { type CellResult, runCell } from "./run_cell.ts";
import { PLAN_FILE, settlePlan } from "./settle_plan.ts";
import { cellNumbers } from "./summary.ts";

/** What a running experiment reports. */
export type ExperimentProgress =
  /** It had finished in an earlier run, and is not run. */
  | { readonly type: "found"; readonly cell: PlannedCell; readonly entry: CellEntry }
  | { readonly type: "started"; readonly cell: PlannedCell }
  | { readonly type: "event"; readonly cell: PlannedCell; readonly event: CellEvent }
  | { readonly type: "ended"; readonly cell: PlannedCell; readonly entry: CellEntry; readonly result: CellResult };

/** How to run a plan. */
export interface RunOptions {
  /** Lets the running cells finish their updates in flight and ends; what is done stays. */
  readonly signal?: AbortSignal;
  /** Ends the running cells at once. */
  readonly kill?: AbortSignal;
  readonly report?: (progress: ExperimentProgress) => void;
  /** Program of a cell's process. @default cell_worker.ts */
  readonly worker?: URL;
}

/** A run experiment: what stands in experiment.json, and the result of each cell that was started. */
export interface ExperimentResult {
  readonly record: ExperimentRecord;
  readonly results: readonly CellResult[];
}

const never = new AbortController().signal;

/**
 * Runs the cells of the plan that have not finished yet, and fills its folder. A failed cell does not stop the others.
 * @throws MisuseError if the folder cannot be written, is in use or holds something else, FailureError if it can no
 * longer be written later on.
 */
export async function runExperiment(plan: ExperimentPlan, options: RunOptions = {}): Promise<ExperimentResult> {
  const lock = openFolder(plan.out);
  try {
    const settled = await settlePlan(plan);
    const state = await ExperimentState.read(plan, settled, new Date());
    const open = plan.cells.filter((cell) => state.found(cell).entry.status !== "finished");
    checkDisk(plan, open);
    await writeFileAtomic(join(plan.out, PLAN_FILE), recordText(settled));
    return await runCells(plan, open, state, options);
  } finally {
    lock.release();
  }
}

async function runCells(
  plan: ExperimentPlan,
  open: readonly PlannedCell[],
  state: ExperimentState,
  options: RunOptions,
): Promise<ExperimentResult> {
  const { signal = never, report = () => {}, worker = new URL("./cell_worker.ts", import.meta.url) } = options;
  const lost = new AbortController(), results: CellResult[] = [];
  const kill = AbortSignal.any([options.kill ?? never, lost.signal]), stop = AbortSignal.any([signal, kill]);

  const runNext = async (queue: Iterator<PlannedCell>): Promise<void> => {
    for (let next = queue.next(); !next.done && !stop.aborted; next = queue.next()) {
      const cell = next.value, { entry: before, record: earlier, begun, damage } = state.found(cell);
      const onEvent = (event: CellEvent) => report({ type: "event", cell, event });
      const resumes = before.resumes + (begun ? 1 : 0);
      const entry: CellEntry = { ...before, status: "running", failure: null, resumes };
      await state.save(cell, entry);
      report({ type: "started", cell });
      if (damage !== null) onEvent({ type: "warning", message: `${damage}; it is run again` });
      const result = await runCell(plan, cell, { worker, stop, kill, earlier, resumes, onEvent });
      const { status, digest, failure } = result.record;
      const ended: CellEntry = { ...entry, status, digest, failure, ...cellNumbers(result.record) };
      results.push(result);
      report({ type: "ended", cell, entry: ended, result });
      await state.save(cell, ended, result);
    }
  };

  for (const cell of plan.cells) {
    if (!open.includes(cell)) report({ type: "found", cell, entry: state.found(cell).entry });
  }
  const queue = open.values();
  const lanes = await Promise.allSettled(Array.from({ length: plan.jobs }, () =>
    runNext(queue).catch((error) => {
      lost.abort(); // the folder can no longer be written: no cell may go on
      throw error;
    })));
  for (const lane of lanes) {
    if (lane.status === "fulfilled") continue;
    await state.end().catch(() => {}); // if it can still be written
    if (!(lane.reason instanceof FailureError)) throw lane.reason;
    throw new FailureError(`${lane.reason.message}; the same command then goes on from what is there`);
  }
  return { record: await state.end(), results };
}
