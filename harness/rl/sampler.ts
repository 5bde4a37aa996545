// Generation: prompts in, completions with the probability of every token out. Prompts go side by side in shards, as many as
// a device has the memory for; the graphs of their shapes are kept as sessions (decode_graph.ts, staying_decode_graph.ts).

import { MisuseError } from "../base/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { type Layout, parameterLayout } from "../model/layout.ts";
import { isLarge, MANY_DECODERS } from "../runtime/choose.ts";
import { OutOfDeviceMemory } from "../runtime/device_failure.ts";
import { SessionCache } from "../runtime/session_cache.ts";
import type { Resident, Runtime, Session } from "../runtime/session.ts";
import { decodeGraph, type DecodeOptions, isCache, prefillGraph } from "./decode_graph.ts";
import { type Draws, type GenerateOptions, Generation } from "./generation.ts";
import { inOrder } from "./in_order.ts";
import { bucketsOf, decodeProducts, promptBucket, segmentOf, shardPrompts, STAYING_TOKENS } from "./run_shapes.ts";
import { stayingDecodeGraph } from "./staying_decode_graph.ts";

/**
 * Sessions kept of a large model: one reads prompts, one draws. Where tokens are drawn so many a run and the rest in a
 * shorter one there are three for a shape, and buckets of two shapes are at hand.
 */
const FEW_DECODERS = { fed: 2, staying: 6 };

/** Heads of other widths ONNX Runtime's fused attention refuses. */
const HEAD_STEP = 8;

/** The streams of prompts of which the first is that one. */
const startingAt = (first: number, options: GenerateOptions): GenerateOptions => ({
  ...options,
  random: (prompt, sample) => options.random(first + prompt, sample),
});

/** Draws completions from a policy. Keeps the sessions of the shapes that it has seen. */
export class Sampler {
  readonly #sessions: SessionCache;
  readonly #layout: Layout;
  /** Rows of a shard that the device was found to have the memory for. */
  #most = Infinity;

  constructor(
    private readonly runtime: Runtime,
    private readonly config: ModelConfig,
    private readonly endTokens: readonly number[],
    /** Positions that the rotary tables cover: the run's longest sequence, padding included. */
    private readonly length: number,
  ) {
    this.#layout = parameterLayout(config);
    const few = runtime.memory ? FEW_DECODERS.staying : FEW_DECODERS.fed;
    this.#sessions = new SessionCache(runtime, isLarge(this.#layout.size) ? few : MANY_DECODERS, runtime.precision);
    if (runtime.memory && config.headDim % HEAD_STEP !== 0) {
      throw new MisuseError(
        `Cannot sample on ${runtime.device}: the policy's head_dim ${config.headDim} is no multiple of ${HEAD_STEP}, as ` +
          "ONNX Runtime's attention needs it there … choose --device cpu",
      );
    }
    if (endTokens.length === 0) {
      throw new MisuseError(
        "Cannot sample: the policy names no end-of-sequence token; add eos_token_id to its config.json",
      );
    }
  }

  /**
   * G completions of each prompt, [prompts][G].
   *
   * @throws FailureError where the logits are not finite, and MisuseError where prompt and cap exceed the context.
   */
  async generate(weights: Resident, prompts: readonly Int32Array[], options: GenerateOptions): Promise<Draws[][]> {
    const { group, maxTokens } = options, longest = Math.max(...prompts.map((prompt) => prompt.length));
    if (longest + maxTokens > this.config.maxPositions) {
      throw new MisuseError(
        `Cannot generate: a prompt of ${longest} tokens and ${maxTokens} new ones exceed the context of ${this.config.maxPositions}; lower rl.maxCompletionTokens or rl.maxPromptTokens`,
      );
    }
    const fitting = Math.max(1, Math.floor(this.#most / group)), drawn: Draws[][] = [];
    const side = Math.min(fitting, shardPrompts(this.#layout, group, this.runtime.device));
    const starts = Array.from({ length: Math.ceil(prompts.length / side) }, (_, i) => i * side);
    const shard = (first: number) =>
      this.#fitting(weights, prompts.slice(first, first + side), startingAt(first, options));
    for await (const groups of inOrder(starts, this.runtime.concurrency, shard)) drawn.push(...groups);
    return drawn;
  }

  /** Draws a shard, in halves where the device has not the memory for all of it; later shards are no larger then. */
  async #fitting(weights: Resident, prompts: readonly Int32Array[], options: GenerateOptions): Promise<Draws[][]> {
    try {
      return await this.#shard(weights, prompts, options);
    } catch (error) {
      if (!(error instanceof OutOfDeviceMemory)) throw error;
      await this.#sessions.dispose(); // they keep what the larger runs took
      if (prompts.length === 1) {
        const { group, maxTokens } = options;
        throw new OutOfDeviceMemory(
          `${error.what} to draw ${group} completions of ${maxTokens} tokens side by side`,
          "lower rl.completions or rl.maxCompletionTokens (eval: --samples or --max-tokens), or choose --device cpu",
        );
      }
      const half = Math.ceil(prompts.length / 2), drawn: Draws[][] = [];
      this.#most = half * options.group;
      for (const first of [0, half]) {
        drawn.push(...await this.#fitting(weights, prompts.slice(first, first + half), startingAt(first, options)));
      }
      return drawn;
    }
  }

  async #shard(weights: Resident, prompts: readonly Int32Array[], options: GenerateOptions): Promise<Draws[][]> {
    const { endTokens } = this, promptLength = promptBucket(prompts, bucketsOf(this.#layout.size).prompt);
    const stays = this.runtime.memory !== null, segment = stays ? STAYING_TOKENS : segmentOf(this.runtime.device);
    const { precision } = this.runtime, capacity = promptLength + options.maxTokens;
    const all = new Generation(prompts, { ...options, promptLength, endTokens, stays, precision, segment });
    const shape = (): DecodeOptions => ({
      config: this.config,
      layout: this.#layout,
      length: this.length,
      sampling: options.sampling,
      endTokens,
      prompts: all.prompts,
      promptLength,
      group: all.group,
      products: decodeProducts(this.#layout, this.runtime.device),
      staying: stays ? { tokens: Math.max(1, all.steps), capacity, precision } : null,
    });
    try {
      await all.prefill(weights, await this.#session("prefill", shape()));
      while (all.compact()) await all.decode(weights, await this.#session("decode", shape()));
      return all.draws();
    } finally {
      all.dispose();
    }
  }

  #session(kind: "prefill" | "decode", options: DecodeOptions): Promise<Session> {
    const { prompts, group, promptLength, sampling, staying = null } = options;
    const shape = [prompts, group, promptLength, staying?.capacity, kind === "decode" ? staying?.tokens : null];
    return this.#sessions.get(
      [kind, ...shape, ...Object.values(sampling)].join(),
      () => {
        if (kind === "prefill") return prefillGraph(options);
        return staying ? stayingDecodeGraph(options, staying) : decodeGraph(options);
      },
      (graph) => [...graph.outputs.keys()].filter(isCache),
    );
  }

  dispose(): Promise<void> {
    return this.#sessions.dispose();
  }
}
