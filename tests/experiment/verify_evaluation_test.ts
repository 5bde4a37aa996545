// A small real evaluation is made once; every test forges one thing in a copy of it, and makes anew whatever digests and
// measures a forger would make anew: verify() must name the file.

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { planEvaluation } from "../../harness/experiment/evaluation_plan.ts";
import { questionsOf, runEvaluation } from "../../harness/experiment/run_evaluation.ts";
import { verify, type VerifyOptions } from "../../harness/experiment/verify.ts";
import {
  evaluationDigest,
  evaluationLine,
  type EvaluationSample,
  type MatchboxEvaluation,
  readEvaluation,
  readEvaluationSamples,
  samplesDigest,
} from "../../harness/records/evaluation_record.ts";
import { recordText } from "../../harness/records/store.ts";
import { measuresOf } from "../../harness/stats/evaluation_measures.ts";
import { arithmetic } from "../../tasks/arithmetic.ts";
import { makeRandomPolicy } from "../rl/length_task.ts";

const parent = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));
const policy = join(parent, "policy"),
  shipped = (name: string) => fileURLToPath(new URL(`../../harness/model/${name}/`, import.meta.url));
cpSync(shipped("embedded"), policy, { recursive: true });

const sizes = { items: 4, samples: 3, maxTokens: 40, threads: 1 };
const asking = { task: "arithmetic", level: 1, policy, shots: 1, temperature: 0.7, topK: 20, seed: 5, ...sizes };
const original = join(parent, "original");
equal((await runEvaluation(await planEvaluation({ ...asking, out: original }))).record.status, "finished");

let copies = 0;
function copy(): string {
  const folder = join(parent, `copy-${copies++}`);
  cpSync(original, folder, { recursive: true });
  return folder;
}

const inRecord = (folder: string) => join(folder, "evaluation.json");
const inSamples = (folder: string) => join(folder, "samples.jsonl");

/** "place: what" of the checks in that state; no replay unless it is asked for. */
async function found(state: string, folder: string, options: VerifyOptions = {}): Promise<string[]> {
  const items = await verify(folder, { replay: 0, ...options });
  return items.filter((item) => item.state === state).map(({ place, what }) => `${place}: ${what}`);
}
const failures = (folder: string, options?: VerifyOptions) => found("failed", folder, options);

type Samples = readonly EvaluationSample[];

/** A copy with other samples and all that follows from them, measures included where they can be made. */
async function forgedSamples(change: (samples: Samples) => Samples, measured = true): Promise<string> {
  const folder = copy(), samples = change((await readEvaluationSamples(inSamples(folder))).records);
  writeFileSync(inSamples(folder), samples.map(evaluationLine).join(""));
  const options = { correctness: arithmetic.rewards[0]!, maxTokens: sizes.maxTokens };
  await forge(folder, (record) => ({
    ...record,
    outcome: {
      samples: samplesDigest(samples),
      measures: measured ? measuresOf(questionsOf(arithmetic, samples), options) : record.outcome!.measures,
    },
  }));
  return folder;
}

/** Changes one line; line 0 is the greedy one of the first question. */
const forgedLine = (line: number, change: (sample: EvaluationSample) => Partial<EvaluationSample>, measured = true) =>
  forgedSamples((all) => all.map((one, i) => i === line ? { ...one, ...change(one) } : one), measured);

async function forge(folder: string, change: (record: MatchboxEvaluation) => MatchboxEvaluation): Promise<string> {
  const forged = change(await readEvaluation(inRecord(folder)));
  writeFileSync(inRecord(folder), recordText({ ...forged, digest: evaluationDigest(forged) }));
  return folder;
}

const forgedAsked = (change: Partial<MatchboxEvaluation["asked"]>) =>
  forge(copy(), (record) => ({ ...record, asked: { ...record.asked, ...change } }));

Deno.test("verify() finds nothing wrong with an evaluation, and asks as many questions again as it is told", async () => {
  const items = await verify(original);
  deepEqual(items.filter(({ state }) => state !== "ok"), []);
  const again = { place: "samples.jsonl", state: "ok", reasons: [] };
  deepEqual(items.at(-1), { ...again, what: "replay: the first question" });
  equal(items.length, 13);
  deepEqual((await verify(original, { replay: 9 })).at(-1), { ...again, what: "replay: the first 4 questions" });
  deepEqual(await found("ok", original), items.slice(0, -1).map(({ place, what }) => `${place}: ${what}`));
});

Deno.test("verify() finds nothing wrong where the folder holds more than was asked for", async () => {
  const folder = copy(), fewer = { ...asking, items: 2, samples: 1, out: folder };
  equal((await runEvaluation(await planEvaluation(fewer))).record.outcome?.measures.greedy.completions, 2);
  deepEqual(await found("ok", folder), await found("ok", original));
});

Deno.test("verify() takes the digests of an evaluation and of its samples again", async () => {
  const record = copy(), samples = copy();
  const text = readFileSync(inRecord(record), "utf8");
  writeFileSync(inRecord(record), text.replace('"seed": 5', '"seed": 6'));
  deepEqual(await failures(record), ["evaluation.json: digest"]);
  writeFileSync(inRecord(record), text.replace('"seed": 5', '"seed": "five"'));
  deepEqual(await failures(record), ["evaluation.json: digest"]);
  const lines = readFileSync(inSamples(samples), "utf8");
  writeFileSync(inSamples(samples), lines.replace(/"logProbability":[^,]+/, '"logProbability":-1.5'));
  deepEqual(await failures(samples), ["samples.jsonl: digest"]);
  for (const change of [lines.replace("{", "{ "), lines + "\n", lines.replace('"tokens"', '"tokenz"'), lines.trim()]) {
    writeFileSync(inSamples(samples), change);
    deepEqual(await failures(samples), ["samples.jsonl: lines"]);
  }
  writeFileSync(inSamples(samples), lines.replace('"completion":"', '"completion":"\\ud800'));
  deepEqual(await failures(samples), ["samples.jsonl: lines"]);
  rmSync(inSamples(samples));
  deepEqual(await failures(samples), ["samples.jsonl: lines"]);
});

Deno.test("verify() names a changed grade, whatever was made anew beside it", async () => {
  const flipped = ({ status }: EvaluationSample) =>
    ({ status: status === "correct" ? "wrong" : "correct" }) as const satisfies Partial<EvaluationSample>;
  const folder = await forgedLine(13, flipped);
  ok((await failures(folder)).includes("samples.jsonl: grades"));
  ok(!(await failures(folder)).includes("evaluation.json: measures"));
  ok((await failures(await forgedLine(13, flipped, false))).includes("evaluation.json: measures"));
  const rewarded = await forgedLine(2, ({ rewards }) => ({ rewards: { ...rewards, correctness: 0.25 } }));
  deepEqual(await failures(rewarded), ["samples.jsonl: grades"]);
  const lacking = await forgedLine(2, () => ({ rewards: {} }), false);
  deepEqual(await failures(lacking), ["samples.jsonl: grades", "evaluation.json: measures"]);
});

Deno.test("verify() shows by the replay a text or a probability that was changed with everything beside it", async () => {
  const replayed = "samples.jsonl: replay: the first question";
  const likely = ({ logProbability }: EvaluationSample) => ({ logProbability: logProbability / 2 });
  for (const line of [0, 3]) {
    const text = await forgedLine(line, ({ completion }) => ({ completion: completion + " " }));
    ok((await failures(text, { replay: null })).includes(replayed));
    const folder = await forgedLine(line, likely);
    deepEqual(await failures(folder), []);
    deepEqual(await failures(folder, { replay: null }), [replayed]);
  }
  const later = await forgedLine(9, likely);
  deepEqual(await failures(later, { replay: 2 }), []);
  const [item] = (await verify(later, { replay: 3 })).filter(({ state }) => state === "failed");
  equal(item?.what, "replay: the first 3 questions");
  match(item?.reasons[0] ?? "", /^sample 1 of place 2\.logProbability is -[\d.]+, must be -/);
});

Deno.test("verify() derives the measures again", async () => {
  const folder = await forge(copy(), (record) => {
    const outcome = structuredClone(record.outcome!), { atK } = outcome.measures;
    const better = atK.map((at) => ({ ...at, pass: { ...at.pass, value: at.pass.value + 0.01 } }));
    return { ...record, outcome: { ...outcome, measures: { ...outcome.measures, atK: better } } };
  });
  deepEqual(await failures(folder), ["evaluation.json: measures"]);
});

Deno.test("verify() wants one greedy and k drawn a question, in order and of the asked split", async () => {
  const set = "samples.jsonl: one greedy and k drawn a question";
  const cases: [(samples: Samples) => Samples, RegExp][] = [
    [(all) => all.filter((_, i) => i !== 6), /^there is no sample 2 of place 1$/],
    [(all) => all.slice(0, -4), /^there is no sample 0 of place 3$/],
    [(all) => [...all.slice(0, 3), all[2]!, ...all.slice(3)], /^there are two of sample 2 of place 0$/],
    [(all) => [all[1]!, all[0]!, ...all.slice(2)], /^line 1 is out of order$/],
    [(all) => all.map((one) => ({ ...one, split: "validation" })), /^line 1 is of no test question$/],
    [() => [], /^there is no sample 0 of place 0$/],
  ];
  for (const [change, reason] of cases) {
    const folder = await forgedSamples(change, false);
    deepEqual(await failures(folder), [set]);
    ok((await found("skipped", folder)).includes("evaluation.json: measures and replay"));
    const item = (await verify(folder, { replay: 0 })).find(({ what }) => set.endsWith(what));
    match(item?.reasons[0] ?? "", reason);
  }
  deepEqual(await failures(await forgedAsked({ samples: 4 })), [set]);
  deepEqual(await failures(await forgedAsked({ items: 1e12, samples: 1000 })), [set]);
  deepEqual(await failures(await forgedAsked({ samples: 1001 })), ["evaluation.json: digest"]);
  deepEqual(await failures(await forgedAsked({ seed: 2 ** 32 })), ["evaluation.json: digest"]);
});

Deno.test("verify() sees what a text or a length cannot be, beyond the questions that are asked again", async () => {
  const cases: [Partial<EvaluationSample>, RegExp][] = [
    [{ tokens: 0 }, /^line 15: tokens is 0, must be from 1 to 40$/],
    [{ tokens: 41 }, /^line 15: tokens is 41/],
    [{ tokens: 30, truncated: true }, /^line 15: it is cut off after 30 of 40 tokens$/],
    [{ reflections: 7 }, /^line 15: reflections is 7, must be 0$/],
    [{ firstCorrect: 39 }, /^line 15: (a right answer in it|firstCorrect)/],
    [{ correctAt: [9] }, /^line 15: correctAt/],
    [{ correctAt: [16, 8] }, /^line 15: correctAt/],
  ];
  for (const [change, reason] of cases) {
    const items = await verify(await forgedLine(14, () => change, false), { replay: 0 });
    const item = items.find(({ what }) => what === "lengths and answers in the texts");
    equal(item?.state, "failed", JSON.stringify(change));
    match(item?.reasons[0] ?? "", reason);
  }
});

Deno.test("verify() holds questions, gold answers, examples and data against the task", async () => {
  const questions = "samples.jsonl: questions and gold answers";
  ok((await failures(await forgedLine(4, () => ({ gold: "-1" })))).includes(questions));
  deepEqual(await failures(await forgedLine(4, () => ({ question: "How are you?" }))), [questions]);
  const far = await forgedSamples((all) => [...all, { ...all[0]!, place: 4096 }], false);
  ok((await failures(far)).includes(questions));
  deepEqual(await failures(await forgedAsked({ shots: ["another"] })), ["evaluation.json: worked examples"]);
  deepEqual(await failures(await forgedAsked({ seed: 6, shots: [] }), { replay: null }), [
    "samples.jsonl: replay: the first question",
  ]);
  const { task } = (await readEvaluation(inRecord(original))).asked;
  const data = await failures(await forgedAsked({ task: { ...task, data: "0".repeat(64) } }));
  equal(data[0], "task arithmetic: version and digests");
  const styled = await failures(await forgedAsked({ task: { ...task, prompt: "direct" } }), { replay: null });
  ok(styled.includes("samples.jsonl: replay: the first question"));
});

Deno.test("verify() knows another policy by its files and by what it says, and skips what it cannot ask", async () => {
  const files = `policy ${policy}: digests of files`, aside = join(parent, "aside");
  renameSync(policy, aside);
  try {
    deepEqual(await failures(original, { replay: null }), []);
    deepEqual(await found("skipped", original, { replay: null }), [
      `policy ${policy}: what depends on it`,
      "samples.jsonl: replay",
    ]);
    deepEqual(await found("skipped", original, { replay: null, policy: aside }), []);
    deepEqual(await failures(original, { replay: null, policy: aside }), []);
    cpSync(shipped("embedded-cold"), policy, { recursive: true });
    deepEqual(await failures(original, { replay: null }), [files, "samples.jsonl: replay: the first question"]);
  } finally {
    rmSync(policy, { recursive: true });
    renameSync(aside, policy);
  }
  const asked = (await readEvaluation(inRecord(original))).asked.policy;
  const forged = { ...asked, files: { ...asked.files, "config.json": "0".repeat(64) } };
  deepEqual(await failures(await forgedAsked({ policy: forged })), [files]);
  const broken = await forgedAsked({ policy: { ...asked, name: "nobody" } });
  writeFileSync(inRecord(broken), readFileSync(inRecord(broken), "utf8").replace('"nobody"', '"\\ud800"'));
  deepEqual(await failures(broken), ["evaluation.json: digest"]);
});

Deno.test("verify() asks nothing again that a GPU computed, and looks no further where an evaluation is unfinished", async () => {
  const skipped = (await verify(await forgedAsked({ device: "webgpu" }))).filter(({ state }) => state !== "ok");
  deepEqual(skipped.map(({ state, place, what }) => [state, place, what]), [["skipped", "samples.jsonl", "replay"]]);
  match(skipped[0]!.reasons[0]!, /^it ran on webgpu, where sums/);
  const folder = await forge(copy(), (record) => ({ ...record, status: "unfinished", outcome: null }));
  deepEqual(await found("skipped", folder), ["evaluation.json: outcome"]);
  deepEqual(await failures(folder), []);
});

Deno.test("verify() takes a user's task from its file, and says what is not checked without it", async () => {
  const taskFile = fileURLToPath(new URL("../fakes/length_task_file.ts", import.meta.url));
  const tiny = join(parent, "tiny"), out = join(parent, "length");
  await makeRandomPolicy(tiny);
  const options = { task: "length", taskFile, policy: tiny, items: 3, samples: 2, maxTokens: 10, threads: 1, out };
  await runEvaluation(await planEvaluation(options));
  deepEqual((await verify(out, { taskFile })).filter(({ state }) => state !== "ok"), []);
  deepEqual(await failures(out, { replay: null }), []);
  deepEqual(await found("skipped", out, { replay: null }), [
    "task length: what depends on it",
    "evaluation.json: measures",
    "samples.jsonl: replay",
  ]);
});

Deno.test("verify() takes several evaluations one by one, and refuses options that do not fit", async () => {
  const several = join(parent, "several");
  for (const name of ["a", "b"]) cpSync(original, join(several, name), { recursive: true });
  const items = await verify(several, { replay: 0 });
  equal(items.length, 24);
  deepEqual(items.filter(({ state }) => state !== "ok"), []);
  writeFileSync(inSamples(join(several, "b")), "");
  ok((await failures(several)).every((one) => one.startsWith("b/")));
  await rejects(
    verify(several, { policy }),
    /Cannot use --policy .*: ".*" holds 2 evaluations … name the folder of one/,
  );
  await rejects(verify(original, { cell: "grpo/0" }), /Cannot use --cell grpo\/0: ".*" holds an evaluation/);
  await rejects(verify(original, { armFiles: ["arm.ts"] }), /Cannot use --arm-file: ".*" holds an evaluation/);
  mkdirSync(join(several, "c"));
  await rejects(verify(several), /it holds neither plan\.json nor record\.json nor evaluation\.json/);
});
