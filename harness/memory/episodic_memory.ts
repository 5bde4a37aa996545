// What was answered to which question: keys with a vector each, and response vectors under them (Memory-R, section
// 2.2, https://arxiv.org/abs/2504.02273). At most `keys` keys, the oldest leaves first, by its first insertion; at most
// `values` vectors a key, the oldest leaves first. It knows nothing of success, failure or rewards: an arm keeps one
// memory for each.

import { bytesOf } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { isObject } from "../base/json_file.ts";
import { KnnIndex } from "./knn_index.ts";

/** Capacities: N and L of the paper, and up to how many keys the search for neighbours is exact. */
export interface MemoryLimits {
  readonly keys: number;
  readonly values: number;
  readonly exactKeys: number;
}

export class EpisodicMemory {
  readonly #dimensions: number;
  readonly #limits: MemoryLimits;
  readonly #index: KnnIndex;
  /** Values by key and by the id of the key's row, both oldest first. */
  readonly #byKey = new Map<string, Float32Array[]>();
  readonly #byId = new Map<number, Float32Array[]>();
  #valueCount = 0;

  /** @throws RangeError unless all are positive integers */
  constructor(dimensions: number, limits: MemoryLimits) {
    const { keys, values, exactKeys } = limits;
    for (const [name, value] of Object.entries({ dimensions, keys, values, exactKeys })) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new RangeError(`Cannot make a memory: ${name} is ${value} … it must be a positive integer`);
      }
    }
    this.#dimensions = dimensions;
    this.#limits = { keys, values, exactKeys };
    this.#index = new KnnIndex(dimensions, limits);
  }

  get keyCount(): number {
    return this.#byKey.size;
  }

  get valueCount(): number {
    return this.#valueCount;
  }

  /**
   * Remembers copies of values [D] under a key; a key that is there keeps its place and its vector [D]. Nothing happens
   * without values.
   * @throws RangeError for a vector of another length than D, or whose length is 0 or no number
   */
  insert(key: string, vector: Float32Array, values: readonly Float32Array[]): void {
    for (const each of [vector, ...values]) this.#check(each);
    if (values.length === 0) return;
    let held = this.#byKey.get(key);
    if (held === undefined) {
      if (this.#byKey.size === this.#limits.keys) this.#evict();
      held = [];
      this.#byKey.set(key, held);
      this.#byId.set(this.#index.push(vector), held);
    }
    const before = held.length;
    held.push(...values.slice(-this.#limits.values).map((value) => value.slice()));
    held.splice(0, held.length - this.#limits.values);
    this.#valueCount += held.length - before;
  }

  /**
   * The vectors under the `k` keys nearest to the query [D] by cosine: nearest key first (of equally near ones the
   * older), a key's oldest value first. Not copies: they are not to be written to.
   * @throws RangeError as {@linkcode insert}, and for a `k` that is no positive integer
   */
  neighbours(query: Float32Array, k: number): readonly Float32Array[] {
    this.#check(query);
    if (!Number.isSafeInteger(k) || k < 1) {
      throw new RangeError(`Cannot search a memory: k is ${k} … it must be a positive integer`);
    }
    return this.#index.nearest(query, k).flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** Its whole state; equal states give equal bytes. */
  save(): Uint8Array {
    const header = {
      dimensions: this.#dimensions,
      limits: this.#limits,
      dropped: this.#index.dropped,
      keys: [...this.#byKey.keys()],
      counts: [...this.#byKey.values()].map((held) => held.length),
    };
    const parts = [
      new TextEncoder().encode(JSON.stringify(header) + "\n"),
      bytesOf(this.#index.rows()),
      ...[...this.#byKey.values()].flat().map(bytesOf),
    ];
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Takes up a saved state. @throws FailureError where it is of another shape or with other limits, or damaged */
  load(bytes: Uint8Array): void {
    const end = bytes.indexOf(10);
    const header = headerOf(bytes.subarray(0, Math.max(end, 0)));
    const shape = JSON.stringify({ dimensions: this.#dimensions, limits: this.#limits });
    if (JSON.stringify({ dimensions: header.dimensions, limits: header.limits }) !== shape) {
      throw new FailureError(
        `Cannot load a memory: it was saved with ${
          JSON.stringify(header.limits)
        } and ${header.dimensions} dimensions, ` +
          `this one has ${JSON.stringify(this.#limits)} and ${this.#dimensions} … start afresh, or set what it had`,
      );
    }
    const { dropped, keys, counts } = header;
    const rows = dropped + keys.length, total = counts.reduce((sum, count) => sum + count, 0);
    const fits = keys.length <= this.#limits.keys && new Set(keys).size === keys.length &&
      counts.length === keys.length && counts.every((count) => count >= 1 && count <= this.#limits.values) &&
      bytes.length === end + 1 + 4 * (rows + total) * this.#dimensions;
    if (!fits) {
      throw new FailureError(
        "Cannot load a memory: its bytes are not what its header says … resume from an older checkpoint",
      );
    }
    const floats = new Float32Array(bytes.slice(end + 1).buffer);
    this.#index.restore(floats.subarray(0, rows * this.#dimensions), dropped);
    this.#byKey.clear();
    this.#byId.clear();
    this.#valueCount = total;
    let at = rows * this.#dimensions;
    keys.forEach((key, i) => {
      const held = Array.from({ length: counts[i] ?? 0 }, () => floats.slice(at, at += this.#dimensions));
      this.#byKey.set(key, held);
      this.#byId.set(this.#index.oldest + i, held);
    });
  }

  #evict(): void {
    const [key, held] = this.#byKey.entries().next().value ?? [];
    if (key === undefined || held === undefined) return;
    this.#byKey.delete(key);
    this.#byId.delete(this.#index.oldest);
    this.#valueCount -= held.length;
  }

  #check(vector: Float32Array): void {
    if (vector.length !== this.#dimensions) {
      throw new RangeError(`Cannot use a vector: it has ${vector.length} dimensions, the memory ${this.#dimensions}`);
    }
    const squares = vector.reduce((sum, value) => sum + value * value, 0);
    if (!(squares > 0 && squares < Infinity)) {
      throw new RangeError(`Cannot use a vector: its squared length is ${squares} … an embedder refuses such texts`);
    }
  }
}

interface Header {
  readonly dimensions: number;
  readonly limits: MemoryLimits;
  readonly dropped: number;
  readonly keys: readonly string[];
  readonly counts: readonly number[];
}

function headerOf(bytes: Uint8Array): Header {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    value = null;
  }
  if (!isHeader(value)) {
    throw new FailureError("Cannot load a memory: its header is damaged … resume from an older checkpoint");
  }
  return value;
}

function isHeader(value: unknown): value is Header {
  const isCount = (count: unknown) => Number.isSafeInteger(count) && Number(count) >= 0;
  return isObject(value) && isCount(value["dimensions"]) && isObject(value["limits"]) && isCount(value["dropped"]) &&
    Array.isArray(value["keys"]) && value["keys"].every((key) => typeof key === "string") &&
    Array.isArray(value["counts"]) && value["counts"].every(isCount);
}
