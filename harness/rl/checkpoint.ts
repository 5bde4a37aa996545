// The checkpoints of a cell: one file for each, named by the updates done, in a folder of their own. A checkpoint holds
// all that the rest of the training is a function of, and equal states are equal files. A file that is damaged is passed
// over with a warning for the one before.

import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileError } from "../base/atomic_file.ts";
import { FailureError } from "../base/errors.ts";
import { readSectionFile, type Sections, writeSectionFile } from "../base/section_file.ts";

/** Where a cell keeps checkpoints, and how many. */
export interface CheckpointOptions {
  readonly folder: string;
  /** Updates between two of them. */
  readonly every: number;
  /** The newest so many stay, and the best on validation. */
  readonly keep: number;
}

/** A checkpoint that was read. */
export interface Checkpoint {
  /** Updates done. */
  readonly step: number;
  readonly sections: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
}

const fileName = (step: number) => `step-${String(step).padStart(6, "0")}.checkpoint`;

/** Updates done at each checkpoint of a folder, ascending; none where there is no folder. */
export async function checkpointSteps(folder: string): Promise<number[]> {
  if (!existsSync(folder)) return [];
  const names = await readdir(folder).catch((error) => {
    throw fileError("read", folder, error);
  });
  return names.flatMap((name) => /^step-(\d{6,})\.checkpoint$/.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b);
}

/** Writes a checkpoint. @throws FailureError where the disk refuses; the earlier ones stay */
export async function writeCheckpoint(folder: string, step: number, sections: Sections): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw fileError("create the folder", folder, error);
  }
  await writeSectionFile(join(folder, fileName(step)), sections);
}

/** The checkpoint after so many updates. @throws FailureError where it is missing or damaged */
export async function readCheckpoint(folder: string, step: number): Promise<Checkpoint> {
  return { step, sections: await readSectionFile(join(folder, fileName(step))) };
}

/**
 * The newest checkpoint that can be read; null where there is none.
 * @param most newer ones than this are passed over
 * @param warn told of each that is damaged
 */
export async function newestCheckpoint(
  folder: string,
  most: number,
  warn: (message: string) => void,
): Promise<Checkpoint | null> {
  for (const step of (await checkpointSteps(folder)).reverse()) {
    if (step > most) continue;
    try {
      return await readCheckpoint(folder, step);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      warn(`${error.message}; going on from the one before`);
    }
  }
  return null;
}

/** Removes all but the newest `keep` up to `step` and the one at `best`; those after `step` belong to no run any more. */
export async function pruneCheckpoints(
  { folder, keep }: CheckpointOptions,
  step: number,
  best: number | null,
): Promise<void> {
  const steps = await checkpointSteps(folder), valid = steps.filter((found) => found <= step);
  const kept = new Set([...valid.slice(valid.length - Math.min(keep, valid.length)), best]);
  for (const found of steps) if (!kept.has(found)) await rm(join(folder, fileName(found)), { force: true });
}
