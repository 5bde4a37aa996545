// Results as far as they are: of a cell that has not finished, the steps that are whole. An experiment that runs writes
// its files whole or line by line, so that what is read here is never half of anything.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CellResults, readResults, type Results } from "../../records/results.ts";
import { readWholeSteps } from "../../records/store.ts";

/** What {@linkcode readResults} reads, with the steps of unfinished cells. @throws FailureError as it does */
export async function readLive(path: string): Promise<Results> {
  const results = await readResults(path), cells: CellResults[] = [];
  for (const cell of results.cells) {
    const file = join(path, cell.entry.folder, "steps.jsonl");
    const unfinished = cell.steps === null && cell.entry.status !== "finished" && existsSync(file);
    cells.push(unfinished ? { ...cell, steps: await readWholeSteps(file) } : cell);
  }
  return { ...results, cells };
}
