// One cell from start to record: its process runs, its files are filled, and whatever happens becomes a record.

import { join } from "node:path";
import type { CellEvent } from "../contract.ts";
import { type CellRecord, SCHEMA_VERSION } from "../records/schema.ts";
import { outcomeDigest } from "../records/store.ts";
import { CellFiles } from "./cell_files.ts";
import type { ExperimentPlan, PlannedCell } from "./plan.ts";
import { runWorker, type WorkerEnd } from "./worker_process.ts";

/** What became of a cell. */
export interface CellResult {
  readonly record: CellRecord;
  /** It failed by a mistake in what was asked for. */
  readonly misuse: boolean;
  /** What its process printed beside events, and the stacks of errors: for --debug. */
  readonly log: string;
}

/**
 * Runs a cell in a process of its own and writes its folder. A cell that fails is a result, not an error.
 * @param worker program of the process.
 * @param signal ends the cell; its record then says "interrupted".
 */
export async function runCell(
  plan: ExperimentPlan,
  { spec, folder }: PlannedCell,
  worker: URL,
  signal: AbortSignal,
  onEvent: (event: CellEvent) => void,
): Promise<CellResult> {
  const startedAt = new Date().toISOString(), start = performance.now();
  const files = new CellFiles(join(plan.out, folder));
  let failure: string | null = null, log = "";
  const fail = (error: unknown) => {
    failure ??= error instanceof Error ? error.message : String(error);
    if (error instanceof Error) log += `${error.stack}\n`;
  };

  try {
    files.open();
    const death = await runWorker(worker, spec, signal, (event) => {
      files.take(event);
      onEvent(event);
    });
    log += death.log;
    // A terminal's Ctrl-C can end a worker that is still starting before this process hears of it.
    if (death.signal === "SIGINT" && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 200));
    if (files.end === null) failure = describeDeath(death);
  } catch (error) {
    fail(error);
  }
  await files.close().catch(fail);

  const { end, evaluations, updates, rolloutSeconds, updateSeconds } = files;
  if (end?.type === "failed") {
    failure = end.message;
    log += `${end.stack ?? end.message}\n`;
  }
  const finished = end?.type === "finished" && failure === null ? end : null;
  const interrupted = end === null && signal.aborted;
  const record: CellRecord = {
    schemaVersion: SCHEMA_VERSION,
    kind: "matchbox.cell",
    status: finished ? "finished" : interrupted ? "interrupted" : "failed",
    task: { name: plan.task.name, version: plan.task.version, data: plan.taskData },
    policy: plan.policy,
    arm: spec.arm,
    seed: spec.seed,
    config: spec.config,
    outcome: finished?.outcome ?? null,
    digest: finished ? outcomeDigest(finished.outcome) : null,
    failure: interrupted ? null : failure,
    partial: finished ? null : { updates, evaluations },
    timing: { startedAt, seconds: (performance.now() - start) / 1000, rolloutSeconds, updateSeconds },
    environment: finished?.environment ?? null,
    peakMemoryBytes: finished?.peakMemoryBytes ?? null,
  };
  const misuse = end?.type === "failed" && end.misuse;
  try {
    await files.writeRecord(record);
    return { record, misuse, log };
  } catch (error) {
    fail(error);
    return { record: { ...record, status: "failed", failure }, misuse, log };
  }
}

/** Why a process that neither finished nor failed came to its end. */
function describeDeath({ code, signal, log }: WorkerEnd): string {
  const how = signal ? `its process was killed by ${signal}` : `its process ended with exit code ${code}`;
  const cause = /out of memory|bad_alloc/i.test(log) || signal === "SIGKILL"
    ? "most likely for want of memory … run fewer cells side by side (--jobs) or set a smaller rl.microBatch"
    : "without saying why … look at its last words with --debug";
  return `Cannot finish the cell: ${how}, ${cause}`;
}
