// Random policies of every attention layout, small enough to sample from in a test, and short ways to draw from them and
// to score what was drawn. The classes of harness/rl are used here and nowhere else in these tests.

import process from "node:process";
import { type Prng, stream } from "../../harness/base/prng.ts";
import { type ModelConfig, parseModelConfig } from "../../harness/model/config.ts";
import { initialWeights, type Weights } from "../../harness/model/layout.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import type { Sampling } from "../../harness/rl/decode_graph.ts";
import type { Draws } from "../../harness/rl/generation.ts";
import { promptBucket, promptFeeds } from "../../harness/rl/run_shapes.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import { type PassOptions, trainGraph } from "../../harness/rl/train_graph.ts";
import { PoolRuntime } from "../../harness/runtime/pool.ts";
import { floats, LocalRuntime, release, type Runtime, type Tensor } from "../../harness/runtime/session.ts";

/**
 * Largest relative difference between probabilities that should have equal bits. Exactness rests on how the CPU's kernels
 * add up; it has been seen with AVX-512 and with AVX2, and is not asked of other architectures.
 */
export const EXACT = process.arch === "x64" ? 0 : 1e-5;

/** Longest sequence that the tests lay out, padding included. */
export const LENGTH = 128;

export interface Policy {
  readonly config: ModelConfig;
  readonly weights: Weights;
}

const BASE = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  max_position_embeddings: LENGTH,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  initializer_range: 0.4,
};

const SHAPES = {
  MHA: {},
  /** Widths that no vector register divides. */
  GQA: { hidden_size: 12, num_attention_heads: 4, num_key_value_heads: 2, head_dim: 6, intermediate_size: 20 },
  Qwen2: {
    architectures: ["Qwen2ForCausalLM"],
    model_type: "qwen2",
    hidden_size: 32,
    num_attention_heads: 4,
    num_key_value_heads: 1,
    tie_word_embeddings: false,
  },
  /** Heads that are normalised and wider than the hidden size asks for, and every bias that attention can have. */
  Qwen3: {
    architectures: ["Qwen3ForCausalLM"],
    model_type: "qwen3",
    hidden_size: 12,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 6,
    attention_bias: true,
    tie_word_embeddings: false,
  },
} as const;
export type PolicyName = keyof typeof SHAPES;
export const POLICY_NAMES = Object.keys(SHAPES) as readonly PolicyName[];

/** A policy with random weights; norms and biases are random as well. */
export function smallPolicy(name: PolicyName, changes: Readonly<Record<string, unknown>> = {}): Policy {
  const config = parseModelConfig({ ...BASE, ...SHAPES[name], ...changes }, "config.json");
  const weights = initialWeights(config, 1), random = stream(2, "small policy");
  for (let i = weights.layout.decayed; i < weights.layout.size; i++) {
    weights.data[i] = weights.data[i]! + 0.2 * random.normal();
  }
  return { config, weights };
}

/** Random prompts of these lengths. */
export const randomPrompts = ({ config }: Policy, lengths: readonly number[]): Int32Array[] =>
  lengths.map((length, i) => {
    const random = stream(3, "prompt", i);
    return Int32Array.from({ length }, () => random.int(config.vocabSize));
  });

export const PLAIN: Sampling = { greedy: false, temperature: 1, topK: 0, topP: 1 };

export interface Drawing {
  readonly group: number;
  readonly maxTokens?: number;
  readonly sampling?: Partial<Sampling>;
  readonly endTokens?: readonly number[];
  readonly random?: (prompt: number, sample: number) => Prng;
  /** Workers with one thread each; 0 samples in this thread. */
  readonly workers?: number;
}

/** Gives a runtime to some work and takes it back. */
export async function withRuntime<T>(workers: number, work: (runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = workers === 0 ? new LocalRuntime({ device: "cpu", threads: 1 }) : new PoolRuntime("cpu", workers);
  try {
    return await work(runtime);
  } finally {
    await runtime.dispose();
  }
}

/** Completions of prompts, [prompts][group]. */
export function generate(
  { config, weights }: Policy,
  prompts: readonly Int32Array[],
  drawing: Drawing,
): Promise<Draws[][]> {
  const { group, maxTokens = 32, sampling, endTokens = [7, 21], workers = 0 } = drawing;
  const random = drawing.random ?? ((prompt: number, sample: number) => stream(4, "rollout", 0, prompt, sample));
  return withRuntime(workers, async (runtime) => {
    const sampler = new Sampler(runtime, config, endTokens, LENGTH);
    const draws = await sampler.generate(residentWeights(weights), prompts, {
      group,
      maxTokens,
      sampling: { ...PLAIN, ...sampling },
      random,
    });
    await sampler.dispose();
    return draws;
  });
}

export interface Scoring {
  readonly temperature?: number;
  /** Padded lengths; by default those that training would use. */
  readonly promptLength?: number;
  readonly length?: number;
  readonly threads?: number;
}

/** Probabilities of completions by one full forward of the trainer's graph, [prompts][group][tokens]. */
export async function score(
  { config, weights }: Policy,
  prompts: readonly Int32Array[],
  draws: readonly (readonly Draws[])[],
  scoring: Scoring = {},
): Promise<Float32Array[][]> {
  const longest = Math.max(...draws.flat().map(({ tokens }) => tokens.length));
  const { temperature = 1, promptLength = promptBucket(prompts), length = Math.max(2, longest), threads = 1 } = scoring;
  const group = draws[0]!.length, width = prompts.length * group, rows = width * length, vocabulary = config.vocabSize;
  const kept = draws[0]![0]!.kept !== null, support = new Uint8Array(kept ? rows * vocabulary : 0).fill(1);
  const tokens = new BigInt64Array(rows - width),
    positions = new BigInt64Array(rows - width),
    targets = new BigInt64Array(rows);
  const row = (p: number, s: number, t: number) => t * width + p * group + s;
  draws.forEach((samples, p) =>
    samples.forEach((sample, s) =>
      sample.tokens.forEach((token, t) => {
        targets[row(p, s, t)] = BigInt(token);
        if (sample.kept) support.set(sample.kept[t]!, row(p, s, t) * vocabulary);
        if (t === length - 1) return;
        tokens[row(p, s, t)] = BigInt(token);
        positions[row(p, s, t)] = BigInt(prompts[p]!.length + t);
      })
    )
  );
  const options: PassOptions = {
    config,
    layout: weights.layout,
    shape: { kind: "completions", promptLength, prompts: prompts.length, length, group },
    objective: { kind: "none" },
    temperature,
    kept,
    length: LENGTH,
  };
  const feeds: Record<string, Tensor> = {
    ...promptFeeds(prompts, promptLength),
    tokens: { data: tokens, shape: [rows - width] },
    positions: { data: positions, shape: [rows - width, 1] },
    targets: { data: targets, shape: [rows, 1] },
    ...(kept ? { kept: { data: support, shape: [rows, vocabulary] } } : {}),
  };
  const session = await new LocalRuntime({ device: "cpu", threads }).load(trainGraph(options));
  const results = await session.run(feeds, { resident: residentWeights(weights) }), all = floats(results.probability);
  const scores = draws.map((samples, p) =>
    samples.map(({ tokens }, s) => Float32Array.from(tokens, (_, t) => all[row(p, s, t)]!))
  );
  release(results);
  await session.dispose();
  return scores;
}
