// Timeouts: in records only where they occurred, through a bundle and back, and apart in what people read.

import { deepEqual, equal, match } from "node:assert/strict";
import { evaluationSchema } from "../../harness/records/schema.ts";
import { fromBundle, toBundle } from "../../harness/records/bundle.ts";
import { statusCounts } from "../../harness/records/status_counts.ts";
import { pageAssets } from "../../harness/report/page_assets.ts";
import { pageText } from "../../harness/report/page.ts";
import { studyOf } from "../../harness/stats/study.ts";
import { fakeEvaluation } from "../fakes/records.ts";
import { fakeResults } from "../fakes/results.ts";
import { sha256 } from "../../harness/base/digest.ts";
import { sampleLines } from "../../harness/records/bundle.ts";
import type { Results } from "../../harness/records/results.ts";
import { outcomeDigest } from "../../harness/records/store.ts";

Deno.test("statusCounts() counts every status, and names timeouts only where there are some", () => {
  const none = { correct: 1, wrong: 2, unparseable: 0, truncated: 0 };
  deepEqual(statusCounts(["wrong", "correct", "wrong"]), none);
  deepEqual(statusCounts(["wrong", "timeout", "correct", "wrong"]), { ...none, timeout: 1 });
});

Deno.test("an evaluation takes a count of timeouts, and refuses one of none", () => {
  const evaluation = fakeEvaluation(10, 1, 2),
    parse = (statuses: object) => evaluationSchema.safeParse({ ...evaluation, statuses });
  const counts = { correct: 1, wrong: 0, unparseable: 0, truncated: 0 };
  equal(parse(counts).success, true);
  equal(parse({ ...counts, timeout: 1 }).success, true);
  for (const timeout of [0, -1, 0.5, undefined]) equal(parse({ ...counts, timeout }).success, false, `${timeout}`);
});

/** Results in which every wrong answer was left undecided. */
function undecided(): Results {
  const results = fakeResults({ scores: { grpo: [[1, 0, 1], [0, 0, 0]], rloo: [[1, 1, 1], [0, 1, 0]] } });
  const cells = results.cells.map((cell) => {
    const record = cell.record!, outcome = record.outcome!;
    const answers = cell.answers!.map((one) => one.status === "wrong" ? { ...one, status: "timeout" as const } : one);
    const last = outcome.evaluations.findLastIndex(({ split, mode }) => split === "test" && mode === "greedy");
    const statuses = statusCounts(answers.map(({ status }) => status));
    const evaluations = outcome.evaluations.map((one, i) => i === last ? { ...one, statuses } : one);
    const changed = { ...outcome, evaluations, samples: sha256(sampleLines(answers)) }, digest = outcomeDigest(changed);
    return { ...cell, answers, record: { ...record, outcome: changed, digest }, entry: { ...cell.entry, digest } };
  });
  return { ...results, cells, experiment: { ...results.experiment, cells: cells.map(({ entry }) => entry) } };
}

Deno.test("a bundle keeps timeouts as a letter of their own", () => {
  const results = undecided(), bundle = toBundle(results, { completions: true });
  deepEqual(bundle.cells.map(({ statuses }) => statuses), ["coc", "ooo", "ccc", "oco"]);
  deepEqual(fromBundle(bundle, results.origin), results);
});

Deno.test("timeouts count as wrong, and are shown apart where there are some", async () => {
  const results = undecided(), assets = await pageAssets();
  const plain = fakeResults({ scores: { grpo: [[1, 0, 1], [0, 0, 0]], rloo: [[1, 1, 1], [0, 1, 0]] } });
  const [grpo] = studyOf(results).arms;
  equal(grpo?.score?.value, studyOf(plain).arms[0]?.score?.value);
  deepEqual(grpo?.statuses, { correct: 2 / 6, wrong: 0, unparseable: 0, truncated: 0, timeout: 4 / 6 });
  match(pageText([results], assets), /algebra left undecided; they count as wrong[^]*<option value="o">/);
  equal(/algebra left undecided|<option value="o">/.test(pageText([plain], assets)), false);
});
