// Pinned folders, as baselines were kept in schema version 2, and every baseline that is committed.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalJson } from "../../harness/base/canonical_json.ts";
import { FailureError } from "../../harness/base/errors.ts";
import { readPinned } from "../../harness/records/pinned.ts";
import { readResults } from "../../harness/records/results.ts";
import { root } from "../sources.ts";

const stored = fileURLToPath(new URL("tests/fixtures/records-v2/", root));

/** The experiment of the fixture in three files. */
function pin(folder: string): string {
  mkdirSync(folder);
  for (const name of ["plan.json", "experiment.json"]) cpSync(join(stored, name), join(folder, name));
  const records = ["base", "grpo"].map((arm) => readFileSync(join(stored, arm, "seed-0", "record.json"), "utf8"));
  const path = join(folder, "records.jsonl");
  writeFileSync(path, records.map((text) => canonicalJson(JSON.parse(text)) + "\n").join(""));
  return path;
}

Deno.test("readPinned() reads an experiment in three files, and finds what was changed in them", async () => {
  const parent = await Deno.makeTempDir(), folder = join(parent, "pinned");
  try {
    const path = pin(folder), text = readFileSync(path, "utf8"), whole = await readResults(stored);
    const { plan, experiment, cells } = await readResults(folder);
    deepEqual([plan, experiment], [whole.plan, whole.experiment]);
    deepEqual(cells, whole.cells.map((cell) => ({ ...cell, steps: null, answers: null })));

    for (
      const [changed, message] of [
        [text.replace('"accuracy":0.5', '"accuracy":0.75'), /line 1": its outcome does not have the digest/],
        [text.split("\n").slice(1).join("\n"), /1 records for 2 cells/],
        [text.split("\n").toReversed().join("\n"), /the record of base seed 0 is not the one/],
        [text.slice(0, -100), /line 2": the JSON is malformed/],
      ] as const
    ) {
      writeFileSync(path, changed);
      await rejects(readPinned(folder), (error: Error) => {
        match(error.message, message);
        return error instanceof FailureError;
      });
    }
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

/** Below baselines/<task>/: pinned folders and bundles. */
const baselines = [...Deno.readDirSync(new URL("baselines/", root))].filter(({ isDirectory }) => isDirectory)
  .flatMap(({ name: task }) =>
    [...Deno.readDirSync(new URL(`baselines/${task}/`, root))]
      .filter(({ name, isDirectory }) => task !== "papers" && (isDirectory || name.endsWith(".json")))
      .map(({ name }) => `${task}/${name}`)
  );
for (const name of baselines) {
  Deno.test(`baselines/${name} reads back, and its cells are matched`, async () => {
    const { experiment } = await readResults(fileURLToPath(new URL(`baselines/${name}`, root)));
    equal(experiment.status, "finished");
    equal(experiment.match.matched, true);
  });
}
