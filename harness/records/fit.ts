// What makes files one experiment, wherever they were kept: experiment.json names the plan and the records by digest.

import { FailureError } from "../base/errors.ts";
import type { JsonObject } from "../base/json_file.ts";
import type { Results } from "./results.ts";
import { SCHEMA_VERSION, UNKNOWN } from "./schema.ts";

/** The results, if their parts are of one experiment. @throws FailureError for records, plan and experiment that do not fit */
export function checkFit(results: Results): Results {
  const { origin, plan, experiment, cells } = results;
  const refuse = (what: string) => new FailureError(`Cannot trust "${origin}": ${what} … restore the files`);
  const digests = plan ? [plan.digest, plan.amendments.at(-1)?.digest] : [UNKNOWN];
  if (!digests.includes(experiment.plan)) throw refuse("experiment.json names another plan's digest");
  const names = new Set<string>();
  for (const { entry: { arm, seed, status, digest }, record } of cells) {
    if (names.has(`${seed} ${arm}`)) throw refuse(`experiment.json has ${arm} seed ${seed} twice`);
    names.add(`${seed} ${arm}`);
    const same = record ? record.arm === arm && record.seed === seed : true;
    if (!same || (status === "finished" && record?.digest !== digest)) {
      throw refuse(`the record of ${arm} seed ${seed} is not the one that experiment.json names`);
    }
  }
  return results;
}

/** The stored form under a name, if it is of an older version; else nothing. */
export function ifOlder<K extends string>(name: K, stored: JsonObject | null): { readonly [key in K]?: JsonObject };
export function ifOlder(name: string, stored: JsonObject | null): Readonly<Record<string, JsonObject>> {
  return stored === null || stored.schemaVersion === SCHEMA_VERSION ? {} : { [name]: stored };
}
