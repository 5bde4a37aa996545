// An experiment in three files, as baselines were kept before there were bundles: plan.json and experiment.json as they
// were, and the records of all cells as lines of records.jsonl. Only read.

import { join } from "node:path";
import { FailureError } from "../base/errors.ts";
import { isObject, parseJson, readJsonFile, readTextFile } from "../base/json_file.ts";
import { checkFit, ifOlder } from "./fit.ts";
import { checkPlan } from "./plan_schema.ts";
import type { CellResults, Results } from "./results.ts";
import { checkCellRecord, readExperiment } from "./store.ts";

/** The results in the three files. @throws FailureError for a file that is missing, damaged or does not fit, naming the line */
export async function readPinned(folder: string): Promise<Results> {
  const storedPlan = await readJsonFile(join(folder, "plan.json"));
  const plan = checkPlan(storedPlan, join(folder, "plan.json"));
  const experiment = await readExperiment(join(folder, "experiment.json"));
  const path = join(folder, "records.jsonl");
  const lines = (await readTextFile(path)).split("\n").filter((line) => line !== "");
  if (lines.length !== experiment.cells.length) {
    throw new FailureError(
      `Cannot trust "${folder}": it has ${lines.length} records for ${experiment.cells.length} cells … restore the files`,
    );
  }
  const cells = experiment.cells.map((entry, i): CellResults => {
    const place = `${path}, line ${i + 1}`, stored = parseJson(lines[i]!, place);
    const record = checkCellRecord(stored, place), older = ifOlder("storedRecord", isObject(stored) ? stored : null);
    return { entry, record, ...older, steps: null, answers: null };
  });
  return checkFit({ origin: folder, plan, ...ifOlder("storedPlan", storedPlan), experiment, cells });
}
