// Runs the cells of a plan, so many side by side, each in a process of its own: native calls block a thread, and a crash
// must not take more than its cell along. This process owns signals, progress and every file; experiment.json says at
// any moment how far it has come.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import type { CellEvent } from "../contract.ts";
import { type CellEntry, type ExperimentRecord, experimentSchema, SCHEMA_VERSION } from "../records/schema.ts";
import { check, recordText } from "../records/store.ts";
import type { ExperimentPlan, PlannedCell } from "./plan.ts";
import { type CellResult, runCell } from "./run_cell.ts";
import { armSummaries, cellNumbers } from "./summary.ts";

/** What a running experiment reports. */
export type ExperimentProgress =
  | { readonly type: "started"; readonly cell: PlannedCell }
  | { readonly type: "event"; readonly cell: PlannedCell; readonly event: CellEvent }
  | { readonly type: "ended"; readonly cell: PlannedCell; readonly entry: CellEntry; readonly result: CellResult };

/** How to run a plan. */
export interface RunOptions {
  /** Ends the running cells; what is finished stays. */
  readonly signal?: AbortSignal;
  readonly report?: (progress: ExperimentProgress) => void;
  /** Program of a cell's process. @default cell_worker.ts */
  readonly worker?: URL;
}

/** A run experiment: what stands in experiment.json, and the result of each cell that was started. */
export interface ExperimentResult {
  readonly record: ExperimentRecord;
  readonly results: readonly CellResult[];
}

/**
 * Runs every cell of the plan and writes its folder. A failed cell does not stop the others.
 * @throws MisuseError if the folder cannot be written at the start, FailureError if it no longer can later on.
 */
export async function runExperiment(plan: ExperimentPlan, options: RunOptions = {}): Promise<ExperimentResult> {
  const { report = () => {}, worker = new URL("./cell_worker.ts", import.meta.url) } = options;
  const startedAt = new Date().toISOString(), start = performance.now();
  const entries = plan.cells.map(pendingEntry);
  const results: CellResult[] = [];
  const halt = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, halt.signal]) : halt.signal;

  const current = (status: ExperimentRecord["status"]): ExperimentRecord =>
    check(experimentSchema, {
      schemaVersion: SCHEMA_VERSION,
      kind: "matchbox.experiment",
      status,
      command: plan.command,
      startedAt,
      seconds: (performance.now() - start) / 1000,
      task: { name: plan.task.name, version: plan.task.version, data: plan.taskData },
      policy: plan.policy,
      profile: plan.profile,
      device: plan.device,
      jobs: plan.jobs,
      threads: plan.threads,
      config: plan.config,
      arms: plan.arms.map(({ name, summary, overrides }) => ({ name, summary, overrides })),
      seeds: plan.seeds,
      cells: entries,
      summary: armSummaries(entries),
    }, "experiment.json");
  let saved = Promise.resolve();
  const save = (record: ExperimentRecord = current("running")) =>
    // one after the other: the last state must win
    saved = saved.then(() => writeFileAtomic(join(plan.out, "experiment.json"), recordText(record)));

  const runNext = async (queue: Iterator<[number, PlannedCell]>): Promise<void> => {
    for (let next = queue.next(); !next.done && !signal.aborted; next = queue.next()) {
      const [i, cell] = next.value;
      const begun: CellEntry = { ...pendingEntry(cell), status: "running" };
      entries[i] = begun;
      await save();
      report({ type: "started", cell });
      const result = await runCell(plan, cell, worker, signal, (event) => report({ type: "event", cell, event }));
      const { status, digest, failure } = result.record;
      const entry: CellEntry = { ...begun, status, digest, failure, ...cellNumbers(result.record) };
      entries[i] = entry;
      results.push(result);
      report({ type: "ended", cell, entry, result });
      await save();
    }
  };

  await openFolder(plan.out, save);
  const queue = plan.cells.entries();
  const lanes = await Promise.allSettled(Array.from({ length: plan.jobs }, () =>
    runNext(queue).catch((error) => {
      halt.abort(); // the folder can no longer be written: no cell may go on
      throw error;
    })));
  for (const lane of lanes) if (lane.status === "rejected") throw lane.reason;

  const finished = entries.every((entry) => entry.status === "finished");
  const record = current(finished ? "finished" : options.signal?.aborted ? "interrupted" : "failed");
  await save(record);
  return { record, results };
}

async function openFolder(folder: string, save: () => Promise<void>): Promise<void> {
  try {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw fileError("write to", folder, error);
    }
    await save();
  } catch (error) {
    if (error instanceof FailureError) throw new MisuseError(`${error.message} with --out`, { cause: error });
    throw error;
  }
}

function pendingEntry({ spec, folder }: PlannedCell): CellEntry {
  return {
    arm: spec.arm,
    seed: spec.seed,
    folder,
    status: "pending",
    digest: null,
    failure: null,
    n: null,
    accuracy: null,
    samples: null,
    passAtSamples: null,
    reward: null,
    updates: 0,
    tokens: 0,
    seconds: null,
  };
}
