// The command as its users run it, on the real engine and the embedded policy: a run that repeats, and what a run says and
// leaves behind when the policy, the data or the numbers are broken, or when Ctrl-C ends it. Everything that can be asked
// of the command without a model is asked in bench_test.ts.

import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { cpSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { isObject, parseJson } from "../../harness/base/json_file.ts";
import { embeddedPolicies } from "../../harness/experiment/plan.ts";
import { readPolicy, writePolicy } from "../../harness/model/policy.ts";
import { readCellRecord, readExperiment, readSteps } from "../../harness/records/store.ts";

const program = fileURLToPath(new URL("../../harness/cli/main.ts", import.meta.url));
const embedded = fileURLToPath(embeddedPolicies["embedded"]!);
const schemas = new URL("../../results/schema/", import.meta.url);
const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** A cell of a second or two: `smoke`, smaller still. */
const settings = [
  "rl.updates=2",
  "rl.questions=4",
  "rl.warmup=0",
  "evaluation.every=1",
  "evaluation.validationItems=8",
  "evaluation.testItems=8",
];
const tiny = ["--profile=smoke", "--arms=grpo", "--jobs=1", "--threads=1", ...settings.map((one) => `--set=${one}`)];

/** `bench` in the temporary folder; a flag that is given again counts, as does a setting of another key. */
function command(args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, "bench", ...args],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}

async function bench(...args: string[]) {
  const { code, stdout, stderr } = await command(args).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs what must fail with that exit code. @returns the one sentence that says why */
async function failure(exitCode: number, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await bench(...args);
  equal(code, exitCode, stderr);
  doesNotMatch(stdout + stderr, /^\s+at /m);
  const [line, ...more] = stderr.split("\n").filter((line) => line.startsWith("error: "));
  deepEqual(more, []);
  match(line ?? "", /Cannot /);
  return line!;
}

/** Checks every file of an experiment against the published schemas. */
async function validate(out: string): Promise<void> {
  const ajv = new Ajv2020({ validateFormats: false, allowUnionTypes: true });
  const check = (schema: string, path: string, separator: string | null) => {
    const validator = ajv.compile(JSON.parse(Deno.readTextFileSync(new URL(`${schema}.schema.json`, schemas))));
    const text = readFileSync(join(out, path), "utf8");
    for (const part of separator === null ? [text] : text.split(separator).filter(Boolean)) {
      ok(validator(JSON.parse(part)), `${path}: ${JSON.stringify(validator.errors)}`);
    }
  };
  check("experiment", "experiment.json", null);
  for (const cell of (await readExperiment(join(out, "experiment.json"))).cells) {
    check("record", join(cell.folder, "record.json"), null);
    check("step", join(cell.folder, "steps.jsonl"), "\n");
    check("sample", join(cell.folder, "samples.jsonl"), "\n");
  }
}

/** A copy of the embedded policy, by name. */
function copyPolicy(name: string): string {
  const copy = join(folder, name);
  cpSync(embedded, copy, { recursive: true });
  return copy;
}

/** Replaces fields of a JSON file. */
function change(path: string, replace: (content: Record<string, unknown>) => Record<string, unknown>): void {
  const content = parseJson(readFileSync(path, "utf8"), path);
  ok(isObject(content));
  writeFileSync(path, JSON.stringify(replace({ ...content })));
}

Deno.test("bench trains the embedded policy to records that validate, and to the same digests every time", async () => {
  const digests = [];
  for (const [out, ...more] of [["first"], ["second"], ["threads", "--threads=2"]]) {
    const { code, stderr } = await bench(...tiny, "--set=evaluation.samples=2", ...more, `--out=${out}`);
    equal(code, 0, stderr);
    const { status, cells } = await readExperiment(join(folder, out!, "experiment.json"));
    equal(status, "finished");
    digests.push(cells.map(({ digest }) => digest));
  }
  ok(digests[0]!.every((digest) => digest !== null));
  deepEqual(digests[1], digests[0], "the same command again");
  deepEqual(digests[2], digests[0], "with another number of threads");
  await validate(join(folder, "first"));
  const { outcome, environment } = await readCellRecord(join(folder, "threads", "grpo", "seed-0", "record.json"));
  equal(environment?.threads, 2);
  equal(outcome?.samplerTrainerGap, 0);
  equal((await readSteps(join(folder, "first", "grpo", "seed-0", "steps.jsonl"))).length, 2);
});

Deno.test("bench names what is broken in a policy folder", async () => {
  const [cut, shaped, foreign] = ["cut", "shaped", "foreign"].map(copyPolicy);
  truncateSync(join(cut!, "model.safetensors"), 1_000_000);
  change(join(shaped!, "config.json"), (config) => ({ ...config, intermediate_size: 256 }));
  change(join(foreign!, "tokenizer.json"), (json) => ({
    ...json,
    added_tokens: [{ id: 9000, content: "<|far|>", special: true }],
  }));
  const run = (policy: string, exitCode: number) =>
    failure(exitCode, ...tiny, `--policy=${policy}`, `--out=${policy}-out`);
  const sentences = await Promise.all([run(cut!, 1), run(shaped!, 1), run(foreign!, 2)]);
  match(sentences[0], /cut.model\.safetensors/);
  match(sentences[1], /model\.layers\.0\.mlp\.\w+_proj\.weight.*(384|256)/);
  match(sentences[2], /foreign.tokenizer\.json": token "<\|far\|>" has id 9000, the model has 512 tokens/);
});

Deno.test("bench stops a cell whose numbers overflow, says when and what to do, and keeps what was written", async () => {
  const { config, weights } = await readPolicy(embedded), policy = join(folder, "overflowing");
  const query = weights.layout.parameters.find(({ name }) => name === "model.layers.3.self_attn.q_proj.weight")!;
  // The scores of attention are just finite; the first update, at a rate that wrecks the keys, makes them overflow.
  weights.data[query.offset] = 1e36;
  await writePolicy(policy, { config, weights, companions: embedded }, { dtype: "F32" });
  const wreck = ["--set=rl.learningRate=1", `--policy=${policy}`, "--out=overflow"];
  const sentence = await failure(1, ...tiny, ...wreck);
  match(sentence, /not finite.*lower rl\.learningRate.*\(while evaluating validation, after 1 of 2 updates\)/);
  await validate(join(folder, "overflow"));
  const cell = join(folder, "overflow", "grpo", "seed-0");
  const { status, partial } = await readCellRecord(join(cell, "record.json"));
  deepEqual([status, partial?.updates], ["failed", 1]);
  deepEqual((await readSteps(join(cell, "steps.jsonl"))).map(({ step }) => step), [1]);
});

Deno.test("bench refuses prompts and completions that do not fit", async () => {
  const [prompt, context] = await Promise.all([
    failure(2, ...tiny, "--set=rl.maxPromptTokens=20", "--out=prompt"),
    failure(2, ...tiny, "--set=rl.maxCompletionTokens=1000", "--out=context"),
  ]);
  match(prompt, /"arithmetic-\w+": its prompt has \d+ tokens .* 20; raise it with --set rl\.maxPromptTokens=\d+/);
  match(context, /exceed the context of 1024; lower rl\.maxCompletionTokens/);
});

Deno.test("bench gsm8k names file, line and field of a malformed row, and writes nothing", async () => {
  const data = join(folder, "data"), row = { question: "How many?", answer: "One. #### 1" };
  Deno.mkdirSync(data);
  const write = (name: string, rows: readonly unknown[]) =>
    writeFileSync(join(data, name), rows.map((row) => JSON.stringify(row) + "\n").join(""));
  write("train.jsonl", [row, row, { ...row, answer: "One." }, row]);
  write("test.jsonl", [row]);
  match(
    await failure(1, "gsm8k", ...tiny, `--data-dir=${data}`, "--out=rows"),
    /train\.jsonl, line 3: field "answer" /,
  );
  deepEqual([...Deno.readDirSync(folder)].filter(({ name }) => name === "rows"), []);
});

Deno.test("bench ends on Ctrl-C in mid-training within two seconds, with valid records of what was done", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const child = command([...tiny.filter((one) => !one.includes("rl.updates")), "--set=rl.updates=5000", "--out=ended"])
    .spawn();
  const path = join(folder, "ended", "grpo", "seed-0", "steps.jsonl");
  const lines = () => {
    try {
      return readFileSync(path, "utf8").split("\n").length - 1;
    } catch {
      return 0;
    }
  };
  for (let i = 0; i < 1000 && lines() < 2; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  const start = performance.now();
  child.kill("SIGINT");
  const { code, stderr } = await child.output();
  const seconds = (performance.now() - start) / 1000;
  equal(code, 130, new TextDecoder().decode(stderr));
  ok(seconds < 2, `it took ${seconds} s`);
  await validate(join(folder, "ended"));
  const { status, cells } = await readExperiment(join(folder, "ended", "experiment.json"));
  deepEqual([status, cells[0]?.status, cells[0]?.updates], [
    "interrupted",
    "interrupted",
    (await readSteps(path)).length,
  ]);
  ok(cells[0]!.updates! >= 2);
});
