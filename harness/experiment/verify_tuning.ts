// Checks tuning.json: the accuracies are those of the tuning cells' records, the values were chosen by the rule, and the
// reported cells were run with them.

import { join } from "node:path";
import { differences } from "../records/differences.ts";
import type { PlanRecord, SweepRecord } from "../records/plan_schema.ts";
import type { CellRecord, Tuning } from "../records/schema.ts";
import { readCellRecord, readTuning } from "../records/store.ts";
import { type Checklist } from "./checklist.ts";
import { chooseValue, validationAccuracy } from "./sweep.ts";
import { TUNING_FILE } from "./tune_arms.ts";

/** Does the checks; none for an experiment in which nothing was tuned. @param reported the cells' records */
export async function verifyTuning(
  list: Checklist,
  root: string,
  { sweep, digest }: PlanRecord,
  reported: readonly (CellRecord | null)[],
): Promise<void> {
  if (!sweep) return;
  const tuning = await list.read(TUNING_FILE, "shape", () => readTuning(join(root, TUNING_FILE)));
  if (!tuning) return;
  await list.check(TUNING_FILE, "plan", () => differences({ plan: tuning.plan }, { plan: digest }));
  for (const tuned of tuning.arms) {
    await list.check(TUNING_FILE, `what was tried for ${tuned.arm}`, () => wrongArm(root, sweep, tuned));
    await list.check(TUNING_FILE, `cells of ${tuned.arm} have the chosen value`, () =>
      reported.flatMap((record) => {
        if (record?.arm !== tuned.arm) return [];
        return differences({ [sweep.field]: valueOf(record, sweep) }, { [sweep.field]: tuned.chosen });
      }));
  }
}

async function wrongArm(root: string, sweep: SweepRecord, { arm, tried, chosen }: Tuning["arms"][number]) {
  const wrong = differences({ values: tried.map(({ value }) => value) }, { values: sweep.values });
  const again: { value: typeof chosen; accuracy: number | null }[] = [];
  for (const { value, accuracy, cells } of tried) {
    wrong.push(...differences({ seeds: cells.map(({ seed }) => seed) }, { seeds: sweep.seeds }));
    const accuracies: number[] = [];
    for (const { seed, folder, digest, accuracy } of cells) {
      const record = await readCellRecord(join(root, folder, "record.json"));
      const told = { arm, seed, value, digest, accuracy }, found = validationAccuracy(record);
      const is = { arm: record.arm, seed: record.seed, value: valueOf(record, sweep), digest: record.digest };
      wrong.push(...differences(told, { ...is, accuracy: found }));
      if (found !== null) accuracies.push(found);
    }
    const whole = accuracies.length === sweep.seeds.length;
    const mean = whole ? accuracies.reduce((sum, one) => sum + one, 0) / accuracies.length : null;
    wrong.push(...differences({ accuracy }, { accuracy: mean }));
    again.push({ value, accuracy: mean });
  }
  return [...wrong, ...differences({ chosen }, { chosen: chooseValue(again) })];
}

function valueOf({ config }: CellRecord, { field }: SweepRecord) {
  const [group = "", name = ""] = field.split(".");
  return config[group]?.[name] ?? null;
}
