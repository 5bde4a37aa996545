// All of it at once, in seconds, before everything else: a random tiny policy is written as a folder, read again, asked
// arithmetic, trained for two updates and evaluated; twice with the same result, and with another number of threads.

import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalJson } from "../harness/base/canonical_json.ts";
import { sha256 } from "../harness/base/digest.ts";
import { parseConfig } from "../harness/config.ts";
import type { Arm, CellEvent, Outcome } from "../harness/contract.ts";
import { parseModelConfig } from "../harness/model/config.ts";
import { initialWeights } from "../harness/model/layout.ts";
import { readPolicy, writePolicy } from "../harness/model/policy.ts";
import { trainTokenizer } from "../harness/model/train_tokenizer.ts";
import type { Cell } from "../harness/rl/open_cell.ts";
import { trainCell } from "../harness/rl/train.ts";
import { outcomeSchema, stepSchema } from "../harness/records/schema.ts";
import { arithmetic } from "../tasks/arithmetic.ts";
import { EXACT } from "./rl/small_policies.ts";

const CONFIG = parseConfig({
  task: { level: 1 },
  rl: {
    updates: 2,
    questions: 4,
    completions: 4,
    maxPromptTokens: 192,
    maxCompletionTokens: 12,
    microBatch: 8,
    updatesPerBatch: 2,
    klBeta: 0.05,
    learningRate: 1e-3,
    warmup: 0,
  },
  evaluation: { every: 1, validationItems: 6, testItems: 5, samples: 2, batch: 8 },
}, "the test");

/** A random policy answers nothing right: to have something to learn, few characters are rewarded. */
const brevity: Arm = {
  name: "brevity",
  summary: "rewards completions of few characters",
  trains: true,
  overrides: {},
  shaper: () => ({
    shape: ({ groups }) =>
      Promise.resolve(groups.map(({ completions }) => {
        const raw = completions.map(({ text }) => -text.length);
        return [{ name: "brevity", raw, values: raw }];
      })),
  }),
};

async function writeTinyPolicy(folder: string): Promise<void> {
  const { splits } = await arithmetic.load({ dataDir: null, level: 1 });
  const texts = Array.from(
    { length: 40 },
    (_, i) => arithmetic.prompt(splits.train.item(i)).map(({ content }) => content).join("\n"),
  );
  const files = trainTokenizer(texts, { vocabSize: 400, wholeTokens: [] });
  const config = parseModelConfig({
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_act: "silu",
    vocab_size: 400,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 256,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    initializer_range: 0.5,
    eos_token_id: files.eosTokenId,
    pad_token_id: files.padTokenId,
  }, "config.json");
  const companions = {
    "tokenizer.json": JSON.stringify(files.tokenizer),
    "tokenizer_config.json": JSON.stringify(files.tokenizerConfig),
  };
  await writePolicy(folder, { config, weights: initialWeights(config, 0), companions }, { dtype: "F32" });
}

interface Run {
  readonly events: readonly CellEvent[];
  readonly outcome: Outcome;
  readonly digest: string;
}

/** Trains a fresh copy of the policy. */
async function run(folder: string, threads: number, seed = 0): Promise<Run> {
  const events: CellEvent[] = [], policy = await readPolicy(folder);
  const cell: Cell = {
    task: arithmetic,
    taskOptions: { dataDir: null, level: CONFIG.task.level },
    policy,
    arm: brevity,
    seed,
    config: CONFIG,
    device: "cpu",
    threads,
    matched: { config: sha256(canonicalJson(CONFIG)), places: 8 },
    checkpoints: null,
    resumeAt: 0,
    validationOnly: false,
  };
  await trainCell(cell, (event) => events.push(event), new AbortController().signal);
  const end = events.at(-1)!;
  if (end.type !== "finished") throw new Error(`the last event is ${end.type}`);
  return { events, outcome: end.outcome, digest: sha256(canonicalJson(end.outcome)) };
}

Deno.test("a tiny policy trains on arithmetic from its folder to its record, the same way every time", async () => {
  const parent = await mkdtemp(join(tmpdir(), "matchbox-")), folder = join(parent, "tiny");
  try {
    await writeTinyPolicy(folder);
    const { events, outcome, digest } = await run(folder, 1);

    const kinds = events.map((event) =>
      event.type === "evaluation" ? `${event.record.split} ${event.record.mode} ${event.record.step}` : event.type
    );
    deepStrictEqual(kinds.filter((kind) => kind !== "phase" && kind !== "sample"), [
      "validation greedy 0",
      "test greedy 0",
      "test sample 0",
      "step",
      "validation greedy 1",
      "step",
      "validation greedy 2",
      "test greedy 2",
      "test sample 2",
      "finished",
    ]);

    const steps = events.flatMap((event) => event.type === "step" ? [event.record] : []);
    deepStrictEqual(steps.map(({ step }) => step), [1, 2]);
    for (const step of steps) {
      stepSchema.parse(step);
      ok(step.samplerTrainerGap <= EXACT, "sampler and trainer must agree to the bit");
      ok(step.gradientNorm > 0 && step.zeroVarianceTotal < 1 && step.zeroVarianceCorrectness === 1);
      ok(step.tokens.completion <= 4 * 4 * 12 && step.tokens.completion === step.completionLength * 16);
      ok(step.rewards.total!.std > 0 && step.entropy > 0 && step.kl! >= 0);
    }

    outcomeSchema.parse(outcome);
    notStrictEqual(outcome.finalWeights, outcome.match.weights);
    strictEqual(outcome.samplerTrainerGap, Math.max(...steps.map(({ samplerTrainerGap }) => samplerTrainerGap)));
    deepStrictEqual(outcome.tokens, {
      prompt: steps.reduce((sum, { tokens }) => sum + tokens.prompt, 0),
      completion: steps.reduce((sum, { tokens }) => sum + tokens.completion, 0),
    });
    strictEqual(outcome.evaluations.length, 7);
    for (const { n, samples, accuracy, passAtSamples, statuses } of outcome.evaluations) {
      strictEqual(Object.values(statuses).reduce((a, b) => a + b), n * samples);
      strictEqual(accuracy, statuses.correct / (n * samples));
      ok(passAtSamples >= accuracy);
    }

    const samples = events.flatMap((event) => event.type === "sample" ? [event.record] : []);
    const drawn = [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]; // after the greedy ones, question by question
    deepStrictEqual(samples.map(({ sample }) => sample), [0, 0, 0, 0, 0, ...drawn]);
    strictEqual(outcome.samples, sha256(samples.map((sample) => `${canonicalJson(sample)}\n`).join("")));

    strictEqual((await run(folder, 1)).digest, digest, "a second run");
    strictEqual((await run(folder, 2)).digest, digest, "another number of threads");
    const other = await run(folder, 1, 1);
    strictEqual(other.outcome.match.weights, outcome.match.weights);
    notStrictEqual(other.outcome.match.order, outcome.match.order);
    notStrictEqual(other.outcome.asked.digest, outcome.asked.digest);
    notStrictEqual(other.outcome.finalWeights, outcome.finalWeights);
  } finally {
    await rm(parent, { recursive: true });
  }
});
