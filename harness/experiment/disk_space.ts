// Whether the disk holds the checkpoints that a run will write, asked before it starts: a run of hours must not end for
// want of space that could have been foreseen.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { MisuseError } from "../base/errors.ts";
import { freeBytes } from "../base/free_bytes.ts";
import type { ExperimentPlan } from "./plan.ts";
import type { PlannedCell } from "./plan_cells.ts";

/** Bytes that the checkpoints of these cells will add to the disk. */
export function checkpointBytes(
  { floats, keep, jobs, config, warmUp }: ExperimentPlan,
  cells: readonly PlannedCell[],
): number {
  const best = config.evaluation.checkpoint === "best" ? 1 : 0;
  const one = 4 * floats * (3 + best); // weights and both moments; the best weights beside them
  const finished = keep === 0 ? 0 : (keep + best) * one;
  const running = (Math.max(1, keep) + best + 1) * one; // a new one is written before an old one goes
  const total = cells.length * finished + Math.min(jobs, cells.length) * (running - finished);
  const warmed = warmUp && sizeOf(join(warmUp.folder, "policy")) === 0 ? 4 * floats : 0;
  return Math.max(0, total + warmed - cells.reduce((sum, { spec }) => sum + sizeOf(spec.checkpoints?.folder), 0));
}

/** @throws MisuseError where the disk has less room than the cells' checkpoints need */
export function checkDisk(plan: ExperimentPlan, cells: readonly PlannedCell[]): void {
  const need = checkpointBytes(plan, cells), free = freeBytes(plan.out);
  if (free === null || need <= free) return;
  const remedy = plan.keep > 0 ? `keep fewer than ${plan.keep} of each with --keep` : "free space";
  throw new MisuseError(
    `Cannot keep the checkpoints of ${cells.length} cells: they need ${gibibytes(need)}, and "${plan.out}" has ${
      gibibytes(free)
    } free … ${remedy}, or choose another disk with --out`,
  );
}

function sizeOf(folder: string | undefined): number {
  if (folder === undefined) return 0;
  try {
    return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  } catch {
    return 0; // there is none yet
  }
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 3 : 1)} GiB`;
}
