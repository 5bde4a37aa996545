// Where a baseline is kept by default: a name that says what it pins, so that the same command finds it again.

import { basename } from "node:path";
import { MisuseError } from "../../base/errors.ts";
import type { Results } from "../../records/results.ts";

/** The policy that needs no mention. */
const USUAL = "embedded";

/** Folder and file below baselines/: ["arithmetic", "smoke.json"]. @throws MisuseError for a name that is no file's */
export function baselineFile({ experiment: { task, profile, policy }, origin }: Results): [string, string] {
  const name = policy === USUAL ? profile : `${profile}-${basename(policy)}`;
  for (const part of [task.name, name]) {
    if (/^[A-Za-z0-9][A-Za-z0-9+._-]{0,99}$/.test(part)) continue;
    throw new MisuseError(
      `Cannot name the baseline of "${origin}" by itself: ${JSON.stringify(part)} is no plain name … give --as a file`,
    );
  }
  return [task.name, `${name}.json`];
}
