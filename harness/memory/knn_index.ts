// The nearest rows by cosine, oldest row out first. A pure function of its rows: what was saved and loaded goes on
// exactly as what was not, because only rows are saved and the graph is built again from them, in their order (a file
// of usearch's lacks the state of the generator that draws the levels of the rows to come).
//
// Up to `exactKeys` rows the search is exact. Above it is an HNSW graph (Malkov and Yashunin,
// https://arxiv.org/abs/1603.09320), on one thread, whose candidates are ranked again by exact cosines. Rows that were
// dropped stay in the graph as stepping stones; when they are more than a quarter of it, it is built again without them,
// which takes as long as adding the others did.
//
// The only file that knows usearch, https://github.com/unum-cloud/usearch.

import { exactSearch, Index, MetricKind, ScalarKind } from "usearch";

/** How many rows are kept, and up to how many the search is exact. */
export interface KnnLimits {
  readonly keys: number;
  readonly exactKeys: number;
}

/** Two threads build another graph every time. */
const THREADS = 1;

/** No cosine of usearch's exact search is so far off (6e-8 at most was seen); who is nearer is decided without it. */
const SLACK = 1e-5;

/**
 * Measured with 100,000 keys of 384 dimensions (tests/peers/README.md). The graph holds rows scaled to length 1, for which
 * the squared distance ranks as the cosine does and takes three quarters of its time. bfloat16 takes half the time of
 * float32 and loses nothing between near rows, whose common part cancels: cosines of hidden states may differ in the fifth
 * decimal only, where 8-bit integers or inner products of bfloat16 find nothing.
 */
const GRAPH = {
  metric: MetricKind.L2sq,
  quantization: ScalarKind.BF16,
  connectivity: 24,
  expansion_add: 128,
  expansion_search: 176,
  multi: false,
};

export class KnnIndex {
  readonly #dimensions: number;
  readonly #limits: KnnLimits;
  readonly #slots: number;
  /** Row `id` is in slot `id % slots`: a ring that grows by doubling until it is full. */
  #rows: Float32Array; // [slots, dimensions]
  #first = 0; // oldest id in the graph
  #oldest = 0; // oldest id that counts
  #next = 0;
  #graph: Index | null = null;

  constructor(dimensions: number, limits: KnnLimits) {
    this.#dimensions = dimensions;
    this.#limits = limits;
    const { keys, exactKeys } = limits;
    this.#slots = keys <= exactKeys ? keys : keys + Math.floor(keys / 3) + 1;
    this.#rows = new Float32Array(Math.min(this.#slots, 64) * dimensions);
  }

  get size(): number {
    return this.#next - this.#oldest;
  }

  /** Id of the oldest row; ids count up by one. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Rows that were dropped and are still in the graph: part of the state. */
  get dropped(): number {
    return this.#oldest - this.#first;
  }

  /** Adds a row, of any length but 0, and drops the oldest where `keys` are there. Returns its id. */
  push(row: Float32Array): number {
    if (this.size === this.#limits.keys) this.#oldest++;
    const id = this.#next++;
    const at = id % this.#slots * this.#dimensions;
    if (at === this.#rows.length) {
      const rows = new Float32Array(Math.min(2 * this.#rows.length, this.#slots * this.#dimensions));
      rows.set(this.#rows);
      this.#rows = rows;
    }
    this.#rows.set(row, at);
    if (this.#graph === null) {
      this.#first = this.#oldest;
      if (this.size > this.#limits.exactKeys) this.#buildGraph();
    } else if (4 * this.dropped > this.#next - this.#first) {
      this.#first = this.#oldest;
      this.#buildGraph();
    } else {
      this.#graph.add(BigInt(id), unit(row), THREADS);
    }
    return id;
  }

  /** Ids of the `k` nearest rows, nearest first; of equally near ones the older first. */
  nearest(query: Float32Array, k: number): number[] {
    const wanted = Math.min(k, this.size), all = this.#next - this.#first;
    if (wanted === 0) return [];
    for (let fetch = 2 * wanted + 24;; fetch *= 8) {
      fetch = Math.min(fetch, all);
      const { ids, floor } = this.#graph ? this.#search(this.#graph, query, fetch) : this.#searchAll(query, fetch);
      const ranked = ids.filter((id) => id >= this.#oldest)
        .map((id) => ({ id, cosine: this.#cosine(id, query) }))
        .sort((a, b) => b.cosine - a.cosine || a.id - b.id);
      const last = ranked[wanted - 1];
      if (fetch === all || last !== undefined && last.cosine > floor) {
        return ranked.slice(0, wanted).map(({ id }) => id);
      }
    }
  }

  /** All rows in order, those dropped and still in the graph included. */
  rows(): Float32Array {
    const rows = new Float32Array((this.#next - this.#first) * this.#dimensions);
    for (let id = this.#first; id < this.#next; id++) rows.set(this.#row(id), (id - this.#first) * this.#dimensions);
    return rows;
  }

  /** Takes up what {@linkcode rows} and {@linkcode dropped} gave, in an index with the same limits. */
  restore(rows: Float32Array, dropped: number): void {
    const count = rows.length / this.#dimensions;
    [this.#first, this.#oldest, this.#next] = [0, dropped, count];
    const length = Math.min(this.#slots, 2 ** Math.ceil(Math.log2(Math.max(64, count)))) * this.#dimensions;
    this.#rows = new Float32Array(length);
    this.#rows.set(rows);
    this.#graph = null;
    if (this.size > this.#limits.exactKeys) this.#buildGraph();
  }

  /** Candidates from the graph; of what it did not find nothing is known. */
  #search(graph: Index, query: Float32Array, count: number): { ids: number[]; floor: number } {
    return { ids: Array.from(graph.search(unit(query), count, THREADS).keys, Number), floor: -Infinity };
  }

  /** The nearest by approximate cosines, and what no row outside them exceeds. */
  #searchAll(query: Float32Array, count: number): { ids: number[]; floor: number } {
    // The ring holds no dropped row here. usearch reads both from the beginning of their buffers, whatever the offset.
    const all = this.#rows.subarray(0, this.size * this.#dimensions);
    const aligned = query.byteOffset === 0 ? query : query.slice();
    const first = this.#oldest % this.#slots;
    const { keys, distances } = exactSearch(all, aligned, this.#dimensions, count, MetricKind.Cos, THREADS);
    const ids = Array.from(keys, (slot) => this.#oldest + (Number(slot) - first + this.#slots) % this.#slots);
    return { ids, floor: 1 - (distances.at(-1) ?? NaN) + SLACK };
  }

  // Row by row, as it grew: usearch begins its generator anew whenever it reserves memory, which one call would do once.
  #buildGraph(): void {
    this.#graph = new Index({ dimensions: this.#dimensions, ...GRAPH });
    for (let id = this.#first; id < this.#next; id++) this.#graph.add(BigInt(id), unit(this.#row(id)), THREADS);
  }

  #row(id: number): Float32Array {
    const at = id % this.#slots * this.#dimensions;
    return this.#rows.subarray(at, at + this.#dimensions);
  }

  /** The cosine times the query's length, which is the same for all rows. */
  #cosine(id: number, query: Float32Array): number {
    const rows = this.#rows, at = id % this.#slots * this.#dimensions;
    let dot = 0, squares = 0;
    for (let i = 0; i < query.length; i++) {
      const value = rows[at + i]!;
      dot += value * query[i]!;
      squares += value * value;
    }
    return dot / Math.sqrt(squares);
  }
}

/** A copy of length 1. */
function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / length);
}
