// Folders that earlier schema versions wrote, by the code of their time: they read, say the same numbers, and whatever
// is changed in them is refused with its place. tests/fixtures/records-v1 is of commit 67056ad, records-v2 of 8a8379d;
// both are `bench --profile smoke --arms base,grpo --seeds 0` with 2 updates, 2 questions, 2 completions, 4 test items.

import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256 } from "../../harness/base/digest.ts";
import { FailureError } from "../../harness/base/errors.ts";
import { bundleText, fromBundle, toBundle } from "../../harness/records/bundle.ts";
import { proveMatch } from "../../harness/records/match.ts";
import { METRICS } from "../../harness/records/metrics.ts";
import { migrate } from "../../harness/records/migrate.ts";
import { readResults, type Results } from "../../harness/records/results.ts";
import { SCHEMA_VERSION } from "../../harness/records/schema.ts";
import { readCellRecord, readExperiment } from "../../harness/records/store.ts";
import { root } from "../sources.ts";

const fixture = (version: number) => fileURLToPath(new URL(`tests/fixtures/records-v${version}`, root));
const versions = [1, 2];

/** What a test changes in a copy of a fixture. */
async function changed<T>(version: number, change: (folder: string) => void, use: (folder: string) => Promise<T>) {
  const folder = await Deno.makeTempDir();
  try {
    cpSync(fixture(version), folder, { recursive: true });
    change(folder);
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function refused(version: number, name: string, from: string | RegExp, to: string, pattern: RegExp) {
  const edit = (folder: string) => {
    const path = join(folder, name), text = readFileSync(path, "utf8"), now = text.replace(from, to);
    ok(now !== text, `${name} has no ${from}`);
    writeFileSync(path, now);
  };
  return changed(version, edit, (folder) =>
    rejects(readResults(folder), (error: unknown) => {
      ok(error instanceof FailureError, String(error));
      match(error.message, pattern);
      ok(error.message.includes(folder), error.message);
      return true;
    }));
}

for (const version of versions) {
  Deno.test(`readResults() reads a folder of schema version ${version}, and says its numbers`, async () => {
    const results = await readResults(fixture(version));
    equal(results.experiment.schemaVersion, SCHEMA_VERSION);
    deepEqual(results.experiment.metrics, METRICS);
    for (const { entry, record, steps, answers } of results.cells) {
      const at = (name: string) => join(fixture(version), entry.folder, name);
      const stored = JSON.parse(readFileSync(at("record.json"), "utf8"));
      const lines = (name: string) =>
        readFileSync(at(name), "utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line));
      equal(record?.digest, stored.digest);
      deepEqual(record?.outcome?.evaluations, stored.outcome.evaluations);
      deepEqual(record?.config, stored.config);
      deepEqual(
        steps?.map(({ rewards, loss, tokens }) => ({ rewards, loss, tokens })),
        lines("steps.jsonl").map(({ rewards, loss, tokens }) => ({ rewards, loss, tokens })),
      );
      deepEqual(
        answers?.map(({ id, status, said }) => [id, status, said?.completion]),
        lines("samples.jsonl").map(({ id, status, completion }) => [id, status, completion]),
      );
      deepEqual([entry.accuracy?.after, entry.n], [
        record?.outcome?.evaluations.findLast(
          ({ split, mode }) => split === "test" && mode === "greedy",
        )?.accuracy,
        4,
      ]);
    }
  });

  Deno.test(`a bundle keeps what schema version ${version} stored, and its digests with it`, async () => {
    const results = await readResults(fixture(version));
    const bundle = toBundle(results, { completions: true }), back = fromBundle(bundle, results.origin);
    const withoutFiles = (of: Results) => ({
      ...of,
      experiment: { ...of.experiment, command: [] },
      cells: of.cells.map((cell) => ({ ...cell, steps: null })),
    });
    deepEqual(withoutFiles(back), withoutFiles(results));
    equal(bundleText(toBundle(back, { completions: true })), bundleText(bundle));
    const outcome = bundle.cells[1]?.record?.["outcome"], { match } = Object(outcome);
    equal(match === undefined, version === 1);
  });

  Deno.test(`readResults() refuses a folder of schema version ${version} in which something was changed`, async () => {
    const place = "grpo/seed-0";
    await refused(
      version,
      `${place}/record.json`,
      '"updates": 2,\n    "',
      '"updates": 3,\n    "',
      /does not have the digest/,
    );
    await refused(version, `${place}/record.json`, /"accuracy": 0.5,/, '"accuracy": 0.75,', /does not have the digest/);
    await refused(
      version,
      `${place}/record.json`,
      '"finalWeights"',
      '"lastWeights"',
      /outcome\.finalWeights: |lastWeights/,
    );
    await refused(version, `${place}/record.json`, /\}\s*$/, "", /record\.json": the JSON is malformed/);
    await refused(version, `${place}/record.json`, '"matchbox.cell"', '"matchbox.plan"', /kind: it is "matchbox.plan"/);
    await refused(
      version,
      `${place}/record.json`,
      `"schemaVersion": ${version}`,
      '"schemaVersion": 4',
      /schema version 4, and this Matchbox reads 1 to 3 … use the version of Matchbox that wrote it, or a newer one/,
    );
    await refused(
      version,
      `${place}/samples.jsonl`,
      '"correct"',
      '"wrong"',
      /samples\.jsonl": it does not have the digest/,
    );
    await refused(version, `${place}/steps.jsonl`, '"kl":null', '"kl":"low"', /steps\.jsonl, line 1": kl: /);
    await refused(
      version,
      "experiment.json",
      '"arm": "grpo"',
      '"arm": "rloo"',
      /the record of rloo seed 0 is not the one/,
    );
    await refused(version, "experiment.json", '"folder": "grpo/seed-0"', '"folder": "../seed-0"', /lies outside/);
    await refused(version, "experiment.json", '"summary"', '"resume"', /summary: |resume/);
  });
}

Deno.test("readResults() refuses a plan and steps that were changed, from the version that had them", async () => {
  await refused(2, "plan.json", '"margin": 0.02', '"margin": 0.5', /digest does not fit what the plan says/);
  await refused(2, "experiment.json", /"plan": "[0-9a-f]{8}/, '"plan": "00000000', /names another plan's digest/);
  await refused(2, "grpo/seed-0/steps.jsonl", '"step":2', '"step":3', /steps\.jsonl": it does not have the digest/);
});

Deno.test("what schema version 1 does not say is unknown, null or derived", async () => {
  const { plan, experiment, cells: [base, grpo] } = await readResults(fixture(1));
  deepEqual([plan, experiment.plan, experiment.match.matched], [null, "unknown", false]);
  const { outcome } = grpo!.record!;
  deepEqual([outcome?.match.template, outcome?.match.firstRollouts, outcome?.steps], ["unknown", [], "unknown"]);
  deepEqual([outcome?.evaluatedStep, outcome?.endedBy], [2, "updates"]);
  deepEqual(outcome?.asked, { count: 4, digest: "unknown" });
  deepEqual(base!.record!.outcome?.asked, { count: 0, digest: sha256("") });
  deepEqual(
    grpo!.steps?.map(({ distinct, similarity, gauges, discarded }) => [distinct, similarity, gauges, discarded])[0],
    [null, null, {}, { prompt: 0, completion: 0 }],
  );
  match(outcome?.match.order ?? "", /^[0-9a-f]{64}$/);

  const proven = [base!, grpo!].map(({ entry: { arm, seed }, record }) => ({ arm, seed, outcome: record!.outcome! }));
  const { matched, problems } = proveMatch(proven, "grpo");
  equal(matched, false);
  ok(problems.includes("grpo seed 0 does not say its prompt template (schema version 1)"));
  ok(problems.every((problem) => problem.includes("does not say")), problems.join("\n"));
});

Deno.test("the order of questions of schema version 1 is the one that version 2 has of the same cell", async () => {
  const orders = await Promise.all(versions.map(async (version) => {
    const record = await readCellRecord(join(fixture(version), "grpo/seed-0/record.json"));
    return [record.outcome?.match.order, record.outcome?.match.weights, record.outcome?.match.data];
  }));
  deepEqual(orders[0], orders[1]);
});

Deno.test("migrate() refuses versions and kinds that it does not know", () => {
  const refuse = (value: Record<string, unknown>, pattern: RegExp) =>
    throws(() => migrate("matchbox.plan", { kind: "matchbox.plan", ...value }, "plan.json"), (error: Error) => {
      match(error.message, pattern);
      return error instanceof FailureError;
    });
  for (const version of [4, 0, 1.5, -1, "3", null, {}]) {
    refuse({ schemaVersion: version }, /has schema version .*reads 1 to 3/);
  }
  refuse({ schemaVersion: 1 }, /"plan\.json": schema version 1 had no such file/);
  refuse({ schemaVersion: 2, kind: "lm-eval" }, /kind: it is "lm-eval", must be "matchbox\.plan"/);
});

Deno.test("readExperiment() keeps a file of this version as it is", async () => {
  const { experiment } = await readResults(fixture(2));
  const path = await Deno.makeTempFile();
  try {
    writeFileSync(path, JSON.stringify({ ...experiment, metrics: [] }));
    deepEqual((await readExperiment(path)).metrics, []);
  } finally {
    await Deno.remove(path);
  }
});
