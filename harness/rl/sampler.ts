// Generation: prompts in, completions with the probability of every token out. It owns the bookkeeping around the two
// graphs of decode_graph.ts: padding, buckets of shapes, random streams, and dropping rows that have ended.
// What a sample draws depends on its own stream and on the weights, not on which other rows run beside it.

import { FailureError, MisuseError } from "../base/errors.ts";
import type { Precision } from "../base/device_names.ts";
import type { Prng } from "../base/prng.ts";
import type { ModelConfig } from "../model/config.ts";
import { type Layout, parameterLayout } from "../model/layout.ts";
import { MASKED, type Model } from "../model/transformer.ts";
import { isLarge, MANY_DECODERS } from "../runtime/choose.ts";
import { OutOfDeviceMemory } from "../runtime/device_failure.ts";
import type { Device } from "../runtime/devices.ts";
import { SessionCache } from "../runtime/session_cache.ts";
import {
  type AnyTensor,
  type AnyTensors,
  floats,
  onHost,
  release,
  type Resident,
  type Runtime,
  type Session,
  type Tensor,
} from "../runtime/session.ts";
import {
  cacheNames,
  decodeGraph,
  type DecodeOptions,
  isCache,
  limitsSupport,
  prefillGraph,
  type Sampling,
} from "./decode_graph.ts";
import { inOrder } from "./in_order.ts";
import { stayingDecodeGraph } from "./staying_decode_graph.ts";

/**
 * Prompts and completions are padded to multiples of these, so that few shapes occur; fewer of a large model, whose
 * sessions are costly to make and keep gigabytes.
 */
const BUCKETS = { small: { prompt: 16, completion: 16 }, large: { prompt: 64, completion: 32 } };

/** The buckets of a model with so many floats of weights. */
export const bucketsOf = (weights: number): { prompt: number; completion: number } =>
  isLarge(weights) ? BUCKETS.large : BUCKETS.small;

/** Tokens drawn between two looks at which rows have ended. A device looks once: its caches would have to come and go. */
export const SEGMENT = 24;
const segmentOf = (device: Device): number => device === "cpu" ? SEGMENT : Infinity;

/**
 * Sessions kept of a large model: one reads prompts, one draws. Where tokens are drawn so many a run and the rest in a
 * shorter one there are three for a shape, and buckets of two shapes are at hand.
 */
const FEW_DECODERS = { fed: 2, staying: 6 };

/** Tokens of a run where caches stay on the device: each run costs its feeds and its outputs, and nothing looks in between. */
const STAYING_TOKENS = 8;

/** Heads of other widths ONNX Runtime's fused attention refuses. */
const HEAD_STEP = 8;

/** Tokens drawn for one row. */
export interface Draws {
  /** With the end-of-sequence token, where one was drawn. */
  readonly tokens: Int32Array;
  readonly probabilities: Float32Array;
  /** Support of each token's distribution, [V] a token; null where it is all of the vocabulary. */
  readonly kept: readonly Uint8Array[] | null;
  /** No end-of-sequence token within the cap. */
  readonly truncated: boolean;
}

export interface GenerateOptions {
  readonly group: number;
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** The random stream of a row. */
  readonly random: (prompt: number, sample: number) => Prng;
}

/** A row that is being drawn. */
class Row {
  readonly tokens: number[] = [];
  readonly probabilities: number[] = [];
  readonly kept: Uint8Array[] = [];
  ended = false;
  constructor(readonly prompt: number, readonly sample: number, readonly random: Prng) {}
}

export const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
const powerOfTwo = (value: number): number => 2 ** Math.ceil(Math.log2(value));

/** Prompts [S, P] time-major, padded at the end, as both graphs and the trainer take them. */
export function promptFeeds(
  prompts: readonly Int32Array[],
  length: number,
): Record<"promptTokens" | "promptLast" | "promptMask", Tensor> {
  const count = prompts.length;
  const tokens = new BigInt64Array(length * count),
    last = new BigInt64Array(count),
    mask = new Float32Array(count * length);
  prompts.forEach((prompt, p) => {
    prompt.forEach((token, t) => tokens[t * count + p] = BigInt(token));
    last[p] = BigInt((prompt.length - 1) * count + p);
    mask.fill(MASKED, p * length + prompt.length, (p + 1) * length);
  });
  return {
    promptTokens: { data: tokens, shape: [length * count] },
    promptLast: { data: last, shape: [count] },
    promptMask: { data: mask, shape: [count, 1, 1, 1, length] },
  };
}

/** Positions of the longest sequence that a run can lay out: what rotary tables are made for. */
export const runLength = (maxPromptTokens: number, maxCompletionTokens: number): number =>
  roundUp(maxPromptTokens, BUCKETS.large.prompt) + roundUp(maxCompletionTokens, BUCKETS.large.completion);

/** Bucketed length of the longest of the prompts. */
export const promptBucket = (prompts: readonly Int32Array[], multiple: number = BUCKETS.small.prompt): number =>
  roundUp(Math.max(...prompts.map((prompt) => prompt.length)), multiple);

/**
 * Rows that go side by side in one run; constants, so that nothing depends on the number of workers. A large model's
 * products have the rows as columns, and the CPU kernel adds up in other blocks where these are more than 16. A device
 * reads its weights once a token for all rows: there they are as many as its memory may be thought to hold caches for.
 */
const SHARD_ROWS = { small: 32, large: 16, device: 128 };

/** Prompts with so many completions each that go side by side. */
export const shardPrompts = ({ size }: Layout, group: number, device: Device = "cpu"): number => {
  const rows = device !== "cpu" ? SHARD_ROWS.device : isLarge(size) ? SHARD_ROWS.large : SHARD_ROWS.small;
  return Math.max(1, Math.floor(rows / group));
};

/** How decoding multiplies: with few rows against weights that do not fit the CPU's cache, columns are faster. */
export const decodeProducts = ({ size }: Layout, device: Device = "cpu"): Model["products"] =>
  device === "cpu" && isLarge(size) ? "columns" : "rows";

/** Draws completions from a policy. Keeps the sessions of the shapes that it has seen. */
export class Sampler {
  readonly #sessions: SessionCache;
  readonly #layout: Layout;
  /** Prompts of a shard that the device was found to have the memory for. */
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
    const { group, maxTokens, random } = options, longest = Math.max(...prompts.map((prompt) => prompt.length));
    if (longest + maxTokens > this.config.maxPositions) {
      throw new MisuseError(
        `Cannot generate: a prompt of ${longest} tokens and ${maxTokens} new ones exceed the context of ${this.config.maxPositions}; lower rl.maxCompletionTokens or rl.maxPromptTokens`,
      );
    }
    const side = Math.min(this.#most, shardPrompts(this.#layout, group, this.runtime.device)), drawn: Draws[][] = [];
    const starts = Array.from({ length: Math.ceil(prompts.length / side) }, (_, i) => i * side);
    const shard = (first: number) => {
      const shifted = { ...options, random: (prompt: number, sample: number) => random(first + prompt, sample) };
      return this.#fitting(weights, prompts.slice(first, first + side), shifted);
    };
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
      const half = this.#most = Math.ceil(prompts.length / 2), drawn: Draws[][] = [];
      for (const first of [0, half]) {
        const shifted = (prompt: number, sample: number) => options.random(first + prompt, sample);
        drawn.push(
          ...await this.#fitting(weights, prompts.slice(first, first + half), { ...options, random: shifted }),
        );
      }
      return drawn;
    }
  }

  async #shard(weights: Resident, prompts: readonly Int32Array[], options: GenerateOptions): Promise<Draws[][]> {
    const { group, random } = options, promptLength = promptBucket(prompts, bucketsOf(this.#layout.size).prompt);
    const rows = prompts.flatMap((_, p) =>
      Array.from({ length: group }, (_, sample) => new Row(p, sample, random(p, sample)))
    );
    const stays = this.runtime.memory !== null, segment = stays ? STAYING_TOKENS : segmentOf(this.runtime.device);
    const { precision } = this.runtime, capacity = promptLength + options.maxTokens;
    const all = new Generation(prompts, rows, { ...options, group, promptLength, stays, precision, segment });
    const shape = (): DecodeOptions => ({
      config: this.config,
      layout: this.#layout,
      length: this.length,
      sampling: options.sampling,
      endTokens: this.endTokens,
      prompts: all.prompts,
      promptLength,
      group: all.group,
      products: decodeProducts(this.#layout, this.runtime.device),
      staying: stays ? { tokens: Math.max(1, all.steps), capacity, precision } : null,
    });
    try {
      await all.prefill(weights, await this.#session("prefill", shape()), this.endTokens);
      while (all.compact()) await all.decode(weights, await this.#session("decode", shape()), this.endTokens);
    } finally {
      all.dispose();
    }
    return prompts.map((_, p) =>
      rows.slice(p * group, (p + 1) * group).map((row) => finished(row, limitsSupport(options.sampling)))
    );
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

function finished(row: Row, limited: boolean): Draws {
  return {
    tokens: Int32Array.from(row.tokens),
    probabilities: Float32Array.from(row.probabilities),
    kept: limited ? row.kept : null,
    truncated: !row.ended,
  };
}

/** The state of one call: which rows still run, and their caches, laid out [P, G]. */
class Generation {
  #slots: (Row | null)[]; // [P, G]; null pads a group
  #active: number[]; // prompt of each group
  #group: number;
  #caches: Record<string, AnyTensor> = {};
  #mask: Tensor;
  #length = 0; // tokens in the rows' own caches

  constructor(
    private readonly source: readonly Int32Array[],
    rows: readonly Row[],
    private readonly options:
      & GenerateOptions
      & Pick<DecodeOptions, "promptLength">
      & { readonly stays: boolean; readonly precision: Precision; readonly segment: number },
  ) {
    // One row alone would take another kernel than the trainer's many: give it a companion.
    const lonely = rows.length === 1;
    this.#slots = lonely ? [rows[0]!, null] : [...rows];
    this.#group = lonely ? 2 : options.group;
    this.#active = source.map((_, p) => p);
    this.#mask = promptFeeds(source, options.promptLength).promptMask;
  }

  get prompts(): number {
    return this.#active.length;
  }

  get group(): number {
    return this.#group;
  }

  /** Tokens that the next run draws. */
  get steps(): number {
    return Math.min(this.options.segment, this.options.maxTokens - 1 - this.#length);
  }

  async prefill(weights: Resident, session: Session, endTokens: readonly number[]): Promise<void> {
    const { promptTokens, promptLast } = promptFeeds(this.source, this.options.promptLength);
    const results = await session.run({ promptTokens, promptLast, ...this.#uniform(1, [this.#slots.length]) }, {
      resident: weights,
    });
    this.#append(results, 1, endTokens);
    this.#caches = Object.fromEntries(Object.entries(results).filter(([name]) => isCache(name)));
  }

  /** Uniform numbers for the next tokens; greedy decoding takes none. */
  #uniform(steps: number, shape: readonly number[]): Record<string, Tensor> {
    if (this.options.sampling.greedy) return {};
    const data = new Float32Array(steps * this.#slots.length);
    this.#slots.forEach((row, i) => {
      if (row && !row.ended) {
        for (let t = 0; t < steps; t++) data[t * this.#slots.length + i] = row.random.uniform();
      }
    });
    return { uniform: { data, shape } };
  }

  /** Appends drawn tokens [n, R] to the rows that had not ended. */
  #append({ token, tokens, drawn, kept }: AnyTensors, steps: number, endTokens: readonly number[]): void {
    const count = this.#slots.length, probabilities = floats(drawn);
    const ids = onHost(tokens ?? token).data as BigInt64Array, vocabulary = kept ? kept.shape.at(-1)! : 0;
    const support = kept ? onHost(kept).data as Uint8Array : null;
    this.#slots.forEach((row, i) => {
      for (let t = 0; row && !row.ended && t < steps; t++) {
        const at = t * count + i, token = Number(ids[at]);
        if (!(probabilities[at]! > 0)) {
          const other = this.options.precision === "float16" ? ", or choose --precision float32" : "";
          throw new FailureError(
            "Cannot sample: the policy's logits are not finite; lower rl.learningRate, or check the weights that it began " +
              `with${other}`,
          );
        }
        row.tokens.push(token);
        row.probabilities.push(probabilities[at]!);
        if (support) row.kept.push(support.slice(at * vocabulary, (at + 1) * vocabulary));
        row.ended = endTokens.includes(token);
      }
    });
  }

  async decode(weights: Resident, session: Session, endTokens: readonly number[]): Promise<void> {
    const count = this.#slots.length, { steps } = this;
    const token = new BigInt64Array(count), done = new Uint8Array(count).fill(1), position = new Int32Array(count);
    this.#slots.forEach((row, i) => {
      position[i] = this.source[this.#active[Math.floor(i / this.#group)]!]!.length + this.#length;
      if (!row || row.ended) return;
      token[i] = BigInt(row.tokens.at(-1)!);
      done[i] = 0;
    });
    const last = this.#length + steps === this.options.maxTokens - 1;
    const drawn = ["tokens", "drawn", ...(limitsSupport(this.options.sampling) ? ["kept"] : [])];
    const caches = Object.keys(this.#caches);
    const feeds: Record<string, Tensor> = this.options.stays
      ? {
        position: { data: position, shape: [count] },
        reach: { data: Int32Array.of(Math.max(...position) + steps), shape: [1] },
      }
      : {
        position: { data: BigInt64Array.from(position, BigInt), shape: [count] },
        promptMask: this.#mask,
        done: { data: done, shape: [count] },
        steps: { data: BigInt64Array.of(BigInt(steps)), shape: [1] },
      };
    const results = await session.run({
      ...this.#caches,
      ...feeds,
      token: { data: token, shape: [count] },
      ...this.#uniform(steps, [steps, count]),
    }, {
      resident: weights,
      consumed: last ? caches : caches.filter((name) => !name.startsWith("prompt")),
      ...(last ? { wanted: drawn } : {}),
    });
    const taken = results.tokens!.shape[0]!;
    this.#append(results, taken, endTokens);
    this.#length += taken;
    for (const [name, tensor] of Object.entries(results)) {
      if (!name.startsWith("grown.")) continue;
      const cache = name.slice("grown.".length), previous = this.#caches[cache];
      if (previous) release({ previous });
      this.#caches[cache] = tensor;
    }
  }

  dispose(): void {
    release(this.#caches);
    this.#caches = {};
  }

  /** Drops groups and rows that have ended, to the next power of two; false when nothing is left to draw. */
  compact(): boolean {
    const running = this.#active.map((_, p) =>
      this.#slots.slice(p * this.#group, (p + 1) * this.#group).filter((row) => row && !row.ended)
    );
    const widest = Math.max(...running.map((rows) => rows.length));
    if (widest === 0 || this.#length >= this.options.maxTokens - 1) return false;
    if (this.#length === 0 && !("k.0" in this.#caches)) this.#emptyCaches();
    if (this.options.stays) return true; // a device draws many rows about as fast as few
    const alive = running.flatMap((rows, p) => rows.length > 0 ? [p] : []);
    const prompts = Math.min(this.prompts, powerOfTwo(alive.length));
    const group = Math.min(this.#group, powerOfTwo(widest));
    if (prompts * group >= this.#slots.length || prompts * group < 2) return true;
    const kept = [...alive, ...this.#active.map((_, p) => p).filter((p) => !alive.includes(p))].slice(0, prompts);
    this.#take(kept, group);
    return true;
  }

  /** Keeps the groups at these positions, each with `group` of its rows, running ones first. */
  #take(kept: readonly number[], group: number): void {
    const from = kept.map((p) => {
      const slots = Array.from({ length: this.#group }, (_, i) => p * this.#group + i);
      const runs = (i: number) => this.#slots[i] !== null && !this.#slots[i]!.ended;
      return [...slots.filter(runs), ...slots.filter((i) => !runs(i))].slice(0, group);
    });
    for (const [name, tensor] of Object.entries(this.#caches)) {
      const [, heads, , ...rest] = tensor.shape as [number, number, ...number[]];
      const ofPrompt = name.startsWith("prompt"), inner = ofPrompt ? tensor.shape.slice(2) : rest;
      const block = inner.reduce((a, b) => a * b, 1), width = ofPrompt ? 1 : group, source = floats(tensor);
      const data = new Float32Array(kept.length * heads * width * block);
      kept.forEach((p, to) => {
        for (let head = 0; head < heads; head++) {
          for (let i = 0; i < width; i++) {
            const slot = ofPrompt ? 0 : from[to]![i]! - p * this.#group;
            const start = ((p * heads + head) * (ofPrompt ? 1 : this.#group) + slot) * block;
            data.set(source.subarray(start, start + block), ((to * heads + head) * width + i) * block);
          }
        }
      });
      release({ tensor });
      this.#caches[name] = {
        data,
        shape: ofPrompt ? [kept.length, ...tensor.shape.slice(1)] : [kept.length, heads, group, ...rest.slice(0)],
      };
    }
    const length = this.options.promptLength, mask = floats(this.#mask);
    const masks = kept.map((p) => mask.slice(p * length, (p + 1) * length));
    this.#mask = { data: Float32Array.from(masks.flatMap((part) => [...part])), shape: [kept.length, 1, 1, 1, length] };
    this.#slots = from.flatMap((slots) => slots.map((i) => this.#slots[i]!));
    this.#active = kept.map((p) => this.#active[p]!);
    this.#group = group;
  }

  /** Before the first step the rows' own caches hold no token. */
  #emptyCaches(): void {
    const layers = Object.keys(this.#caches).length / 2;
    for (let layer = 0; layer < layers; layer++) {
      const names = cacheNames(layer),
        [prompts, heads, , width] = this.#caches[names.promptK]!.shape as [number, number, number, number];
      for (const name of [names.k, names.v]) {
        this.#caches[name] = { data: new Float32Array(0), shape: [prompts, heads, this.#group, 0, width] };
      }
    }
  }
}
