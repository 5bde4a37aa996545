// A cell that has not finished is run from where it stands, and everybody who wants to know hears of it: the file that
// lists the cells before and after, whoever watches all the time.

import type { CellEvent } from "../contract.ts";
import type { CellEntry } from "../records/schema.ts";
import type { FoundCell } from "./found_cell.ts";
import type { ExperimentPlan } from "./plan.ts";
import type { PlannedCell } from "./plan_cells.ts";
import { type CellResult, runCell } from "./run_cell.ts";
import { cellNumbers } from "./summary.ts";
import type { Stops } from "./worker_process.ts";

/** What a running experiment reports. */
export type ExperimentProgress =
  /** It had finished in an earlier run, and is not run. */
  | { readonly type: "found"; readonly cell: PlannedCell; readonly entry: CellEntry }
  | { readonly type: "started"; readonly cell: PlannedCell }
  | { readonly type: "event"; readonly cell: PlannedCell; readonly event: CellEvent }
  | { readonly type: "ended"; readonly cell: PlannedCell; readonly entry: CellEntry; readonly result: CellResult };

/** What all cells of an experiment are run with. */
export interface RunTools extends Stops {
  readonly worker: URL;
  readonly report: (progress: ExperimentProgress) => void;
}

/**
 * Runs the cell.
 * @param save writes where the cell stands
 * @throws FailureError where its folder, or the file that lists it, cannot be written
 */
export async function runFoundCell(
  plan: ExperimentPlan,
  cell: PlannedCell,
  found: FoundCell,
  { report, ...how }: RunTools & { readonly lane: number },
  save: (now: FoundCell) => Promise<void>,
): Promise<void> {
  const { entry: before, record: earlier, begun, damage } = found;
  const onEvent = (event: CellEvent) => report({ type: "event", cell, event });
  const resumes = before.resumes + (begun ? 1 : 0);
  const started: CellEntry = { ...before, status: "running", failure: null, resumes };
  await save({ ...found, entry: started });
  report({ type: "started", cell });
  if (damage !== null) onEvent({ type: "warning", message: `${damage}; it is run again` });
  const result = await runCell(plan, cell, { ...how, earlier, resumes, onEvent });
  const { record } = result, { status, digest, failure } = record;
  const entry: CellEntry = { ...started, status, digest, failure, ...cellNumbers(record) };
  report({ type: "ended", cell, entry, result });
  await save({ ...found, entry, record });
}
