// Runs the tuning cells of a plan and chooses a value for each arm. tuning.json says at any moment how far that has come;
// like experiment.json it follows from the cells' records, and cells that finished are not run again.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic_file.ts";
import { FailureError } from "../base/errors.ts";
import type { SweepRecord } from "../records/plan_schema.ts";
import { SCHEMA_VERSION, type Tuning, type TuningRecord, tuningSchema } from "../records/schema.ts";
import { check, readTuning, recordText } from "../records/store.ts";
import { checkDisk } from "./disk_space.ts";
import { findCell, type FoundCell } from "./found_cell.ts";
import type { ExperimentPlan } from "./plan.ts";
import type { PlannedCell, TuningCell } from "./plan_cells.ts";
import { runFoundCell, type RunTools } from "./run_found_cell.ts";
import { runQueue } from "./run_queue.ts";
import { chooseValue, sweptConfig, validationAccuracy } from "./sweep.ts";

export const TUNING_FILE = "tuning.json";

/**
 * Runs what is left of the tuning.
 * @param digest of the plan that the folder has
 * @returns what was tried and chosen; arms of the folder that are not of this plan are as they were
 * @throws FailureError where the folder can no longer be written
 */
export async function tuneArms(
  plan: ExperimentPlan,
  sweep: SweepRecord,
  digest: string,
  tools: RunTools,
): Promise<Tuning> {
  const path = join(plan.out, TUNING_FILE), before = await readIfWhole(path);
  const cells = new Map<TuningCell, FoundCell>();
  for (const cell of plan.tuning) {
    const earlier = before?.arms.flatMap(({ tried }) => tried).flatMap(({ cells }) => cells)
      .find(({ folder }) => folder === cell.folder);
    const { folder, spec: { arm, seed, config } } = cell;
    cells.set(cell, await findCell(plan.out, { arm, seed, amendment: 0, folder }, earlier, config));
  }

  const own = new Set(plan.tuning.map(({ spec }) => spec.arm));
  const others = before?.arms.filter(({ arm }) => !own.has(arm)) ?? [];
  const current = (): Tuning => ({
    field: sweep.field,
    arms: [...others, ...[...own].map((arm) => tunedArm(arm, sweep, cells))],
  });
  let saved = Promise.resolve();
  const save = () =>
    saved = saved.then(() => {
      const header = { schemaVersion: SCHEMA_VERSION, kind: "matchbox.tuning", plan: digest };
      return writeFileAtomic(path, recordText(check(tuningSchema, { ...header, ...current() }, TUNING_FILE)));
    });

  const open = plan.tuning.filter((cell) => cells.get(cell)?.entry.status !== "finished");
  for (const cell of plan.tuning) {
    const found = cells.get(cell);
    if (found && !open.includes(cell)) tools.report({ type: "found", cell, entry: found.entry });
  }
  if (open.length > 0) checkDisk(plan, plan.cells); // what comes after it, and is more
  await runQueue(open, plan.jobs, tools, async (cell, stops, lane) => {
    const found = cells.get(cell);
    if (!found) return;
    await runFoundCell(plan, cell, found, { ...tools, ...stops, lane }, (now) => {
      cells.set(cell, now);
      return save();
    });
  });
  await save();
  return current();
}

/** The cells of a plan with the values that were chosen; those of an arm without one are left out. */
export function tunedCells(plan: ExperimentPlan, sweep: SweepRecord, tuning: Tuning): readonly PlannedCell[] {
  return plan.cells.flatMap((cell) => {
    const arm = plan.arms.find(({ name }) => name === cell.spec.arm);
    const chosen = tuning.arms.find((tuned) => tuned.arm === cell.spec.arm)?.chosen ?? null;
    if (!arm || (arm.trains && chosen === null)) return [];
    return [{ ...cell, spec: { ...cell.spec, config: sweptConfig(plan.config, arm, sweep, chosen) } }];
  });
}

function tunedArm(
  arm: string,
  { values }: SweepRecord,
  cells: ReadonlyMap<TuningCell, FoundCell>,
): Tuning["arms"][number] {
  const tried = values.map((value) => {
    const found = [...cells].filter(([cell]) => cell.spec.arm === arm && cell.value === value).map(([, found]) => ({
      ...cellOf(found),
      accuracy: found.record && validationAccuracy(found.record),
    }));
    const accuracies = found.flatMap(({ accuracy }) => accuracy ?? []);
    const mean = accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / accuracies.length;
    return { value, accuracy: accuracies.length === found.length ? mean : null, cells: found };
  });
  return { arm, tried, chosen: chooseValue(tried) };
}

function cellOf({ entry }: FoundCell) {
  const { seed, folder, status, digest, failure, updates, tokens, seconds, resumes } = entry;
  return { seed, folder, status, digest, failure, updates, tokens, seconds, resumes };
}

async function readIfWhole(path: string): Promise<TuningRecord | null> {
  if (!existsSync(path)) return null;
  return await readTuning(path).catch((error) => {
    if (error instanceof FailureError) return null;
    throw error;
  });
}
