// Bundles: what goes in comes out, equal results are equal bytes, and whatever is changed is refused with its place,
// also where the digest of the whole was made again.

import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { canonicalJson } from "../../harness/base/canonical_json.ts";
import { sha256 } from "../../harness/base/digest.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { Outcome } from "../../harness/contract.ts";
import {
  type Bundle,
  bundleText,
  fromBundle,
  readBundle,
  sampleLines,
  toBundle,
} from "../../harness/records/bundle.ts";
import type { Answer, CellResults, Results } from "../../harness/records/results.ts";
import { readResults } from "../../harness/records/results.ts";
import { outcomeDigest } from "../../harness/records/store.ts";
import { fakeEvaluation } from "../fakes/records.ts";
import { fakeResults } from "../fakes/results.ts";

const results = fakeResults({ scores: { grpo: [[1, 0, 1], [0, 0, 0]], rloo: [[1, 1, 1], [0, 1, 0]] } });
const at = async <T>(text: string, use: (path: string) => Promise<T>): Promise<T> => {
  const folder = await Deno.makeTempDir(), path = join(folder, "bundle.json");
  try {
    await Deno.writeTextFile(path, text);
    return await use(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
};

/** The results with another first cell. */
function withFirst(change: (cell: CellResults) => CellResults): Results {
  const [first, ...rest] = results.cells, cells = [change(first!), ...rest];
  return { ...results, cells, experiment: { ...results.experiment, cells: cells.map(({ entry }) => entry) } };
}

/** The cell with other answers, and an outcome that fits them. */
function answering(cell: CellResults, answers: readonly Answer[], more: Partial<Outcome>): CellResults {
  const record = cell.record!, outcome = { ...record.outcome!, ...more, samples: sha256(sampleLines(answers)) };
  const digest = outcomeDigest(outcome);
  return { ...cell, entry: { ...cell.entry, digest }, record: { ...record, outcome, digest }, answers };
}

/** Three greedy answers and two drawn ones to each question. */
const drawn = withFirst((cell) => {
  const answers = [
    ...cell.answers!,
    ...cell.answers!.flatMap((one) => [1, 2].map((sample): Answer => ({ ...one, sample, status: "unparseable" }))),
  ];
  const sampled = { ...fakeEvaluation(10, 0, 6), mode: "sample" as const, n: 3, samples: 2 };
  const evaluations = [...cell.record!.outcome!.evaluations, {
    ...sampled,
    statuses: { correct: 0, wrong: 0, unparseable: 6, truncated: 0 },
  }];
  return answering(cell, answers, { evaluations });
});

const withoutTexts = ({ cells, ...rest }: Results): Results => ({
  ...rest,
  cells: cells.map((cell) => ({
    ...cell,
    answers: cell.answers && cell.answers.map((one) => ({ ...one, said: null })),
  })),
});

Deno.test("fromBundle() gives back what toBundle() took, with the texts or without", () => {
  for (const given of [results, drawn]) {
    deepEqual(fromBundle(toBundle(given, { completions: true }), given.origin), given);
    deepEqual(fromBundle(toBundle(given, { completions: false }), given.origin), withoutTexts(given));
  }
  const { cells: [first], items } = toBundle(drawn, { completions: false });
  deepEqual([first?.statuses, first?.sampled, first?.said], ["cwc", ["uuu", "uuu"], null]);
  deepEqual(items[1], { id: "q1", question: "question 1", gold: "1" });
});

Deno.test("a bundle keeps cells that have not begun, failed, or were asked fewer questions", () => {
  const pending = withFirst((cell) => {
    const entry = { ...cell.entry, status: "pending" as const, digest: null, accuracy: null };
    return { entry, record: null, steps: null, answers: null };
  });
  deepEqual(fromBundle(toBundle(pending, { completions: true }), pending.origin), pending);

  const failed = withFirst((cell) => {
    const entry = { ...cell.entry, status: "failed" as const, digest: null, accuracy: null };
    const record = { ...cell.record!, status: "failed" as const, outcome: null, digest: null };
    return { entry, record, steps: null, answers: null };
  });
  deepEqual(fromBundle(toBundle(failed, { completions: true }), failed.origin), failed);

  const fewer = withFirst((cell) =>
    answering(cell, cell.answers!.slice(0, 1), { evaluations: [fakeEvaluation(10, 1, 1)] })
  );
  const bundle = toBundle(fewer, { completions: true });
  deepEqual([bundle.cells[0]?.statuses, bundle.cells[0]?.said?.[0]?.slice(1)], ["c--", [null, null]]);
  deepEqual(fromBundle(bundle, fewer.origin), fewer);
});

Deno.test("bundleText() is byte-stable, has a line a cell and a question, and readResults() reads it", async () => {
  const bundle = toBundle(drawn, { completions: true }), text = bundleText(bundle);
  equal(bundleText(JSON.parse(JSON.stringify(bundle))), text);
  equal(text.split("\n").filter((line) => line.startsWith('{"record"') || line.includes('"record":')).length, 4);
  await at(text, async (path) => {
    deepEqual(await readResults(path), { ...drawn, origin: path });
    equal(bundleText(toBundle(await readResults(path), { completions: true })), text);
    deepEqual(await readBundle(path), bundle);
  });
});

Deno.test("toBundle() leaves out where the results lay", () => {
  const command = ["bench", "--out", "/home/me/results", "--out=there", "--json"];
  const moved = { ...results, experiment: { ...results.experiment, command } };
  deepEqual(fromBundle(toBundle(moved, { completions: false }), "x").experiment.command, ["bench", "--json"]);
});

Deno.test("toBundle() refuses texts that were left out, and questions that cannot stand in one list", () => {
  throws(() => toBundle(withoutTexts(results), { completions: true }), (error) => error instanceof MisuseError);
  const refuse = (change: (answers: readonly Answer[]) => readonly Answer[], pattern: RegExp) =>
    throws(
      () => toBundle(withFirst((cell) => ({ ...cell, answers: change(cell.answers!) })), { completions: false }),
      (error: Error) => {
        match(error.message, pattern);
        return error instanceof FailureError;
      },
    );
  refuse(([first, ...rest]) => [{ ...first!, gold: "7" }, ...rest], /question "q0" is not the same in all cells/);
  refuse((answers) => [...answers, { ...answers[0]!, sample: 2 ** 40 }], /in another order, or twice/);
  refuse((answers) => [...answers, answers[0]!], /grpo seed 0 asks its questions in another order, or twice/);
});

/** The text with a change, its digest made again. */
function resealed(change: (bundle: Record<string, unknown> & Bundle) => void): string {
  const bundle = structuredClone(toBundle(drawn, { completions: true }));
  change(Object(bundle));
  const { digest: _, ...rest } = bundle;
  return JSON.stringify({ ...rest, digest: sha256(canonicalJson(rest)) });
}

const refused = (text: string, pattern: RegExp) =>
  at(text, (path) =>
    rejects(readResults(path), (error: unknown) => {
      ok(error instanceof FailureError, String(error));
      match(error.message, pattern);
      ok(error.message.includes(path));
      return true;
    }));

Deno.test("readBundle() refuses what is cut, foreign, of another version, or not as it was sealed", async () => {
  const text = bundleText(toBundle(drawn, { completions: true }));
  await refused(text.slice(0, -50), /the JSON is malformed/);
  await refused("[]", /must hold a JSON object/);
  await refused("{}", /schemaVersion: /);
  await refused('{"eval_spec":{}}', /schemaVersion: /);
  await refused(
    text.replace("matchbox.bundle", "matchbox.plan"),
    /kind: it is "matchbox\.plan", must be "matchbox\.bundle"/,
  );
  await refused(
    text.replace('"schemaVersion":3,\n', '"schemaVersion":4,\n'),
    /schema version 4, and this Matchbox reads/,
  );
  await refused(text.replace('"schemaVersion":3,\n', '"schemaVersion":2,\n'), /schema version 2 had no such file/);
  await refused(text.replace('"statuses":"cwc"', '"statuses":"ccc"'), /digest does not fit what the bundle says/);
  await refused(text.replace('"gold":"1"', '"gold":"2"'), /digest does not fit/);
  await refused(text.replace('"statuses":"cwc"', '"statuses":"cxc"'), /cells\.0\.statuses: /);
  await refused(text.replace('"completion of grpo 0 0"', '"\\ud800"'), /it has no digest/);
});

Deno.test("fromBundle() refuses parts that do not fit each other, although the whole was sealed again", async () => {
  const first = (bundle: Bundle) => Object(bundle.cells[0]);
  await refused(resealed((bundle) => Object(bundle.plan).profile = "full"), /plan": digest does not fit/);
  await refused(resealed((bundle) => Object(bundle.experiment).plan = sha256("")), /names another plan's digest/);
  await refused(resealed((bundle) => Object(bundle.experiment).cells.pop()), /has 4 cells, its experiment 3/);
  await refused(resealed((bundle) => delete Object(bundle.experiment).metrics), /experiment": metrics: /);
  await refused(
    resealed((bundle) => first(bundle).record.outcome.updates = 9),
    /cells\.0\.record": its outcome does not/,
  );
  await refused(resealed((bundle) => delete first(bundle).record.seed), /cells\.0\.record": seed: /);
  await refused(resealed((bundle) => bundle.cells.reverse()), /grpo seed 0 is not the one/);
  await refused(resealed((bundle) => first(bundle).statuses = "ccc"), /cells\.0": statuses are not those/);
  await refused(resealed((bundle) => first(bundle).statuses = "cw"), /cells\.0": statuses must have 3 letters/);
  await refused(resealed((bundle) => first(bundle).statuses = "wcc"), /cells\.0": its answers do not have the digest/);
  await refused(resealed((bundle) => first(bundle).sampled = ["uuu", "uuc"]), /cells\.0": statuses are not those/);
  await refused(resealed((bundle) => first(bundle).said[0][0].completion = "42"), /its answers do not have the digest/);
  await refused(resealed((bundle) => first(bundle).said.pop()), /cells\.0": said must have a text for each answer/);
  await refused(resealed((bundle) => first(bundle).record = null), /cells\.0": it has answers and has not finished/);
  await refused(resealed((bundle) => bundle.items.push(bundle.items[0]!)), /it has a question twice/);
  await refused(
    resealed((bundle) => {
      const { cells } = Object(bundle.experiment);
      cells[1] = cells[0];
      bundle.cells[1] = bundle.cells[0]!;
    }),
    /has grpo seed 0 twice/,
  );
});

Deno.test("bundle.schema.json takes a bundle, also one that holds what older versions stored", async () => {
  const ajv = new Ajv2020({ validateFormats: false, allowUnionTypes: true });
  const schema = new URL("../../results/schema/bundle.schema.json", import.meta.url);
  const validate = ajv.compile(JSON.parse(Deno.readTextFileSync(schema)));
  const take = (of: Results, completions: boolean) =>
    equal(validate(JSON.parse(bundleText(toBundle(of, { completions })))), true, JSON.stringify(validate.errors));
  take(drawn, true);
  take(drawn, false);
  for (const version of [1, 2]) {
    take(await readResults(new URL(`../fixtures/records-v${version}`, import.meta.url).pathname), true);
  }
  equal(validate({ ...toBundle(drawn, { completions: true }), surprise: 1 }), false);
});
