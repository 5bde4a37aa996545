// The completions of one shard, while they are drawn: which rows still run, their random streams, and their caches between
// the runs of the two graphs. What a row draws depends on its own stream and on the weights, not on which run beside it.

import { FailureError } from "../base/errors.ts";
import type { Precision } from "../base/device_names.ts";
import type { Prng } from "../base/prng.ts";
import {
  type AnyTensor,
  type AnyTensors,
  floats,
  onHost,
  release,
  type Resident,
  type Session,
  type Tensor,
} from "../runtime/session.ts";
import { cacheNames, type DecodeOptions, isCache, limitsSupport, type Sampling } from "./decode_graph.ts";
import { promptFeeds } from "./run_shapes.ts";

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
  constructor(readonly random: Prng) {}
}

const powerOfTwo = (value: number): number => 2 ** Math.ceil(Math.log2(value));

function finished(row: Row, limited: boolean): Draws {
  return {
    tokens: Int32Array.from(row.tokens),
    probabilities: Float32Array.from(row.probabilities),
    kept: limited ? row.kept : null,
    truncated: !row.ended,
  };
}

/** Rows that still run, and their caches, laid out [P, G]. */
export class Generation {
  readonly #rows: readonly Row[]; // of all prompts
  #slots: (Row | null)[]; // [P, G]; null pads a group
  #active: number[]; // prompt of each group
  #group: number;
  #caches: Record<string, AnyTensor> = {};
  #mask: Tensor;
  #length = 0; // tokens in the rows' own caches

  constructor(
    private readonly source: readonly Int32Array[],
    private readonly options:
      & GenerateOptions
      & Pick<DecodeOptions, "promptLength" | "endTokens">
      & { readonly stays: boolean; readonly precision: Precision; readonly segment: number },
  ) {
    const { group, random } = options,
      rows = source.flatMap((_, p) => Array.from({ length: group }, (_, sample) => new Row(random(p, sample))));
    this.#rows = rows;
    // One row alone would take another kernel than the trainer's many: give it a companion.
    const lonely = rows.length === 1;
    this.#slots = lonely ? [rows[0]!, null] : [...rows];
    this.#group = lonely ? 2 : group;
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

  async prefill(weights: Resident, session: Session): Promise<void> {
    const { promptTokens, promptLast } = promptFeeds(this.source, this.options.promptLength);
    const results = await session.run({ promptTokens, promptLast, ...this.#uniform(1, [this.#slots.length]) }, {
      resident: weights,
    });
    this.#append(results, 1);
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
  #append({ token, tokens, drawn, kept }: AnyTensors, steps: number): void {
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
        row.ended = this.options.endTokens.includes(token);
      }
    });
  }

  async decode(weights: Resident, session: Session): Promise<void> {
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
    this.#append(results, taken);
    this.#length += taken;
    for (const [name, tensor] of Object.entries(results)) {
      if (!name.startsWith("grown.")) continue;
      const cache = name.slice("grown.".length), previous = this.#caches[cache];
      if (previous) release({ previous });
      this.#caches[cache] = tensor;
    }
  }

  /** What has been drawn, [prompts][G]. */
  draws(): Draws[][] {
    const { group, sampling } = this.options, limited = limitsSupport(sampling);
    return this.source.map((_, p) => this.#rows.slice(p * group, (p + 1) * group).map((row) => finished(row, limited)));
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
        shape: ofPrompt ? [kept.length, ...tensor.shape.slice(1)] : [kept.length, heads, group, ...rest],
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
