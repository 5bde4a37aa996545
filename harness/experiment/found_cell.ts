// What the folder of a cell says of it before it is run (again): finished, to be taken up, or new.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../base/canonical_json.ts";
import { FailureError } from "../base/errors.ts";
import type { CellEntry, CellRecord } from "../records/schema.ts";
import { readCellRecord } from "../records/store.ts";
import { cellFolder } from "./plan_cells.ts";
import type { NamedCell } from "./settle_plan.ts";
import { cellNumbers } from "./summary.ts";

/** A cell as it was found. */
export interface FoundCell {
  readonly entry: CellEntry;
  readonly record: CellRecord | null;
  /** It was started before. */
  readonly begun: boolean;
  /** What is wrong with its record; null: nothing. */
  readonly damage: string | null;
}

/** What experiment.json says of a cell whose record is this. @param earlier what it said before */
export function entryFor(
  { arm, seed, amendment, folder = cellFolder(arm, seed) }: NamedCell & { readonly folder?: string },
  record: CellRecord | null,
  earlier: Pick<CellEntry, "resumes"> | undefined,
): CellEntry {
  return {
    arm,
    seed,
    folder,
    amendment,
    status: record?.status ?? "pending",
    digest: record?.digest ?? null,
    failure: record?.failure ?? null,
    ...cellNumbers(record),
    resumes: Math.max(record?.timing.resumes ?? 0, earlier?.resumes ?? 0),
  };
}

/**
 * Reads the cell's record.
 * @param out folder of the experiment
 * @param earlier its entry in the file that lists the cells
 * @param config that it must have been run with; null: not asked
 */
export async function findCell(
  out: string,
  { arm, seed, amendment, folder = cellFolder(arm, seed) }: NamedCell & { readonly folder?: string },
  earlier: Pick<CellEntry, "status" | "resumes"> | undefined,
  config: unknown,
): Promise<FoundCell> {
  const path = join(out, folder, "record.json");
  let record: CellRecord | null = null, damage: string | null = null;
  if (existsSync(path)) {
    try {
      record = await readCellRecord(path);
      const own = record.arm === arm && record.seed === seed &&
        (config === null || canonicalJson(record.config) === canonicalJson(config));
      if (!own) throw new FailureError(`Cannot use "${path}": it is the record of another cell`);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      [record, damage] = [null, error.message];
    }
  }
  const entry = entryFor({ arm, seed, amendment, folder }, record, earlier);
  const begun = record !== null || existsSync(join(out, folder, "steps.jsonl")) ||
    (earlier !== undefined && earlier.status !== "pending");
  return { entry, record, begun, damage };
}
