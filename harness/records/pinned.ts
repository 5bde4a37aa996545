// A finished experiment in the few files that a baseline is kept in: plan.json and experiment.json as they were, and the
// records of all cells as lines of one file. Steps, samples and checkpoints stay behind; their digests are in the records.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import { canonicalJson } from "../base/canonical_json.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import { parseJson, readTextFile } from "../base/json_file.ts";
import { type PlanRecord, readPlan } from "./plan_schema.ts";
import type { CellRecord, ExperimentRecord } from "./schema.ts";
import { checkCellRecord, readCellRecord, readExperiment, recordText } from "./store.ts";

/** An experiment's records. */
export interface PinnedExperiment {
  readonly plan: PlanRecord;
  readonly experiment: ExperimentRecord;
  /** In the order of the experiment's cells. */
  readonly records: readonly CellRecord[];
}

/** The records of an experiment's folder, ready to be pinned. @throws FailureError for a file that is missing, damaged or does not fit */
export async function readFinished(folder: string): Promise<PinnedExperiment> {
  const plan = await readPlan(join(folder, "plan.json"));
  const experiment = await readExperiment(join(folder, "experiment.json"));
  const left = experiment.cells.filter(({ status }) => status !== "finished").length;
  if (left > 0) {
    throw new MisuseError(
      `Cannot pin "${folder}": ${left} of its ${experiment.cells.length} cells are not finished … run its command again`,
    );
  }
  const records = [];
  for (const cell of experiment.cells) records.push(await readCellRecord(join(folder, cell.folder, "record.json")));
  return checkFit({ plan, experiment: { ...experiment, command: withoutFolder(experiment.command) }, records }, folder);
}

/** The command without `--out`: where the results lay means nothing to others. */
function withoutFolder(command: readonly string[]): string[] {
  return command.filter((word, i) => !/^--out(=|$)/.test(word) && command[i - 1] !== "--out");
}

/** Writes the few files. @throws FailureError where the folder cannot be written */
export async function writePinned(folder: string, { plan, experiment, records }: PinnedExperiment): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw fileError("write to", folder, error);
  }
  await writeFileAtomic(join(folder, "plan.json"), recordText(plan));
  await writeFileAtomic(join(folder, "experiment.json"), recordText(experiment));
  await writeFileAtomic(join(folder, "records.jsonl"), records.map((record) => canonicalJson(record) + "\n").join(""));
}

/** What {@linkcode writePinned} wrote. @throws FailureError as {@linkcode readFinished} does, naming the line */
export async function readPinned(folder: string): Promise<PinnedExperiment> {
  const plan = await readPlan(join(folder, "plan.json"));
  const experiment = await readExperiment(join(folder, "experiment.json"));
  const path = join(folder, "records.jsonl");
  const lines = (await readTextFile(path)).split("\n").filter((line) => line !== "");
  const records = lines.map((line, i) => {
    const place = `${path}, line ${i + 1}`;
    return checkCellRecord(parseJson(line, place), place);
  });
  return checkFit({ plan, experiment, records }, folder);
}

function checkFit(pinned: PinnedExperiment, folder: string): PinnedExperiment {
  const { plan, experiment, records } = pinned;
  const last = plan.amendments.at(-1)?.digest ?? plan.digest;
  const refuse = (what: string) => new FailureError(`Cannot trust "${folder}": ${what} … restore the files`);
  if (experiment.plan !== plan.digest && experiment.plan !== last) {
    throw refuse("experiment.json names another plan's digest");
  }
  if (records.length !== experiment.cells.length) {
    throw refuse(`it has ${records.length} records for ${experiment.cells.length} cells`);
  }
  for (const [i, { arm, seed, digest }] of experiment.cells.entries()) {
    const record = records[i]!;
    if (record.arm !== arm || record.seed !== seed || record.digest !== digest) {
      throw refuse(`the record of ${arm} seed ${seed} is not the one that experiment.json names`);
    }
  }
  return pinned;
}
