// Runs the cells of a plan, so many side by side, each in a process of its own: native calls block a thread, and a crash
// must not take more than its cell along. This process owns signals, progress and every file but checkpoints; plan.json
// says before anything runs what will, experiment.json at any moment how far it has come. Whatever ends it, the same
// plan goes on from what is there.

import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic_file.ts";
import type { PlanRecord } from "../records/plan_schema.ts";
import type { ExperimentRecord } from "../records/schema.ts";
import { recordText } from "../records/store.ts";
import { checkDisk } from "./disk_space.ts";
import { ExperimentState } from "./experiment_state.ts";
import { openFolder } from "./open_folder.ts";
import type { ExperimentPlan } from "./plan.ts";
import type { CellResult } from "./run_cell.ts";
import { type ExperimentProgress, runFoundCell, type RunTools } from "./run_found_cell.ts";
import { runQueue } from "./run_queue.ts";
import { PLAN_FILE, settlePlan } from "./settle_plan.ts";
import type { WarmUpEvent } from "./protocol.ts";
import { tuneArms, tunedCells } from "./tune_arms.ts";
import { warmUpPolicy } from "./warm_up_policy.ts";

export type { ExperimentProgress } from "./run_found_cell.ts";

/** How to run a plan. */
export interface RunOptions {
  /** Lets the running cells finish their updates in flight and ends; what is done stays. */
  readonly signal?: AbortSignal;
  /** Ends the running cells at once. */
  readonly kill?: AbortSignal;
  readonly report?: (progress: ExperimentProgress) => void;
  /** Hears of the supervised warm-up, where there is one. */
  readonly onWarmUp?: (event: WarmUpEvent) => void;
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
  const { signal = never, kill = never, worker = new URL("./cell_worker.ts", import.meta.url) } = options;
  const results: CellResult[] = [];
  const report = (progress: ExperimentProgress) => {
    if (progress.type === "ended") results.push(progress.result);
    options.report?.(progress);
  };
  const lock = openFolder(plan.out);
  try {
    const settled = await settlePlan(plan);
    return {
      record: await runPlan(plan, settled, {
        ...{ stop: AbortSignal.any([signal, kill]), kill, worker, report },
        onWarmUp: options.onWarmUp ?? (() => {}),
      }),
      results,
    };
  } finally {
    lock.release();
  }
}

async function runPlan(
  asked: ExperimentPlan,
  settled: PlanRecord,
  tools: RunTools & Required<Pick<RunOptions, "onWarmUp">>,
): Promise<ExperimentRecord> {
  const begun = { at: new Date(), clock: performance.now() };
  const writePlan = () => writeFileAtomic(join(asked.out, PLAN_FILE), recordText(settled));
  const { sweep, digest } = settled, { warmUp } = asked;
  if (sweep || warmUp) {
    checkDisk(asked, asked.cells);
    await writePlan();
  }
  const isWarm = !warmUp || await warmUpPolicy(asked.out, warmUp, digest, { ...tools, report: tools.onWarmUp });
  if (!isWarm) return (await ExperimentState.read(asked, settled, null, begun)).end();
  const tuning = sweep && await tuneArms(asked, sweep, digest, tools);
  const plan = sweep && tuning ? { ...asked, cells: tunedCells(asked, sweep, tuning) } : asked;

  const state = await ExperimentState.read(plan, settled, tuning, begun);
  const open = plan.cells.filter((cell) => state.found(cell).entry.status !== "finished");
  checkDisk(plan, open);
  if (!sweep && !warmUp) await writePlan();
  for (const cell of plan.cells) {
    if (!open.includes(cell)) tools.report({ type: "found", cell, entry: state.found(cell).entry });
  }
  try {
    await runQueue(
      open,
      plan.jobs,
      tools,
      (cell, stops, lane) =>
        runFoundCell(plan, cell, state.found(cell), { ...tools, ...stops, lane }, (now) => state.save(cell, now)),
    );
  } catch (error) {
    await state.end().catch(() => {}); // if it can still be written
    throw error;
  }
  return await state.end();
}
