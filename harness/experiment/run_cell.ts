// One cell from start to record: its process runs, its files are filled, and whatever happens becomes a record.

import { join } from "node:path";
import type { CellEvent } from "../contract.ts";
import { type CellRecord, SCHEMA_VERSION } from "../records/schema.ts";
import { outcomeDigest } from "../records/store.ts";
import { CellFiles } from "./cell_files.ts";
import type { ExperimentPlan } from "./plan.ts";
import type { PlannedCell } from "./plan_cells.ts";
import { cellEventSchema, type CellSpec } from "./protocol.ts";
import { describeDeath, runWorker, type Stops } from "./worker_process.ts";

/** What became of a cell. */
export interface CellResult {
  readonly record: CellRecord;
  /** It failed by a mistake in what was asked for. */
  readonly misuse: boolean;
  /** What its process printed beside events, and the stacks of errors: for --debug. */
  readonly log: string;
}

const MEMORY_REMEDY = "run fewer cells side by side (--jobs) or set a smaller rl.microBatch";

/** How to run a cell. */
export interface CellRun extends Stops {
  /** Program of the process. */
  readonly worker: URL;
  /** Which of those that run side by side; decides on which of several devices. */
  readonly lane: number;
  /** What an earlier run left, if it left a record. */
  readonly earlier: CellRecord | null;
  /** How often the cell has been taken up again, this time included. */
  readonly resumes: number;
  readonly onEvent: (event: CellEvent) => void;
}

/** The devices of the plan in turn. */
function placeOf({ accelerators }: ExperimentPlan, lane: number): Pick<CellSpec, "accelerator"> {
  const accelerator = accelerators[lane % accelerators.length];
  return accelerator ? { accelerator } : {};
}

/**
 * Runs a cell in a process of its own and writes its folder. A cell that fails is a result, not an error.
 * @throws FailureError where the folder cannot be written: there is no result then
 */
export async function runCell(plan: ExperimentPlan, { spec }: PlannedCell, run: CellRun): Promise<CellResult> {
  const startedAt = new Date().toISOString(), start = performance.now();
  const files = new CellFiles(spec.folder);
  const resumeAt = await files.open(run.earlier?.partial?.evaluations ?? []);
  let failure: string | null = null, log = "", lost: unknown = null;

  try {
    const death = await runWorker(
      { program: run.worker, events: cellEventSchema },
      { ...spec, ...placeOf(plan, run.lane), resumeAt },
      run,
      async (event) => {
        await files.take(event).catch((error) => {
          lost = error;
          throw error;
        });
        run.onEvent(event);
      },
    );
    log += death.log;
    // A terminal's Ctrl-C can end a worker that is still starting before this process hears of it.
    if (death.signal === "SIGINT" && !run.stop.aborted) await new Promise((resolve) => setTimeout(resolve, 200));
    if (files.end === null) failure = describeDeath(death, "the cell", MEMORY_REMEDY);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
    if (error instanceof Error) log += `${error.stack}\n`;
  }
  if (lost !== null) {
    files.release();
    throw lost;
  }
  await files.close();

  const { end, evaluations, updates, rolloutSeconds, updateSeconds } = files;
  if (end?.type === "failed") {
    failure = end.message;
    log += `${end.stack ?? end.message}\n`;
  } else if (end?.type === "finished" && end.outcome.steps !== files.chain) {
    failure = `Cannot trust the cell: its steps in "${join(spec.folder, "steps.jsonl")}" are not those of its outcome`;
  }
  const finished = end?.type === "finished" && failure === null ? end : null;
  const interrupted = end?.type === "stopped" || (end === null && (run.stop.aborted || run.kill.aborted));
  const { record: { task: { file: _, ...task }, policy } } = plan;
  const record: CellRecord = {
    schemaVersion: SCHEMA_VERSION,
    kind: "matchbox.cell",
    status: finished ? "finished" : interrupted ? "interrupted" : "failed",
    task,
    policy: policy.name,
    arm: spec.arm,
    seed: spec.seed,
    config: spec.config,
    outcome: finished?.outcome ?? null,
    digest: finished ? outcomeDigest(finished.outcome) : null,
    failure: finished || interrupted ? null : failure,
    partial: finished ? null : { updates, evaluations },
    timing: {
      startedAt,
      seconds: files.secondsBefore + (performance.now() - start) / 1000,
      rolloutSeconds,
      updateSeconds,
      resumes: run.resumes,
    },
    environment: finished?.environment ?? null,
    peakMemoryBytes: finished?.peakMemoryBytes ?? null,
  };
  await files.writeRecord(record);
  const needless = plan.keep === 0 || spec.validationOnly;
  if (finished && needless) files.removeCheckpoints(); // only now: a record that is not written needs them
  return { record, misuse: end?.type === "failed" && end.misuse, log };
}
