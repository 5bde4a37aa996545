// Each format against the rules of the tool that reads it: its own schema, its own reader's steps, its own bytes.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { sha256 } from "../../harness/base/digest.ts";
import { findForeign, readForeign } from "../../harness/records/foreign/read_foreign.ts";
import { cellScalars } from "../../harness/report/exports/cell_scalars.ts";
import { csv } from "../../harness/report/exports/csv.ts";
import { crc32c, eventFile } from "../../harness/report/exports/event_file.ts";
import { everyEvalEver } from "../../harness/report/exports/every_eval_ever.ts";
import { hfEvalResults } from "../../harness/report/exports/hf_eval_results.ts";
import { jsonl } from "../../harness/report/exports/jsonl.ts";
import { lmEval } from "../../harness/report/exports/lm_eval.ts";
import { tensorboard } from "../../harness/report/exports/tensorboard.ts";
import { trackio } from "../../harness/report/exports/trackio.ts";
import { exported, exportedResults, filesOf, hostile, parseCsv, textsOf } from "./exported.ts";

const lines = (text = "") => text.trimEnd().split("\n").map((line) => JSON.parse(line));
const first = "grpo/seed-0", finished = [first, "memory-r+,k=3/seed-0", "memory-r+,k=3/seed-1"];

/** The source without what the completions say, as baselines hold it. */
function withoutTexts() {
  const results = exportedResults();
  const bare = results.cells.map((cell) => ({
    ...cell,
    answers: cell.answers && cell.answers.map((answer) => ({ ...answer, said: null })),
  }));
  return exported({ ...results, cells: bare });
}

Deno.test("csv has a row a cell, unfinished ones too, a row an evaluation, and a meaning for every column", () => {
  const texts = textsOf(csv), table = (name: string) => parseCsv(texts.get(name) ?? "");
  const [header, ...cells] = table("cells.csv"), [names, ...evaluations] = table("evaluations.csv");
  deepEqual(cells.map((row) => row.slice(0, 3).join(" ")), [
    "grpo 0 finished",
    "grpo 1 failed",
    "memory-r+:k=3 0 finished",
    "memory-r+:k=3 1 finished",
  ]);
  const column = (name: string) => cells.map((row) => row[header!.indexOf(name)]);
  deepEqual(column("accuracy_after"), ["0.5", "", "0.6666666666666666", "0.6666666666666666"]);
  deepEqual(column("failure"), ["", "'=cmd|' /C calc'!A0", "", ""]);
  equal(evaluations.length, 3 * 5);
  deepEqual(names?.slice(-2), ["reward_correctness", "reward_format"]);
  deepEqual(table("columns.csv").slice(1).map(([file, name]) => `${file} ${name}`), [
    ...header!.map((name) => `cells.csv ${name}`),
    ...names!.map((name) => `evaluations.csv ${name}`),
  ]);
  for (const row of [...cells, ...evaluations]) ok(row.length === header!.length || row.length === names!.length);
});

Deno.test("jsonl has a line a completion with its cell, hostile texts as they are, and null where they were not kept", () => {
  const rows = lines(textsOf(jsonl).get("samples.jsonl"));
  equal(rows.length, 3 * 6 * 3);
  const { task, policy, arm, seed, id, sample, status, correct, question, completion } = rows[3];
  deepEqual([task, policy, arm, seed, id, sample, status, correct], [
    ...["arithmetic", "embedded", "grpo", 0],
    ...["q1", 0, "wrong", false],
  ]);
  deepEqual([question, completion], [`${hostile[1]}?`, `${hostile[1]} said`]);
  const bare = lines(textsOf(jsonl, withoutTexts()).get("samples.jsonl"));
  deepEqual([bare[3].status, bare[3].completion, bare[3].rewards], ["wrong", null, null]);
});

Deno.test("every-eval-ever is valid by the schemas of its version 0.3.0, and its two files fit", () => {
  const read = (name: string) =>
    JSON.parse(Deno.readTextFileSync(new URL(`../fixtures/every_eval_ever/${name}`, import.meta.url)));
  const ajv = new Ajv({ strict: false, allErrors: true });
  const aggregate = ajv.compile(read("eval.schema.json")), row = ajv.compile(read("instance_level_eval.schema.json"));
  for (const source of [exported(), withoutTexts()]) {
    const texts = textsOf(everyEvalEver, source), records = [...texts].filter(([path]) => path.endsWith(".json"));
    equal(records.length, finished.length);
    equal(texts.size, source.cells[0]!.answers![0]!.said ? 2 * records.length : records.length);
    for (const [path, text] of records) {
      const record = JSON.parse(text);
      equal(aggregate(record), true, JSON.stringify(aggregate.errors));
      // data/<collection>/<developer>/<model>/<uuid>.json, as the datastore's validator wants it
      const [data, collection, ...model] = path.split("/").slice(0, -1);
      deepEqual([data, collection, model.join("/")], ["data", "matchbox_arithmetic", record.model_info.id]);
      const [accuracy, pass] = record.evaluation_results;
      deepEqual([accuracy.evaluation_result_id, pass.evaluation_result_id], ["accuracy", "pass_at_k"]);
      const details = record.detailed_evaluation_results;
      if (!details) continue;
      const samples = texts.get(path.replace(".json", "_samples.jsonl")) ?? "", rows = lines(samples);
      deepEqual([details.file_path, details.checksum, details.total_rows], [
        path.replace(".json", "_samples.jsonl"),
        sha256(samples),
        rows.length,
      ]);
      for (const one of rows) {
        equal(row(one), true, JSON.stringify(row.errors));
        deepEqual([one.evaluation_id, one.model_id], [record.evaluation_id, record.model_info.id]);
      }
      const scores = rows.filter((one) => one.evaluation_result_id === "accuracy").map((one) => one.evaluation.score);
      equal(scores.reduce((sum, score) => sum + score, 0) / scores.length, accuracy.score_details.score);
    }
  }
  equal(aggregate({ schema_version: "0.3.0" }), false); // the schema does refuse
});

Deno.test("hf-eval-results has the fields that the Hub documents, as texts where it wants texts", () => {
  const texts = textsOf(hfEvalResults);
  deepEqual(
    [...texts.keys()],
    finished.flatMap((cell) => [
      `${cell}/.eval_results/owner_name.yaml`,
      `${cell}/.eval_results/owner_name_sampled.yaml`,
    ]),
  );
  for (const version of ["1.1", "1.2"] as const) { // PyYAML reads 1.1, where no and dates are no texts
    const [entry, ...more] = parse(texts.get(`${first}/.eval_results/owner_name.yaml`)!, { version });
    deepEqual([more.length, entry.dataset, entry.value], [0, { id: "owner/name", task_id: "no" }, 50]);
    equal(entry.date, "2026-01-02T03:04:08.678Z");
    match(entry.notes, /^greedy, 6 questions of arithmetic version 1; arm grpo, seed 0; Matchbox$/);
  }
});

Deno.test("lm-eval has the fields of a sample, and means that its samples give", () => {
  const texts = textsOf(lmEval), [place, name] = [...texts.keys()];
  equal(place, `${first}/results_2026-01-02T03-04-08.678.json`);
  equal(name, `${first}/samples_arithmetic_2026-01-02T03-04-08.678.jsonl`);
  const { results, model_name } = JSON.parse(texts.get(place!)!), rows = lines(texts.get(name!));
  const mean = (filter: string) => {
    const scores = rows.filter((row) => row.filter === filter).map((row) => row.exact_match);
    return scores.reduce((sum, score) => sum + score, 0) / scores.length;
  };
  equal(model_name, "embedded/grpo/seed-0");
  for (const filter of ["none", "sample-1", "sample-2"]) {
    equal(results.arithmetic[`exact_match,${filter}`], mean(filter));
  }
  // standard deviation of three ones and three zeros, with n - 1, divided by the root of n
  ok(Math.abs(results.arithmetic["exact_match_stderr,none"] - Math.sqrt(0.3 / 6)) < 1e-12);
  equal(results.arithmetic["pass@2,samples"], 0);
  const { doc_id, doc, resps, filtered_resps, target, metrics } = rows[3];
  deepEqual([doc_id, doc.id, target, resps, filtered_resps, metrics], [
    ...[1, "q1", "1"],
    ...[[[`${hostile[1]} said`]], ["1"], ["exact_match"]],
  ]);
  equal(textsOf(lmEval, withoutTexts()).size, finished.length); // results alone
});

Deno.test("lm-eval is read by the reader of lm-evaluation-harness samples, which pairs two cells", async () => {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, bytes] of filesOf(lmEval)) {
      await Deno.mkdir(join(root, path, ".."), { recursive: true });
      await Deno.writeFile(join(root, path), bytes);
    }
    const read = async (cell: string) => {
      const found = findForeign(join(root, cell));
      ok(found?.tool === "lm-evaluation-harness");
      return (await readForeign(cell, found, "exact_match,none")).tasks[0]!;
    };
    const [a, b] = [await read(finished[0]!), await read(finished[1]!)];
    equal(a.task, "arithmetic");
    deepEqual(a.items.map(({ scores }) => [...scores]), [[1], [0], [0], [1], [0], [1]]);
    deepEqual(b.items.map(({ scores }) => [...scores]), [[1], [1], [0], [1], [0], [1]]);
    deepEqual(
      a.items.map(({ id, question, prompt }) => [id, question, prompt]),
      b.items.map(({ id, question, prompt }) => [id, question, prompt]),
    );
    equal(new Set(a.items.map(({ question }) => question)).size, 6);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("cellScalars() orders steps and evaluations by time: the beginning and the steps' seconds, nothing else", () => {
  const rows = cellScalars(exported().cells[0]!), start = Date.parse("2026-01-02T03:04:05.678Z") / 1000;
  deepEqual(rows.map(({ step, seconds }) => [step, Math.round(1000 * (seconds - start)) / 1000]), [
    ...[[0, 0], [0, 0]],
    ...[[1, 2], [2, 4], [10, 6]],
    ...[[10, 6], [10, 6], [10, 6]],
  ]);
  deepEqual(rows.map(({ scalars }) => scalars["train/loss"] ?? scalars["test/greedy/accuracy"] ?? null), [
    ...[null, 0, 0.1, 0.2, 1],
    ...[null, 0.5, null],
  ]);
  equal("train/kl" in rows[2]!.scalars, false); // null is no number
});

Deno.test("trackio files survive what import_csv does to columns, and columns.csv says what they stand for", () => {
  const texts = textsOf(trackio), legend = parseCsv(texts.get("columns.csv")!).slice(1);
  deepEqual([...texts.keys()].slice(1), finished.map((cell) => `${cell}/${cell.replace("/", "-")}.csv`));
  const [header, ...rows] = parseCsv(texts.get(`${first}/grpo-seed-0.csv`)!);
  deepEqual(header, ["step", "timestamp", ...legend.map(([column]) => column!)]);
  // trackio.utils.simplify_column_names: letters, digits and slashes, the first ten of them, then made unique
  const simplified = header!.map((name) => name.replaceAll(/[^a-zA-Z0-9/]/g, "").slice(0, 10));
  deepEqual(simplified, header);
  equal(new Set(simplified).size, simplified.length);
  const loss = header!.indexOf(legend.find(([, tag]) => tag === "train/loss")![0]!);
  deepEqual(rows.map((row) => row[loss]), ["", "", "0.1", "0.2", "1", "", "", ""]);
  deepEqual(rows.map(([step]) => step), ["0", "0", "1", "2", "10", "10", "10", "10"]);
  equal(rows[2]![1], "2026-01-02T03:04:07.678Z");
  for (const value of rows.flatMap((row) => row.slice(2))) ok(value === "" || Number.isFinite(Number(value)), value);
});

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("crc32c() has the checksums of RFC 3720, B.4", () => {
  equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

Deno.test("eventFile() writes the bytes that TensorBoard 2.21's own writer writes", () => {
  const row = { step: 300, seconds: 2.25, scalars: { "train/loss": 0.5, "größe": -0.1 } };
  equal(
    hex(eventFile(1.5, [row])),
    "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c31000000000000009d8383e9090000" +
      "00000000024010ac022a230a110a0a747261696e2f6c6f7373150000003f0a0e0a076772c3b6c39f6515cdccccbdc859c920",
  );
});

Deno.test("tensorboard has an event file a cell, each record whole", () => {
  const files = filesOf(tensorboard);
  deepEqual([...files.keys()], finished.map((cell) => `${cell}/events.out.tfevents.1767323045.matchbox`));
  for (const bytes of files.values()) {
    const view = new DataView(bytes.buffer);
    let at = 0, records = 0;
    for (; at < bytes.length; records++) at += 16 + Number(view.getBigUint64(at, true));
    deepEqual([at, records], [bytes.length, 1 + 8]);
  }
});
