// Folders that are not whole: what was not kept or has not come is null, what does not fit is refused. The folder is the
// fixture of schema version 2.

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FailureError } from "../../harness/base/errors.ts";
import { readResults } from "../../harness/records/results.ts";

const fixture = fileURLToPath(new URL("../fixtures/records-v2", import.meta.url));

/** A copy of the fixture in which `change` was done. */
async function withCopy(change: (folder: string) => void, use: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    cpSync(fixture, folder, { recursive: true });
    change(folder);
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Changes the second cell's row in experiment.json. */
function setEntry(folder: string, fields: Readonly<Record<string, unknown>>): void {
  const path = join(folder, "experiment.json"), experiment = JSON.parse(readFileSync(path, "utf8"));
  Object.assign(experiment.cells[1], fields);
  writeFileSync(path, JSON.stringify(experiment));
}

const refuse = (change: (folder: string) => void, pattern: RegExp) =>
  withCopy(change, (folder) =>
    rejects(readResults(folder), (error: unknown) => {
      ok(error instanceof FailureError, String(error));
      match(error.message, pattern);
      return true;
    }));

Deno.test("readResults() reads steps unless they are not needed", async () => {
  const [all, fewer] = [await readResults(fixture), await readResults(fixture, { steps: false })];
  deepEqual(all.cells.map(({ steps }) => steps?.length), [0, 2]);
  deepEqual(fewer.cells.map(({ steps }) => steps), [null, null]);
  deepEqual(fewer.cells.map(({ answers }) => answers), all.cells.map(({ answers }) => answers));
});

Deno.test("readResults() reads an experiment that runs: cells that have not begun, or run again, show nothing", async () => {
  const pending = (folder: string) => {
    setEntry(folder, { status: "pending", digest: null });
    rmSync(join(folder, "grpo"), { recursive: true });
  };
  await withCopy(pending, async (folder) => {
    const { record, steps, answers } = (await readResults(folder)).cells[1]!;
    deepEqual([record, steps, answers], [null, null, null]);
  });
  await withCopy((folder) => setEntry(folder, { status: "running", digest: null }), async (folder) => {
    const { record, steps, answers } = (await readResults(folder)).cells[1]!;
    deepEqual([record?.status, steps, answers], ["finished", null, null]);
  });
});

Deno.test("readResults() has null for steps and samples that were not kept", async () => {
  const remove = (folder: string) =>
    ["steps.jsonl", "samples.jsonl"].forEach((name) => rmSync(join(folder, "grpo/seed-0", name)));
  await withCopy(remove, async (folder) => {
    const [base, grpo] = (await readResults(folder)).cells;
    deepEqual([grpo!.steps, grpo!.answers], [null, null]);
    equal(base!.answers?.length, 4);
  });
});

Deno.test("readResults() refuses what is no results folder, and what does not fit together", async () => {
  await rejects(readResults("/nowhere"), /Cannot read "\/nowhere": it has no experiment\.json/);
  await refuse((folder) => rmSync(join(folder, "plan.json")), /Cannot read ".*plan\.json"/);
  await refuse((folder) => rmSync(join(folder, "grpo/seed-0/record.json")), /the record of grpo seed 0 is not the one/);
  await refuse((folder) => setEntry(folder, { arm: "base" }), /experiment\.json has base seed 0 twice/);
  for (const place of ["/etc", "../other", "grpo/../../other", "C:\\other", "..\\other"]) {
    await refuse((folder) => setEntry(folder, { folder: place }), /the folder of a cell, ".*", lies outside of it/);
  }
  const lines = (folder: string) => join(folder, "grpo/seed-0/samples.jsonl");
  await refuse((folder) => writeFileSync(lines(folder), ""), /samples\.jsonl": it does not have the digest/);
  await refuse((folder) => writeFileSync(lines(folder), "42\n"), /samples\.jsonl, line 1": it must be a JSON object/);
  await refuse(
    (folder) => writeFileSync(lines(folder), readFileSync(lines(folder), "utf8").slice(0, -40)),
    /samples\.jsonl, line 4": the JSON is malformed/,
  );
});
