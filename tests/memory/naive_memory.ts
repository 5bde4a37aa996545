// The oracle for harness/memory/episodic_memory.ts: the same by lists and loops. Beside it, random vectors of length 1.

import type { Prng } from "../../harness/base/prng.ts";

interface Entry {
  readonly key: string;
  readonly vector: Float32Array;
  readonly values: Float32Array[];
}

export class NaiveMemory {
  readonly entries: Entry[] = [];

  constructor(private readonly limits: { readonly keys: number; readonly values: number }) {}

  insert(key: string, vector: Float32Array, values: readonly Float32Array[]): void {
    if (values.length === 0) return;
    let entry = this.entries.find((entry) => entry.key === key);
    if (entry === undefined) {
      if (this.entries.length === this.limits.keys) this.entries.shift();
      entry = { key, vector, values: [] };
      this.entries.push(entry);
    }
    for (const value of values) {
      if (entry.values.length === this.limits.values) entry.values.shift();
      entry.values.push(value);
    }
  }

  nearest(query: Float32Array, k: number): Entry[] {
    const scored = this.entries.map((entry, age) => ({ entry, age, cosine: cosine(query, entry.vector) }));
    return scored.sort((a, b) => b.cosine - a.cosine || a.age - b.age).slice(0, k).map(({ entry }) => entry);
  }

  neighbours(query: Float32Array, k: number): Float32Array[] {
    return this.nearest(query, k).flatMap(({ values }) => values);
  }
}

export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0, squaresA = 0, squaresB = 0;
  for (const [i, value] of a.entries()) {
    dot += value * b[i]!;
    squaresA += value * value;
    squaresB += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(squaresA) / Math.sqrt(squaresB);
}

/** The vector scaled to length 1. */
export function unit(vector: readonly number[] | Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return Float32Array.from(vector, (value) => value / length);
}

/** A vector of length 1, all directions equally likely. */
export function randomUnit(random: Prng, dimensions: number): Float32Array {
  return unit(Array.from({ length: dimensions }, () => random.normal()));
}

/** A vector of length 1 near another: `spread` is the length of what is added to it, about. */
export function near(random: Prng, centre: Float32Array, spread: number): Float32Array {
  const noise = randomUnit(random, centre.length);
  return unit(centre.map((value, i) => value + spread * noise[i]!));
}
