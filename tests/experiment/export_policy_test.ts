// Trained weights become a policy: one small real experiment is run once, and what is exported of it is read back, asked
// the same questions again and compared with what the records say. What does not fit is refused and nothing is written.

import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { parse } from "yaml";
import { sha256 } from "../../harness/base/digest.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { addPolicy } from "../../harness/cli/policy.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { exportPolicy, type PolicyExport } from "../../harness/experiment/export_policy.ts";
import { modelCard } from "../../harness/experiment/model_card.ts";
import { planExperiment } from "../../harness/experiment/plan.ts";
import { runExperiment } from "../../harness/experiment/run_experiment.ts";
import { initialWeights } from "../../harness/model/layout.ts";
import { readPolicy, writePolicy } from "../../harness/model/policy.ts";
import { toBfloat16 } from "../../harness/model/safetensors.ts";
import { bundleText, toBundle } from "../../harness/records/bundle.ts";
import { readPlan } from "../../harness/records/plan_schema.ts";
import { readResults } from "../../harness/records/results.ts";
import { outcomeDigest, readCellRecord, readExperiment, recordText } from "../../harness/records/store.ts";
import { readCheckpoint } from "../../harness/rl/checkpoint.ts";
import { captured, examplesOf, helpOf } from "../cli/captured.ts";
import { tinyCompanions, tinyConfig } from "../model/tiny_policy.ts";
import { EXACT } from "../rl/small_policies.ts";

const parent = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));
const start = join(parent, "start"), original = join(parent, "original"), cell = "memory-r+/3";
cpSync(fileURLToPath(new URL("../../harness/model/embedded/", import.meta.url)), start, { recursive: true });

const config = overrideConfig(defaultConfig, {
  rl: { updates: 4, questions: 3, completions: 4, warmup: 0, learningRate: 1e-4, maxCompletionTokens: 24 },
  memory: { embedder: "hashing", warmup: 0 },
  evaluation: { every: 2, validationItems: 6, testItems: 16, samples: 2 },
}, "the test");
const command = ["bench", "--set", "a b=1"];
const shared = { task: "arithmetic", config, threads: 1, seeds: [3] };
const arms = ["base", "memory-r+"];
const plan = await planExperiment({
  ...shared,
  arms,
  policy: start,
  out: original,
  checkpointEvery: 1,
  keep: 3,
  command,
});
equal((await runExperiment(plan)).record.status, "finished");
const record = await readCellRecord(join(original, "memory-r+/seed-3/record.json")), outcome = record.outcome!;
const checkpoints = "memory-r+/seed-3/checkpoints";

let folders = 0;
const fresh = () => join(parent, `folder-${folders++}`);

/** A fresh copy of the experiment. */
function copy(): string {
  const folder = fresh();
  cpSync(original, folder, { recursive: true });
  return folder;
}

/** The weights of a checkpoint as they stand there. */
async function weightsAfter(step: number): Promise<Float32Array> {
  return new Float32Array((await readCheckpoint(join(original, checkpoints), step)).sections["weights"]!.buffer);
}

Deno.test("exportPolicy() writes a policy that is read back with the final weights and the tokenizer of the first", async () => {
  const out = fresh(), written = await exportPolicy(original, { cell, out });
  const [before, after] = [await readPolicy(start), await readPolicy(out)];
  deepEqual([written.step, written.weights, written.parameters], [4, outcome.finalWeights, after.weights.layout.size]);
  equal(after.digest, outcome.finalWeights);
  notEqual(after.digest, before.digest);
  deepEqual(after.weights.data, await weightsAfter(4));
  deepEqual({ ...after.config, raw: null }, { ...before.config, raw: null });
  deepEqual(readdirSync(out).sort(), [...readdirSync(start), "README.md"].sort());
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    deepEqual(readFileSync(join(out, name)), readFileSync(join(start, name)));
  }
});

Deno.test("an exported policy goes into another experiment and answers there as it did at the end of its training", async () => {
  const policy = fresh();
  await exportPolicy(original, { cell, out: policy });
  const next = await planExperiment({ ...shared, arms: ["base"], policy, out: fresh() });
  equal((await runExperiment(next)).record.status, "finished");
  const again = (await readCellRecord(join(next.out, "base/seed-3/record.json"))).outcome!;
  equal(again.match.weights, outcome.finalWeights);
  const asked = (evaluations: typeof outcome.evaluations, step: number) =>
    evaluations.filter((one) => one.step === step).map(({ step: _, ...one }) => one);
  deepEqual(asked(again.evaluations, 0), asked(outcome.evaluations, 4));
});

Deno.test("a tiny policy of each architecture goes through an experiment, exact to the bit, and comes out as a policy", async () => {
  for (const architecture of ["LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"]) {
    const [policy, out] = [fresh(), fresh()];
    const tiny = tinyConfig({ architectures: [architecture], max_position_embeddings: 512, initializer_range: 0.3 });
    const weights = initialWeights(tiny, 1);
    await writePolicy(policy, { config: tiny, weights, companions: tinyCompanions }, { dtype: "F32" });
    const rl = { updates: 2, questions: 2, completions: 4, maxPromptTokens: 256, maxCompletionTokens: 12 };
    const short = overrideConfig(config, { rl, evaluation: { samples: 0, testItems: 4 } }, "the test");
    const next = await planExperiment({ ...shared, config: short, arms: ["grpo"], policy, out: fresh() });
    equal((await runExperiment(next)).record.status, "finished", architecture);
    const trained = (await readCellRecord(join(next.out, "grpo/seed-3/record.json"))).outcome!;
    ok(trained.samplerTrainerGap <= EXACT, architecture);
    await exportPolicy(next.out, { cell: "grpo/3", out });
    const after = await readPolicy(out);
    equal(after.digest, trained.finalWeights);
    deepEqual(after.weights.layout, weights.layout);
  }
});

Deno.test("exportPolicy() writes the weights of an earlier checkpoint, and its card says that they were not evaluated", async () => {
  const out = fresh(), { step, weights } = await exportPolicy(original, { cell: "memory-r+/seed-3", out, step: 3 });
  equal(step, 3);
  deepEqual((await readPolicy(out)).weights.data, await weightsAfter(3));
  equal((await readPolicy(out)).digest, weights);
  const card = readFileSync(join(out, "README.md"), "utf8");
  ok(!card.includes("model-index"));
  match(card, /weights after 3 updates, not those that were evaluated\..*\n[^]*Nothing was asked of these weights\./);
});

Deno.test("exportPolicy() chooses the weights that were evaluated where these are not the last", async () => {
  const folder = copy(), out = fresh(), path = join(folder, "memory-r+/seed-3/record.json");
  const best = { ...outcome, evaluatedStep: 2 }, digest = outcomeDigest(best);
  writeFileSync(path, recordText({ ...record, outcome: best, digest }));
  const experiment = await readExperiment(join(folder, "experiment.json"));
  const cells = experiment.cells.map((entry) => entry.arm === record.arm ? { ...entry, digest } : entry);
  writeFileSync(join(folder, "experiment.json"), recordText({ ...experiment, cells }));
  equal((await exportPolicy(folder, { cell, out })).step, 2);
  deepEqual((await readPolicy(out)).weights.data, await weightsAfter(2));
  match(readFileSync(join(out, "README.md"), "utf8"), /after 2 updates, the best on validation questions\./);
});

Deno.test("exportPolicy() rounds to bfloat16 where it is asked to", async () => {
  const out = fresh(), { weights } = await exportPolicy(original, { cell, out, dtype: "BF16" });
  const { weights: { data }, config: { raw } } = await readPolicy(out), exact = await weightsAfter(4);
  equal(weights, outcome.finalWeights);
  equal(raw["dtype"], "bfloat16");
  deepEqual(toBfloat16(data), toBfloat16(exact));
  ok(data.some((value, i) => value !== exact[i]));
  ok(data.every((value, i) => Math.abs(value - exact[i]!) <= Math.abs(exact[i]!) / 256));
});

/** The front matter of a card. */
const frontMatter = (card: string) => parse(/^---\n([^]*?)\n---\n/.exec(card)![1]!);

Deno.test("exportPolicy() writes a model card whose model-index has what the record says", async () => {
  const out = fresh();
  await exportPolicy(original, { cell, out });
  const card = readFileSync(join(out, "README.md"), "utf8");
  const { "model-index": [{ name, results: [result, ...more] }], ...head } = frontMatter(card);
  deepEqual(head, {
    library_name: "transformers",
    pipeline_tag: "text-generation",
    tags: ["matchbox", "reinforcement-learning"],
  });
  deepEqual([name, more], ["arithmetic-start-memory-r+-seed-3", []]);
  deepEqual(result.task, { type: "text-generation", name: "arithmetic" });
  equal(result.dataset.type, "arithmetic");
  equal(result.dataset.revision, outcome.match.data);
  const [greedy, sampled] = outcome.evaluations.filter(({ split, step }) => split === "test" && step === 4);
  deepEqual(result.metrics, [
    {
      type: "accuracy",
      name: "accuracy in points of 100, greedy, 16 questions",
      value: 100 * greedy!.accuracy,
    },
    {
      type: "pass@k",
      name: "pass@2 in points of 100, 2 at temperature 1, 16 questions",
      value: 100 * sampled!.passAtSamples,
    },
  ]);
  for (const text of [outcome.finalWeights, outcome.match.weights, plan.record.digest, record.digest!]) {
    ok(card.includes(`\`${text}\``), text);
  }
  ok(card.includes("    deno task bench --set 'a b=1'\n"));
  match(card, /^\| test +\| 16 +\| greedy +\| [\d.]+ % -> [\d.]+ % /m);
});

Deno.test("modelCard() keeps names of others from being read as more than names", async () => {
  const arm = 'x"\n- evil: 1 <script>|`', source = { ...record, arm };
  const card = modelCard({
    plan: await readPlan(join(original, "plan.json")),
    summary: "a <b>summary</b>\n# of two lines",
    record: source,
    outcome,
    command: ["bench", "\n# <i>"],
    step: 4,
    weights: outcome.finalWeights,
    dtype: "float32",
  });
  equal(frontMatter(card)["model-index"].length, 1);
  const body = card.slice(card.indexOf("\n---\n") + 5).split("\n").filter((line) => !line.startsWith("    ")).join(
    "\n",
  );
  ok(!/<\w/.test(body));
  deepEqual(card.match(/^#+ .*/gm)?.map((line) => line.split(" ")[0]), ["#", "##", "##", "##"]);
});

Deno.test("exportPolicy() refuses what it cannot do, naming the remedy, and writes nothing", async () => {
  const bundle = join(parent, "bundle.json");
  writeFileSync(bundle, bundleText(toBundle(await readResults(original), { completions: true })));
  const bare = copy(), damaged = copy(), foreign = copy(), unfinished = copy();
  await Deno.remove(join(bare, checkpoints), { recursive: true });
  const last = "step-000004.checkpoint", bytes = readFileSync(join(damaged, checkpoints, last));
  bytes[bytes.length - 5]! ^= 1;
  writeFileSync(join(damaged, checkpoints, last), bytes);
  cpSync(join(foreign, checkpoints, "step-000003.checkpoint"), join(foreign, checkpoints, last));
  const experiment = await readExperiment(join(unfinished, "experiment.json"));
  const cells = experiment.cells.map((entry) => ({ ...entry, status: "interrupted" as const, digest: null }));
  writeFileSync(join(unfinished, "experiment.json"), recordText({ ...experiment, cells }));

  const misuse: readonly (readonly [string, Partial<PolicyExport>, RegExp])[] = [
    [original, { cell: "memory-r+/4" }, /the cells are base\/3, memory-r\+\/3 \(did you mean "memory-r\+\/3"\?\)/],
    [original, { cell: "base/3" }, /it was not trained/],
    [
      original,
      { step: 1 },
      /after 1 updates: the checkpoints are those after 2, 3, 4 … choose one of them with --step/,
    ],
    [
      original,
      { policy: "embedded-cold" },
      /"embedded-cold": .*model\.safetensors .*not what was trained with … say .*--policy/,
    ],
    [original, { policy: join(parent, "none") }, /there is no folder .*; say where .* with --policy/],
    [bare, {}, /there is no checkpoint … run bench with --keep 1 or more/],
    [bundle, {}, /there is no checkpoint/],
    [unfinished, {}, /it is interrupted … run the same bench command again/],
  ];
  const failures: readonly (readonly [string, Partial<PolicyExport>, RegExp])[] = [
    [damaged, {}, /step-000004\.checkpoint/],
    [foreign, {}, /Cannot trust the checkpoint of memory-r\+\/3 after 4 updates: step is 3, must be 4/],
  ];
  for (const [refusals, kind] of [[misuse, MisuseError], [failures, FailureError]] as const) {
    for (const [folder, options, message] of refusals) {
      const out = fresh();
      await rejects(
        exportPolicy(folder, { cell, out, ...options }),
        (error) => error instanceof kind && message.test(error.message),
        String(message),
      );
      ok(!existsSync(out), String(message));
    }
  }
});

Deno.test("exportPolicy() leaves a folder that holds something, and a file, as they are", async () => {
  const [full, empty, file] = [fresh(), fresh(), fresh()];
  for (const folder of [full, empty]) await Deno.mkdir(folder);
  writeFileSync(join(full, "notes.txt"), "mine");
  writeFileSync(file, "mine");
  await rejects(exportPolicy(original, { cell, out: full }), /it holds notes\.txt … choose a new folder with --out/);
  await rejects(exportPolicy(original, { cell, out: file }), /it is a file … choose a new folder/);
  deepEqual([readdirSync(full), readFileSync(file, "utf8")], [["notes.txt"], "mine"]);
  await exportPolicy(original, { cell, out: empty });
  equal((await readPolicy(empty)).digest, outcome.finalWeights);
});

Deno.test("exportPolicy() takes up a policy that was moved where it is told where to", async () => {
  const moved = fresh(), out = fresh();
  renameSync(start, moved);
  try {
    await rejects(exportPolicy(original, { cell, out }), (error) => {
      return error instanceof MisuseError && /there is no folder .*; say where .* with --policy/.test(error.message);
    });
    await exportPolicy(original, { cell, out, policy: moved });
    equal((await readPolicy(out)).digest, outcome.finalWeights);
  } finally {
    renameSync(moved, start);
  }
});

Deno.test("policy --help shows examples, and each of them runs", async () => {
  const program = new Command();
  addPolicy(program);
  const all = examplesOf(helpOf(program.commands[0]!)).filter(([name]) => name === "policy");
  const examples = all.filter((words) => !words.includes("--merged")); // that one is in adapter_test.ts
  deepEqual([all.length, examples.length], [3, 2]);
  for (const words of examples) {
    const out = fresh(), given = new Map([["--cell", cell], ["--step", "2"], ["--out", out]]);
    const args = words.map((word, i) => i === 1 ? original : given.get(words[i - 1]!) ?? word);
    const { code, stdout } = await captured(parent, ...args);
    equal(code, 0);
    match(stdout, /^Policy: .*folder-\d+ \(memory-r\+\/3 after [24] updates, [\d.]+[kM] parameters, (f32|bf16)\)$/m);
    await readPolicy(out);
  }
});

Deno.test("policy --json says what was written in its last line; a wrong command ends with 2 and a sentence", async () => {
  const out = fresh(),
    { code, stdout } = await captured(parent, "policy", original, "--cell", cell, "--out", out, "--json");
  equal(code, 0);
  const { parameters, ...written } = JSON.parse(stdout);
  ok(parameters > 5e5);
  deepEqual(written, {
    out,
    cell,
    dtype: "f32",
    step: 4,
    adapter: false,
    weights: sha256(new Uint8Array((await weightsAfter(4)).buffer)),
  });
  const again = await captured(parent, "policy", original, "--cell", cell, "--out", out);
  equal(again.code, 2);
  match(again.stderr, /^error: Cannot write a policy to .*: it holds .* … choose a new folder with --out\n$/);
});
