// Results as the folder that bench would have written, for tests that read one: digests are those of what is written.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../../harness/base/digest.ts";
import type { SampleRecord } from "../../../harness/contract.ts";
import type { CellResults, Results } from "../../../harness/records/results.ts";
import type { CellRecord } from "../../../harness/records/schema.ts";
import { outcomeDigest, recordLine, recordText, stepChain } from "../../../harness/records/store.ts";
import { fakeStep } from "../../fakes/records.ts";

/** Writes plan, experiment and all cells; steps as they are, or two in which nothing happens. */
export function writeResultsFolder(folder: string, { plan, experiment, cells }: Results): void {
  mkdirSync(folder, { recursive: true });
  if (plan) writeFileSync(join(folder, "plan.json"), recordText(plan));
  const digests = new Map(cells.map((cell) => [cell.entry.folder, writeCellFolder(folder, cell)]));
  const entries = experiment.cells.map((entry) => ({ ...entry, digest: digests.get(entry.folder) ?? null }));
  writeFileSync(join(folder, "experiment.json"), recordText({ ...experiment, cells: entries }));
}

/** Writes what there is of a cell. @returns the digest of its record */
export function writeCellFolder(root: string, { entry, record, steps, answers }: CellResults): string | null {
  const folder = join(root, entry.folder), written = steps ?? [fakeStep(1), fakeStep(2)];
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "steps.jsonl"), written.map(recordLine).join(""));
  const samples = (answers ?? []).flatMap(({ said, ...answer }): SampleRecord[] =>
    said ? [{ ...answer, split: "test", ...said }] : []
  );
  const lines = samples.map(recordLine).join("");
  if (answers) writeFileSync(join(folder, "samples.jsonl"), lines);
  if (!record?.outcome) return null;
  const outcome = { ...record.outcome, steps: written.reduce(stepChain, sha256("")), samples: sha256(lines) };
  const sealed: CellRecord = { ...record, outcome, digest: outcomeDigest(outcome) };
  writeFileSync(join(folder, "record.json"), recordText(sealed));
  return sealed.digest;
}
