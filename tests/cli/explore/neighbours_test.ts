// neighbours: a checkpoint with memories that were filled here, looked into by id, by a remembered text and by another.

import { equal, match, rejects, throws } from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { neighbourRequest, neighboursText } from "../../../harness/cli/explore/neighbours.ts";
import { QuestionEmbedder } from "../../../harness/cli/explore/question_embedder.ts";
import { EpisodicMemory } from "../../../harness/memory/episodic_memory.ts";
import { hashingEmbedder } from "../../../harness/memory/hashing_embedder.ts";
import type { Results } from "../../../harness/records/results.ts";
import { writeCheckpoint } from "../../../harness/rl/checkpoint.ts";
import { studyOf } from "../../../harness/stats/study.ts";
import { fakeResults } from "../../fakes/results.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => rmSync(folder, { recursive: true }));
const embedder = hashingEmbedder();

/** grpo without a memory, memory-r+ with one by hashing. */
function made(): Results {
  const plain = fakeResults({ scores: { "grpo": [[1, 0]], "memory-r+": [[1, 1]] } });
  const cells = plain.cells.map((cell) => {
    const { record } = cell;
    if (cell.entry.arm === "grpo" || !record?.outcome) return cell;
    const config = { ...record.config, memory: { ...record.config["memory"], embedder: "hashing" } };
    return { ...cell, record: { ...record, config, outcome: { ...record.outcome, embedder: embedder.identity } } };
  });
  return { ...plain, origin: folder, cells };
}

const keys = ["How many apples has Ann?", "How many pears has Bob?", "Something else \x1b[31mentirely\u202e 123"];
const memory = (values: number) => {
  const filled = new EpisodicMemory(embedder.identity.dimensions, { keys: 9, values: 9, exactKeys: 9 });
  return embedder.embed(keys).then((vectors) => {
    vectors.forEach((vector, i) => filled.insert(keys[i] ?? "", vector, vectors.slice(0, values)));
    return filled.save();
  });
};
await writeCheckpoint(join(folder, "memory-r+/seed-0/checkpoints"), 10, {
  "weights": new Uint8Array(8),
  "arm.memory.success": await memory(1),
  "arm.memory.failure": await memory(3),
});
await writeCheckpoint(join(folder, "grpo/seed-0/checkpoints"), 10, { "weights": new Uint8Array(8) });

const results = made(), exploration = { results, study: studyOf(results) }, questions = new QuestionEmbedder();
const ask = (...words: string[]) =>
  neighboursText(exploration, neighbourRequest(words), (record, text) => questions.embed(record, text));

Deno.test("neighboursText() lists the nearest remembered questions of each memory", async () => {
  const text = await ask("How many apples has Anna?", "memory-r+", "0");
  match(
    text,
    /^Memory of memory-r\+ seed 0 after 10 updates, near\n {2}How many apples has Anna\?\nwhich is not remembered/,
  );
  match(text, /^success: 3 questions, 3 completions$/m);
  match(text, /^failure: 3 questions, 9 completions$/m);
  const rows = text.split("\n").filter((line) => / 0\.\d{5} /.test(line));
  equal(rows.length, 6);
  match(rows[0] ?? "", /^ {2}How many apples has Ann\? +0\.\d{5} +1 +1\.000$/);
  match(rows[5] ?? "", /^ {2}Something else \\x1b\[31mentirely\\u\{202e\} 123 +/);
  const counted = await ask("How many apples has Anna?", "count=1");
  equal(counted.split("\n").filter((line) => / 0\.\d{5} /.test(line)).length, 2);
});

Deno.test("neighboursText() of a remembered question needs no embedder", async () => {
  const never = () => Promise.reject(new Error("Cannot embed in this test"));
  const text = await neighboursText(exploration, neighbourRequest([keys[1] ?? "", "memory-r+"]), never);
  match(text, /which is remembered itself/);
  match(text, /^ {2}How many pears has Bob\? +1\.00000/m);
});

Deno.test("neighboursText() takes the id of a test question for the question", async () => {
  match(await ask("q1"), /near\n {2}question 1\n/);
});

Deno.test("neighboursText() says where there is no memory, no checkpoint, or another embedder", async () => {
  await rejects(
    ask("q1", "grpo"),
    /MisuseError: Cannot look into the memory of grpo seed 0: this arm remembers no questions/,
  );
  const elsewhere = { ...results, origin: join(folder, "bundle.json") };
  await rejects(
    neighboursText({ ...exploration, results: elsewhere }, neighbourRequest(["q1"]), () => Promise.reject(new Error())),
    /FailureError: .*its checkpoints are not kept here/,
  );
  const cells = results.cells.map((cell) => {
    const { record } = cell;
    if (!record?.outcome?.embedder) return cell;
    const other = { ...record.outcome.embedder, digest: "0".repeat(64) };
    return { ...cell, record: { ...record, outcome: { ...record.outcome, embedder: other } } };
  });
  await rejects(
    neighboursText(
      { ...exploration, results: { ...results, cells } },
      neighbourRequest(["q1"]),
      (record, text) => questions.embed(record, text),
    ),
    /FailureError: Cannot embed the question: the cell used embedder "hashing" with another digest/,
  );
});

Deno.test("neighboursText() passes over a damaged checkpoint and says so", async () => {
  const checkpoints = join(folder, "memory-r+/seed-0/checkpoints"),
    damaged = join(checkpoints, "step-000020.checkpoint");
  mkdirSync(checkpoints, { recursive: true });
  await Deno.writeTextFile(damaged, "no checkpoint");
  try {
    match(await ask("q1"), /^Cannot read ".*step-000020\.checkpoint".*\nMemory of memory-r\+ seed 0 after 10 updates/);
  } finally {
    rmSync(damaged);
  }
});

Deno.test("neighbourRequest() reads question, arm, seed and count in any order after the question", () => {
  const { arm, seed, count } = neighbourRequest(["a b", "3", "count=7", "memory-r"]);
  equal(`${arm} ${seed} ${count}`, "memory-r 3 7");
  throws(() => neighbourRequest([]), /MisuseError: Cannot search a memory: no question is given/);
  throws(() => neighbourRequest(["How", "many", "apples"]), /"apples" is one word too many/);
  throws(() => neighbourRequest(["x", "count=0"]), /Cannot use count "0"/);
});
