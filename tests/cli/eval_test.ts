// `eval` from flags to files, on the real engine: what it prints and writes, that it goes on where it was killed and ends
// with the same bytes, and what it refuses.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { Ajv2020 } from "ajv/dist/2020.js";
import { sha256 } from "../../harness/base/digest.ts";
import { addEval } from "../../harness/cli/eval.ts";
import { evaluationProgress } from "../../harness/cli/eval_progress.ts";
import { evaluationDigest, type MatchboxEvaluation, readEvaluation } from "../../harness/records/evaluation_record.ts";
import { fakeSample } from "../fakes/evaluation_sample.ts";
import { withFolder } from "../model/tiny_policy.ts";
import { makeRandomPolicy } from "../rl/length_task.ts";
import { captured, examplesOf, helpOf } from "./captured.ts";

const program = fileURLToPath(new URL("../../harness/cli/main.ts", import.meta.url));
const taskFile = fileURLToPath(new URL("../fakes/length_task_file.ts", import.meta.url));
const schemas = new URL("../../results/schema/", import.meta.url);

const flags = (
  ...more: readonly string[]
) => ["eval", "length", "--task-file", taskFile, "--max-tokens", "10", ...more];
const record = (folder: string) => readEvaluation(join(folder, "evaluation.json"));
const samples = (folder: string) => readFileSync(join(folder, "samples.jsonl"), "utf8");
/** What must be the same however often it was interrupted. */
const lasting = ({ asked, outcome, digest, status }: MatchboxEvaluation) => ({ asked, outcome, digest, status });

async function withPolicy(work: (folder: string, policy: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const policy = join(folder, "policy");
    await makeRandomPolicy(policy);
    await work(folder, policy);
  });
}

Deno.test("eval writes samples and a record that fit their schemas, and finds them again", async () => {
  await withPolicy(async (folder, policy) => {
    const args = flags("--policy", policy, "--items", "5", "--samples", "3", "--json");
    const { code, stdout, stderr } = await captured(folder, ...args);
    equal(code, 0, stderr);
    const [{ out, measures, digest }] = JSON.parse(stdout).evaluations;
    match(out, /results\/eval-length-policy-[0-9a-f]{8}$/);
    match(stderr, /pass@k {2,}maj@k/);
    equal(stdout.trim().split("\n").length, 1);

    const found = await record(out),
      text = samples(out),
      lines = text.trim().split("\n").map((line) => JSON.parse(line));
    equal(found.status, "finished");
    equal(found.digest, digest);
    equal(found.digest, evaluationDigest(found));
    equal(found.outcome?.samples, sha256(text));
    deepEqual(lines.map(({ place, sample }) => `${place}.${sample}`), [
      ...Array.from({ length: 20 }, (_, i) => `${Math.floor(i / 4)}.${i % 4}`),
    ]);
    const right = (some: typeof lines) => some.filter(({ status }) => status === "correct").length / some.length;
    equal(measures.greedy.accuracy.value, right(lines.filter(({ sample }) => sample === 0)));
    ok(Math.abs(measures.sampled.accuracy.value - right(lines.filter(({ sample }) => sample > 0))) < 1e-12);
    ok(found.environment !== null && found.peakMemoryBytes !== null);

    const ajv = new Ajv2020({ validateFormats: false, allowUnionTypes: true });
    const validate = (name: string) => ajv.compile(JSON.parse(Deno.readTextFileSync(new URL(name, schemas))));
    const whole = validate("evaluation.schema.json"), line = validate("evaluation-sample.schema.json");
    equal(whole(JSON.parse(readFileSync(join(out, "evaluation.json"), "utf8"))), true, JSON.stringify(whole.errors));
    equal(lines.every((one) => line(one)), true, JSON.stringify(line.errors));
    equal(whole({ ...found, surprise: 1 }), false);

    const before = readFileSync(join(out, "evaluation.json"), "utf8");
    const again = await captured(folder, ...args);
    equal(again.code, 0);
    equal(again.stdout, stdout);
    equal(readFileSync(join(out, "evaluation.json"), "utf8"), before);
  });
});

Deno.test("eval with more questions or samples adds to a folder, and fewer measure a part of it", async () => {
  await withPolicy(async (folder, policy) => {
    const run = async (out: string, items: number, samples: number, ...more: readonly string[]) => {
      const sizes = ["--items", `${items}`, "--samples", `${samples}`];
      const { code, stderr } = await captured(folder, ...flags("--policy", policy, "--out", out, ...sizes, ...more));
      equal(code, 0, stderr);
      return { lines: samplesOf(out), record: lasting(await record(join(folder, out))) };
    };
    const samplesOf = (out: string) => samples(join(folder, out)).trim().split("\n");
    const small = await run("a", 3, 2, "--batch", "1"), grown = await run("a", 5, 4, "--batch", "3");
    const whole = await run("b", 5, 4);
    deepEqual(grown, whole);
    ok(small.lines.every((line) => whole.lines.includes(line)));
    deepEqual((await run("b", 3, 2)).record, small.record);
    deepEqual(samplesOf("b"), whole.lines);
  });
});

/** Kills of one evaluation, each later in it than the one before. */
const KILLS = 6;

Deno.test("eval killed again and again, and run again, ends with the same bytes", async () => {
  await withPolicy(async (folder, policy) => {
    const spawn = (out: string) => {
      const more = flags("--policy", policy, "--samples", "40", "--batch", "2", "--threads", "1", "--out", out);
      const args = ["run", "-A", "--no-check", program, ...more];
      return new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "piped" }).spawn();
    };
    const whole = join(folder, "whole"), killed = join(folder, "killed"), path = join(killed, "samples.jsonl");
    const { code, stderr } = await spawn(whole).output();
    equal(code, 0, new TextDecoder().decode(stderr));
    const bytes = samples(whole).length;
    let kills = 0;
    for (let done = false; !done;) {
      const child = spawn(killed), share = (kills + 0.5) / KILLS;
      const timer = setInterval(() => {
        if (kills === KILLS || !existsSync(path) || statSync(path).size < share * bytes) return;
        clearInterval(timer);
        child.kill(kills++ % 2 === 0 ? "SIGKILL" : "SIGTERM");
      }, 2);
      done = (await child.output()).success;
      clearInterval(timer);
      if (!done && kills === 2) appendFileSync(path, '{"completion":"half a li'); // as a power cut may leave it
    }
    ok(kills >= 3, `${kills}`);
    equal(samples(killed), samples(whole));
    deepEqual(lasting(await record(killed)), lasting(await record(whole)));
    deepEqual(readdirSync(killed).sort(), [".lock", "evaluation.json", "samples.jsonl"]);
  });
});

Deno.test("eval takes up what a cut or damaged samples.jsonl still holds", async () => {
  await withPolicy(async (folder, policy) => {
    const out = join(folder, "out"), args = flags("--policy", policy, "--items", "4", "--samples", "3", "--out", out);
    equal((await captured(folder, ...args)).code, 0);
    const whole = samples(out), before = lasting(await record(out)), path = join(out, "samples.jsonl");
    for (
      const damage of [
        () => truncateSync(path, Math.floor(whole.length / 2)),
        () => writeFileSync(path, whole.split("\n").toReversed().join("\n").trim() + "\n"),
        () => writeFileSync(path, whole.replace('"sample":2', '"sample":"two"')),
        () => Deno.removeSync(path),
      ]
    ) {
      damage();
      const { code, stderr } = await captured(folder, ...args);
      equal(code, 0, stderr);
      equal(samples(out), whole);
      deepEqual(lasting(await record(out)), before);
    }
  });
});

Deno.test("eval of two policies prints their paired difference", async () => {
  await withFolder(async (folder) => {
    const args = ["eval", "--policy", "embedded", "--policy", "embedded-cold", "--items", "8", "--samples", "2"];
    const { code, stdout, stderr } = await captured(folder, ...args, "--json", "--out", "both");
    equal(code, 0, stderr);
    const { evaluations, differences } = JSON.parse(stdout);
    equal(readdirSync(join(folder, "both")).length, 2);
    const [{ policy, against, measures }] = differences;
    deepEqual([policy, against], ["embedded-cold", "embedded"]);
    const [greedy] = measures;
    equal(greedy.name, "greedy accuracy");
    const [a, b] = evaluations.map((one: { measures: { greedy: { accuracy: { value: number } } } }) =>
      one.measures.greedy.accuracy.value
    );
    equal(greedy.difference.value, b - a);
    ok(greedy.p > 0 && greedy.p <= 1);
    match(stderr, /embedded-cold against embedded, paired by question/);
  });
});

Deno.test("eval of the policy that bench trained asks and samples as bench does at its end", async () => {
  await withFolder(async (folder) => {
    const sizes = [
      "--set",
      "evaluation.testItems=6",
      "--set",
      "evaluation.samples=3",
      "--set",
      "evaluation.validationItems=2",
    ];
    const bench = await captured(
      folder,
      ...["bench", "--arms", "grpo", "--seeds", "3", "--profile", "smoke", "--out", "trained", ...sizes],
    );
    equal(bench.code, 0, bench.stderr);
    const policy = await captured(folder, "policy", "trained", "--cell", "grpo/3", "--out", "mine");
    equal(policy.code, 0, policy.stderr);
    const asked = ["--policy", "mine", "--items", "6", "--samples", "3", "--seed", "3", "--out", "own"];
    const evaluated = await captured(folder, "eval", ...asked);
    equal(evaluated.code, 0, evaluated.stderr);
    const cell = join(folder, "trained", "grpo", "seed-3");
    const bySample = (lines: string) =>
      lines.trim().split("\n").map((line) => JSON.parse(line)).sort((a, b) =>
        a.id < b.id ? -1 : a.id > b.id ? 1 : a.sample - b.sample
      );
    const own = bySample(samples(join(folder, "own"))),
      theirs = bySample(readFileSync(join(cell, "samples.jsonl"), "utf8"));
    equal(theirs.length, 6 * 4);
    deepEqual(own.map((one, i) => ({ ...one, ...theirs[i] })), own);
  });
});

Deno.test("eval refuses what is wrong, naming flag, value and remedy, and writes nothing", async () => {
  await withPolicy(async (folder, policy) => {
    const cases: [readonly string[], RegExp][] = [
      [["--samples", "0"], /--samples 0: it must be an integer of at least 1/],
      [["--samples", "2000"], /--samples 2000: it must be an integer from 1 to 1000/],
      [["--items", "0"], /--items 0: it must be an integer of at least 1/],
      [["--items", "8"], /--items 8: the test split of length has 7 questions … ask for at most so many/],
      [["--split", "train"], /--split train: it must be test or validation/],
      [["--split", "tset"], /--split tset.*test/],
      [["--temperature", "0"], /--temperature 0: it must be a number above 0 and of at most 10/],
      [["--temperature", "hot"], /--temperature hot: it must be a number/],
      [["--top-p", "1.5"], /--top-p 1.5: it must be a number above 0 and of at most 1/],
      [["--top-k", "-1"], /--top-k -1/],
      [["--level", "4"], /Cannot use task\.level = 4 \(--level\): must be an integer from \d to 3/],
      [["--device", "tpu"], /device "tpu": the devices are auto, cpu, webgpu, cuda, dml, coreml/],
      [
        ["--max-tokens", "200"],
        /Cannot ask "item-0": its prompt of \d+ tokens and 200 new ones exceed the context of 128/,
      ],
      [["--policy", join(folder, "nowhere")], /Cannot find policy/],
      [["--policy", policy], /Cannot evaluate --policy .* twice/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await captured(
        folder,
        ...flags("--policy", policy, "--items", "2", "--samples", "1", ...args),
      );
      equal(code, 2, `${args}: ${stderr}`);
      match(stderr, message);
    }
    const unknown = await captured(folder, "eval", "arithmetik");
    equal(unknown.code, 2);
    match(unknown.stderr, /Cannot find task "arithmetik".*arithmetic/);
  });
});

Deno.test("eval refuses a folder that holds something else, or another evaluation, by the field in which it differs", async () => {
  await withPolicy(async (folder, policy) => {
    const run = (out: string, ...more: readonly string[]) =>
      captured(folder, ...flags("--policy", policy, "--items", "2", "--samples", "1", "--out", out, ...more));
    Deno.mkdirSync(join(folder, "full"));
    writeFileSync(join(folder, "full", "notes.txt"), "mine");
    const foreign = await run("full");
    equal(foreign.code, 2);
    match(foreign.stderr, /it holds notes\.txt and no evaluation\.json … choose another folder with --out/);
    equal((await run("own")).code, 0);
    const before = samples(join(folder, "own"));
    const other = await run("own", "--seed", "1", "--temperature", "0.5");
    equal(other.code, 2);
    match(
      other.stderr,
      /Cannot go on with the evaluation in ".*own": seed was 0 and is 1; temperature was 1 and is 0\.5/,
    );
    equal(samples(join(folder, "own")), before);
    const path = join(folder, "own", "evaluation.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"items": 2', '"items": 1'));
    const tampered = await run("own");
    equal(tampered.code, 2);
    match(tampered.stderr, /does not have the digest that stands beside it/);
  });
});

Deno.test("eval asks with the prompt and the examples that are asked for, and records them", async () => {
  await withFolder(async (folder) => {
    const run = async (out: string, ...more: readonly string[]) => {
      const { code, stderr } = await captured(folder, "eval", "--items", "6", "--samples", "1", "--out", out, ...more);
      equal(code, 0, stderr);
      return await record(join(folder, out));
    };
    const zero = await run("zero"), shots = await run("shots", "--shots", "2");
    deepEqual([zero.asked.shots.length, shots.asked.shots.length], [0, 2]);
    deepEqual(Object.keys(zero.asked.task), ["name", "version", "data", "file"]);
    const direct = await run("direct", "--prompt", "direct", "--grading", "lenient", "--shots", "1");
    deepEqual([direct.asked.task.prompt, direct.asked.task.grading], ["direct", "lenient"]);
    equal(direct.asked.shots[0], shots.asked.shots[0]);
    equal(new Set([zero, shots, direct].map(({ outcome }) => outcome?.samples)).size, 3);
    const { code, stderr } = await captured(folder, "eval", "--prompt", "rhymed");
    equal(code, 2);
    match(stderr, /Cannot use --prompt rhymed: the prompts of task "arithmetic" are paper/);
  });
});

Deno.test("eval fails on a task whose rewards fail their self-test, and shows the log with --debug", async () => {
  await withPolicy(async (folder, policy) => {
    const file = join(folder, "unfair.ts"), made = new URL("../../tasks/define_task.ts", import.meta.url);
    const own = new URL("../rl/length_task.ts", import.meta.url);
    writeFileSync(
      file,
      `import { defineTask } from "${made}";\nimport { lengthTask } from "${own}";\n` +
        `export const task = defineTask({ ...lengthTask, name: "unfair", answer: () => "wrong!" });\n`,
    );
    const args = ["eval", "unfair", "--task-file", file, "--policy", policy, "--items", "2", "--samples", "1"];
    const { code, stderr } = await captured(folder, ...args);
    equal(code, 1);
    match(stderr, /Cannot evaluate on task "unfair": its rewards fail their self-test \(.*\) … mend the task/);
    const debugged = await captured(folder, ...args, "--debug");
    match(debugged.stderr, /Log of the evaluation's process:[^]*evaluation_worker\.ts/);
  });
});

Deno.test("the examples of eval run", async () => {
  await withFolder(async (folder) => {
    const command = new Command();
    addEval(command, () => {});
    const examples = examplesOf(helpOf(command.commands[0]!));
    const own = examples.filter((words) => !words.includes("gsm8k") && !words.includes("auto")); // that is the machine's
    deepEqual([examples.length, own.length], [6, 3]);
    for (const words of own) {
      const { code, stderr } = await captured(folder, ...words);
      equal(code, 0, `${words.join(" ")}\n${stderr}`);
    }
  });
});

Deno.test("evaluationProgress() tells the time left from the pace of this run", () => {
  let now = 0, written = "";
  const display = evaluationProgress("mine", { live: false, write: (text) => written += text, clock: () => now });
  display.report({ type: "begun", samples: 30, there: 10 });
  equal(written, "mine: 10 of 30 completions were there\n");
  written = "";
  now = 1000;
  display.report({ type: "event", event: { type: "phase", phase: "sampling" } });
  const sample = fakeSample(0, 0, { status: "correct", tokens: 100 });
  for (let i = 0; i < 5; i++) display.report({ type: "event", event: { type: "sample", sample } });
  now = 11_000;
  display.report({ type: "event", event: { type: "batch" } });
  equal(written, "mine: 15 of 30 completions, 0:30 left, greedy 100.0 % of 5, 50 tokens/s\n");
});
