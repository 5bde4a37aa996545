// Records: what is written reads back the same; what is damaged is refused with the place inside the file.

import { deepEqual, equal, notEqual, rejects } from "node:assert/strict";
import { join } from "node:path";
import { FailureError } from "../../harness/base/errors.ts";
import {
  outcomeDigest,
  readCellRecord,
  readExperiment,
  readSteps,
  readWholeSteps,
  recordLine,
  recordText,
} from "../../harness/records/store.ts";
import { fakeCellRecord, fakeEvaluation, fakeStep } from "../fakes/records.ts";

const record = fakeCellRecord([fakeEvaluation(0, 0.25), fakeEvaluation(10, 0.5)]);

async function inFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "record.json");
    await Deno.writeTextFile(path, text);
    return await use(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function refused(text: string, pattern: RegExp, read: (path: string) => Promise<unknown> = readCellRecord) {
  return inFile(text, (path) =>
    rejects(
      read(path),
      (error: unknown) => error instanceof FailureError && error.message.includes(path) && pattern.test(error.message),
    ));
}

Deno.test("readCellRecord() gives back what recordText() wrote", async () => {
  deepEqual(await inFile(recordText(record), readCellRecord), record);
});

Deno.test("outcomeDigest() heeds values and no order of keys", () => {
  const { outcome } = record;
  if (!outcome) throw new Error("the record has no outcome");
  const reversed = Object.fromEntries(Object.entries(outcome).reverse());
  equal(outcomeDigest({ ...outcome, ...reversed }), record.digest);
  equal(outcomeDigest(JSON.parse(JSON.stringify(reversed))), record.digest);
  notEqual(outcomeDigest({ ...outcome, updates: 11 }), record.digest);
});

Deno.test("readCellRecord() refuses damage, naming file and place", async () => {
  const text = recordText(record);
  const changed = (change: Record<string, unknown>) => JSON.stringify({ ...record, ...change });
  await refused(text.slice(0, 100), /JSON is malformed/);
  await refused("[]", /must hold a JSON object/);
  await refused(text.replace('"accuracy": 0.5', '"accuracy": 5'), /outcome\.evaluations\.1\.accuracy: /);
  await refused(text.replace('"updates": 10', '"updates": 11'), /does not have the digest/);
  await refused(changed({ schemaVersion: 4 }), /schema version 4, and this Matchbox reads 1 to 3/);
  await refused(changed({ surprise: 1 }), /surprise/);
  await refused(changed({ status: "running" }), /status: /);
  await refused(text, /kind: /, readExperiment);
  await rejects(readCellRecord("/nowhere/record.json"), /Cannot read "\/nowhere\/record\.json"/);
});

Deno.test("readSteps() names the line that is wrong", async () => {
  await refused('{"step":1}\n', /line 1": rewards: /, readSteps);
  deepEqual(await inFile("", readSteps), []);
});

Deno.test("readWholeSteps() ends before the first line that is cut, damaged or out of turn", async () => {
  const lines = [1, 2, 3].map((step) => recordLine(fakeStep(step)));
  const whole = async (text: string) => (await inFile(text, readWholeSteps)).map(({ step }) => step);
  deepEqual(await whole(lines.join("")), [1, 2, 3]);
  deepEqual(await whole(lines.join("").slice(0, -1)), [1, 2]); // no newline: the write was cut short
  deepEqual(await whole(lines.join("").slice(0, -20)), [1, 2]);
  deepEqual(await whole(lines[0]! + "\u0000\u0000\n" + lines[1]!), [1]);
  deepEqual(await whole(lines[0]! + lines[2]!), [1]);
  deepEqual(await whole(lines[1]!), []);
  deepEqual(await readWholeSteps("/nowhere/steps.jsonl"), []);
});
