// The fixtures are in the tools' formats and made for these tests: see tests/fixtures/foreign/README.md.

import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { ForeignSamples } from "../../harness/records/foreign/foreign_samples.ts";
import { findForeign, readForeign } from "../../harness/records/foreign/read_foreign.ts";
import { taskOfFile } from "../../harness/records/foreign/read_lm_eval.ts";
import { root } from "../sources.ts";

const at = (name: string) => fileURLToPath(new URL(`tests/fixtures/foreign/${name}`, root));
const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

function read(path: string, metric: string | null = null): Promise<ForeignSamples> {
  const found = findForeign(path);
  if (!found) throw new Error(`"${path}" is of no other tool`);
  return readForeign(path, found, metric);
}

async function write(name: string, text: string): Promise<string> {
  await Deno.writeTextFile(join(folder, name), text);
  return join(folder, name);
}

const line = (fields: Record<string, unknown>) => JSON.stringify({ doc_id: 0, ...fields }) + "\n";

Deno.test("readLmEval() reads the score of a filter, by document", async () => {
  const { tool, tasks: [task], notes } = await read(at("lm_eval_new"), "exact_match,strict-match");
  deepEqual([tool, task?.task, task?.metric, notes], [
    "lm-evaluation-harness",
    "gsm8k",
    "exact_match,strict-match",
    [],
  ]);
  deepEqual(task!.items.map(({ id }) => id), Array.from({ length: 16 }, (_, i) => String(i)));
  deepEqual(task!.items.map(({ scores }) => scores[0]), [...Array(10).fill(0), ...Array(5).fill(1), 0]);
  equal(task!.items.every(({ question, prompt }) => question?.length === 64 && prompt?.length === 64), true);
});

Deno.test("readLmEval() refuses to guess among scores, and lists them", async () => {
  await rejects(read(at("lm_eval_new")), (error: Error) => {
    match(error.message, /several scores … .*: exact_match,flexible-extract, exact_match,strict-match$/);
    return error instanceof MisuseError;
  });
  await rejects(read(at("lm_eval_new"), "acc"), /no such score … it has exact_match,flexible-extract, exact_match,str/);
});

Deno.test("readLmEval() reads older files without filter, hashes and names of metrics, and says what that means", async () => {
  const old = line({ doc: { question: "q" }, target: "4", resps: [["4"]], acc: 1 }) + line({ doc_id: 1, acc: NaN });
  const { tasks: [task], notes } = await read(await write("mine.jsonl", old));
  deepEqual([task?.task, task?.metric], [null, "acc,none"]);
  deepEqual(task?.items.map(({ id, question, scores }) => [id, question, scores[0]]), [["0", null, 1], [
    "1",
    null,
    NaN,
  ]]);
  match(notes.join(), /no hashes: that the questions are the same is taken on trust/);
  equal((await read(join(folder, "mine.jsonl"), "acc")).tasks[0]?.metric, "acc,none");
});

Deno.test("readLmEval() takes Python's NaN for no score, and leaves the word alone in a text", async () => {
  const text = `{"doc_id": 0, "target": "NaN, \\" NaN -Infinity", "metrics": ["acc"], "acc": NaN}\n` +
    `{"doc_id": 1, "target": "1", "metrics": ["acc"], "acc": 0.5}\n`;
  const { tasks: [task] } = await read(await write("nan.jsonl", text));
  deepEqual(task?.items.map(({ scores }) => scores[0]), [NaN, 0.5]);
});

Deno.test("readLmEval() refuses what is damaged, doubled, no share, or better when less", async () => {
  const cases: [string, RegExp, typeof FailureError | typeof MisuseError][] = [
    ["", /it has no samples/, FailureError],
    [line({ acc: 1 }) + "{", /line 2": the JSON is malformed/, FailureError],
    [line({ doc_id: null, acc: 1 }), /line 1": doc_id/, FailureError],
    [line({ acc: 1 }) + line({ acc: 0 }), /sample "0" comes twice/, FailureError],
    [line({ bleu: 31.5 }), /"0" of .* has 31\.5, no share from 0 to 1/, MisuseError],
    [line({ brier_score: 0.5 }), /brier_score,none: less of it is better/, MisuseError],
    [line({ resps: [] }), /no sample has a score/, MisuseError],
  ];
  for (const [i, [text, message, kind]] of cases.entries()) {
    await rejects(read(await write(`bad-${i}.jsonl`, text)), (error: Error) => {
      match(error.message, message);
      return error instanceof kind;
    });
  }
});

Deno.test("readLmEval() takes files of one task for its runs, and refuses another question under the same id", async () => {
  const runs = join(folder, "runs");
  await Deno.mkdir(runs);
  const name = (task: string, day: number) => join(runs, `samples_${task}_2026-01-0${day}T01-02-03.jsonl`);
  await Deno.writeTextFile(name("a_b", 1), line({ acc: 1, doc_hash: "x" }));
  await Deno.writeTextFile(
    name("a_b", 2),
    line({ acc: 0, doc_hash: "x" }) + line({ doc_id: 1, acc: 1, doc_hash: "y" }),
  );
  await Deno.writeTextFile(name("c", 1), line({ acc: 1, doc_hash: "z" }));
  const { tasks } = await read(runs);
  deepEqual(tasks.map(({ task, runs }) => [task, runs.length]), [["a_b", 2], ["c", 1]]);
  deepEqual(tasks[0]?.items.map(({ scores }) => [...scores]), [[1, 0], [NaN, 1]]);
  await Deno.writeTextFile(name("a_b", 3), line({ acc: 0, doc_hash: "other" }));
  await rejects(read(runs), /sample "0" is another question than in/);
  equal(taskOfFile("x/samples_gsm8k.jsonl"), "gsm8k");
  equal(taskOfFile("x/gsm8k.jsonl"), null);
});

Deno.test("readInspect() reads letters as scores, epochs as runs, and an error as no score", async () => {
  const { made, tasks: [task], notes } = await read(at("inspect_new.json"));
  deepEqual([made, task?.task, task?.metric, task?.runs.length, notes], [
    "inspect_ai 0.3.104, mockllm/inspect_new",
    "sums",
    "match",
    2,
    [],
  ]);
  deepEqual(task!.items.map(({ scores }) => scores[0]), [...Array(9).fill(0), 1, 1, NaN]);
  deepEqual(task!.items.map(({ scores }) => scores[1]), [...Array(8).fill(0), 1, 1, 1, 1]);
});

Deno.test("readInspect() reads numbers, booleans, words and objects of them", async () => {
  const sample = (id: number, values: Record<string, unknown>) => ({
    id,
    epoch: 1,
    input: "q",
    target: "t",
    scores: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }])),
  });
  const log = {
    version: 2,
    status: "cancelled",
    eval: { task: "t" },
    samples: [
      sample(1, { plain: "P", rubric: { tone: 0.25, facts: true }, list: [1] }),
      sample(2, { plain: "yes", rubric: { tone: "0.75", facts: false } }),
      sample(3, { plain: "N", rubric: { tone: "", facts: null } }),
      sample(4, { rubric: {} }),
    ],
  };
  const path = await write("values.json", JSON.stringify(log));
  const scores = async (metric: string) => (await read(path, metric)).tasks[0]!.items.map((item) => item.scores[0]);
  deepEqual(await scores("plain"), [0.5, 1, 0, NaN]);
  deepEqual(await scores("rubric.tone"), [0.25, 0.75, NaN, NaN]);
  deepEqual(await scores("rubric.facts"), [1, 0, NaN, NaN]);
  await rejects(read(path), /several scores … choose with --metric: plain, rubric\.facts, rubric\.tone$/);
  match((await read(path, "plain")).notes.join(), /ended with status "cancelled"/);
});

Deno.test("readInspect() refuses a log without samples, and the zipped format with the way out", async () => {
  const empty = await write("empty.json", JSON.stringify({ status: "success", eval: { task: "t" } }));
  await rejects(read(empty), /the log holds no samples/);
  throws(() => findForeign(Deno.makeTempFileSync({ dir: folder, suffix: ".eval" })), /inspect log convert --to json/);
});

Deno.test("findForeign() leaves files of Matchbox, and what is not there, to others", async () => {
  equal(findForeign(join(folder, "nowhere")), null);
  equal(findForeign(await write("bundle.json", `{"kind":"matchbox.bundle","status":1,"eval":{}}`)), null);
  equal(findForeign(await write("other.txt", "")), null);
  const results = join(folder, "results");
  await Deno.mkdir(results);
  await Deno.writeTextFile(join(results, "experiment.json"), "{}");
  await Deno.writeTextFile(join(results, "samples_x.jsonl"), "");
  equal(findForeign(results), null);
});
