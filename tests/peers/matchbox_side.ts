// Matchbox's side of `deno task peers`: the same work as torch_side.py, by the engine as a cell uses it, behind the same
// line protocol (README.md beside this file). Weights are random; shapes and token counts are those of the cases.

import { createInterface } from "node:readline";
import process from "node:process";
import { configSchema } from "../../harness/config.ts";
import { stream } from "../../harness/base/prng.ts";
import type { ModelConfig } from "../../harness/model/config.ts";
import { initialWeights } from "../../harness/model/layout.ts";
import { adapterOptions } from "../../harness/model/lora.ts";
import { MergedAdapter } from "../../harness/model/merged_adapter.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { batchAdvantages, type GroupRewards } from "../../harness/rl/advantage.ts";
import { Learner, type SampleGroup } from "../../harness/rl/learner.ts";
import { tokenWeights } from "../../harness/rl/objective.ts";
import { AdamW } from "../../harness/rl/optimizer.ts";
import { rollOut } from "../../harness/rl/rollout.ts";
import { runLength } from "../../harness/rl/run_shapes.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import { type Demonstration, Supervisor } from "../../harness/rl/supervise.ts";
import { chooseRuntime } from "../../harness/runtime/choose.ts";
import { peakMemoryBytes } from "../../harness/runtime/environment.ts";
import { runtimeVersion } from "../../harness/runtime/session.ts";
import { gsm8k } from "../../tasks/gsm8k.ts";
import { FixedStep } from "./fixed_step.ts";
import { modelShape, randomTokens, repeatedWeights } from "./shapes.ts";

type Case =
  | "lora-qwen"
  | "full-qwen"
  | "grpo-step"
  | "grpo-smollm2"
  | "train-embedded"
  | "train-smollm2"
  | "generate-embedded"
  | "generate-smollm2"
  | "generate-qwen";

const [name, ...flags] = Deno.args as [Case, ...string[]];
const flag = (key: string, fallback: number) => flags.includes(key) ? Number(flags[flags.indexOf(key) + 1]) : fallback;
const text = (key: string) => flags[flags.indexOf(key) + 1] ?? "";
const threads = flag("--threads", navigator.hardwareConcurrency), vocabulary = flag("--vocabulary", 512);

const embedded = modelShape("embedded", { vocab_size: vocabulary });
const smollm2 = modelShape("smollm2"), qwen = modelShape("qwen");
const PROMPT = 48;
const sampling = { greedy: false, temperature: 1, topK: 0, topP: 1 };
/** Generation of `prompts` x `group` completions of full length. No token ends one: -1 is none. */
function generation(
  config: ModelConfig,
  prompts: number,
  group: number,
  maxTokens: number,
): (step: number) => Promise<unknown> {
  const weights = config === qwen ? repeatedWeights(config) : initialWeights(config, 0);
  const runtime = chooseRuntime("cpu", threads, weights.layout.size), resident = residentWeights(weights);
  const sampler = new Sampler(runtime, config, [-1], runLength(PROMPT, maxTokens));
  const asked = Array.from({ length: prompts }, (_, p) => randomTokens(PROMPT, config.vocabSize, p));
  return (step) =>
    sampler.generate(resident, asked, {
      group,
      maxTokens,
      sampling,
      random: (p, g) => stream(step, "rollout", 0, p, g),
    });
}

/** A whole GRPO step: 8 prompts x 8 completions, 48 + 48 tokens. */
async function grpoStep(): Promise<(step: number) => Promise<unknown>> {
  const weights = initialWeights(embedded, 0), runtime = chooseRuntime("cpu", threads, weights.layout.size);
  const sizes = { prompts: 8, completions: 8, promptTokens: PROMPT, tokens: 48, threads };
  const steps = await FixedStep.create(runtime, embedded, weights, sizes);
  return async (step) => await steps.update(await steps.rollOut(step));
}

/** A GRPO step of a real policy on GSM8K's training questions: 4 prompts x 8 completions of up to 200 tokens. */
async function realGrpoStep(): Promise<(step: number) => Promise<unknown>> {
  const { config, weights, tokenizer } = await readPolicy(text("--policy"));
  const { splits: { train } } = await gsm8k.load({ dataDir: text("--data-dir"), level: 1 });
  const sizes = { questions: 4, completions: 8, maxPromptTokens: 256, maxCompletionTokens: 200 };
  const rl = { ...configSchema.parse({}).rl, ...sizes, learningRate: 1e-6 };
  const runtime = chooseRuntime("cpu", threads, weights.layout.size);
  const sampler = new Sampler(
    runtime,
    config,
    tokenizer.eosTokenIds,
    runLength(rl.maxPromptTokens, rl.maxCompletionTokens),
  );
  const learner = new Learner(runtime, config, weights, rl, null);
  const optimizer = await AdamW.create(weights, rl, threads);
  const asker = { task: gsm8k, tokenizer, sampler, maxPromptTokens: 256, maxTokens: 200 };
  return async (step) => {
    const items = Array.from({ length: 4 }, (_, i) => train.item(4 * step + i)), places = [0, 1, 2, 3];
    const groups = await rollOut(asker, learner.resident, items, 8, sampling, {
      seed: 0,
      purpose: "rollout",
      step,
      places,
    });
    const rewards = groups.map(({ grades }): GroupRewards => {
      const parts = gsm8k.rewards.map((_, k) => grades.map(({ rewards }) => rewards[k]!));
      return { parts, totals: grades.map(({ rewards }) => rewards.reduce((a, b) => a + b, 0)) };
    });
    const advantages = batchAdvantages(rewards, "std", 1e-4),
      weight = tokenWeights(groups.flatMap(({ draws }) => draws), rl);
    const batch = groups.map(({ promptTokens, draws }, g): SampleGroup => ({
      prompt: promptTokens,
      samples: draws.map((draw, i) => ({ ...draw, advantage: advantages[g]![i]!, weight: weight[8 * g + i]! })),
    }));
    await learner.update(batch, optimizer, rl.learningRate);
    return groups.flatMap(({ draws }) => draws).reduce((sum, draw) => sum + draw.tokens.length, 0);
  };
}

/** Forward, backward and AdamW on whole sequences. */
async function training(
  config: ModelConfig,
  batch: number,
  length: number,
): Promise<(step: number) => Promise<unknown>> {
  const weights = initialWeights(config, 0), runtime = chooseRuntime("cpu", threads, weights.layout.size);
  const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 };
  const supervisor = await Supervisor.create(runtime, config, weights, options, threads);
  const texts = Array.from({ length: batch }, (_, b): Demonstration => {
    const text = randomTokens(length + 1, config.vocabSize, b);
    return { prompt: text.slice(0, 1), completion: text.slice(1) };
  });
  return () => supervisor.step(texts, 1e-5);
}

/** An update on two prompts of 256 tokens with a completion of 200 each, in one micro-batch. */
async function tuning(adapted: boolean): Promise<(step: number) => Promise<unknown>> {
  const weights = repeatedWeights(qwen), runtime = chooseRuntime("cpu", threads, weights.layout.size);
  const limits = { microBatch: 2, maxPromptTokens: 256, maxCompletionTokens: 200 };
  const rl = { ...configSchema.parse({}).rl, ...limits, learningRate: 1e-5 };
  const options = adapterOptions(qwen, 16, null, null);
  const adapter = adapted ? await MergedAdapter.create(qwen, weights, options, { seed: 0, threads }) : null;
  const learner = new Learner(runtime, qwen, weights, rl, null, adapter);
  const optimizer = await AdamW.create(learner.trained, rl, threads);
  const batch = [1, -1].map((advantage, p): SampleGroup => ({
    prompt: randomTokens(256, qwen.vocabSize, p),
    samples: [{
      tokens: randomTokens(200, qwen.vocabSize, 2 + p),
      probabilities: new Float32Array(200).fill(1 / qwen.vocabSize),
      kept: null,
      advantage,
      weight: 1 / 400,
    }],
  }));
  return () => learner.update(batch, optimizer, rl.learningRate);
}

const CASES: Readonly<Record<Case, () => Promise<(step: number) => Promise<unknown>>>> = {
  "lora-qwen": () => tuning(true),
  "full-qwen": () => tuning(false),
  "grpo-step": grpoStep,
  "grpo-smollm2": realGrpoStep,
  "train-embedded": () => training(embedded, 64, 96),
  "train-smollm2": () => training(smollm2, 4, 256),
  "generate-embedded": () => Promise.resolve(generation(embedded, 8, 8, 48)),
  "generate-smollm2": () => Promise.resolve(generation(smollm2, 2, 8, 64)),
  "generate-qwen": () => Promise.resolve(generation(qwen, 16, 1, 200)),
};

const say = (message: unknown) => console.log(JSON.stringify(message));
const run = await CASES[name]();
say({
  ready: name,
  configuration: `float32, ${threads} threads`,
  versions: { deno: Deno.version.deno, onnxruntime: runtimeVersion },
});
let step = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "quit") break;
  const start = performance.now();
  const before = process.cpuUsage(), tokens = await run(step++), { user, system } = process.cpuUsage(before);
  say({
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakBytes: await peakMemoryBytes(),
    ...(typeof tokens === "number" ? { tokens } : {}),
  });
}
Deno.exit(0);
