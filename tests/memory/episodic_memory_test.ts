// The memory beside the same by loops, over thousands of random operations; and its state through save() and load().

import { deepEqual, equal, notDeepEqual, throws } from "node:assert/strict";
import { FailureError } from "../../harness/base/errors.ts";
import { type Prng, stream } from "../../harness/base/prng.ts";
import { EpisodicMemory } from "../../harness/memory/episodic_memory.ts";
import { NaiveMemory, near, randomUnit, unit } from "./naive_memory.ts";

const D = 12;

/** A question's vector: often the very vector of another question, now and then nearly. */
function keyVectors(random: Prng, count: number): Float32Array[] {
  const vectors: Float32Array[] = [];
  for (let i = 0; i < count; i++) {
    const kind = i === 0 ? 0 : random.int(4);
    if (kind === 1) vectors.push(random.pick(vectors).slice());
    else if (kind === 2) vectors.push(near(random, random.pick(vectors), 1e-4));
    else vectors.push(randomUnit(random, D));
  }
  return vectors;
}

/** Inserts some responses under a random key into each. */
function insertSome(
  random: Prng,
  vectors: readonly Float32Array[],
  into: readonly { insert(key: string, vector: Float32Array, values: readonly Float32Array[]): void }[],
): void {
  const which = random.int(vectors.length);
  const values = Array.from({ length: random.int(7) }, () => randomUnit(random, D));
  for (const memory of into) memory.insert(`question ${which}`, vectors[which]!, values);
}

for (const [keys, values] of [[1, 1], [30, 5], [1000, 3]] as const) {
  Deno.test(`EpisodicMemory with ${keys} keys of ${values} values answers as loops do, through ties and evictions`, () => {
    const random = stream(4, "memory-oracle", keys);
    const memory = new EpisodicMemory(D, { keys, values, exactKeys: 1000 });
    const naive = new NaiveMemory({ keys, values });
    const vectors = keyVectors(random, 200);
    for (let i = 0; i < 2000; i++) {
      insertSome(random, vectors, [memory, naive]);
      const query = random.int(2) ? random.pick(vectors) : randomUnit(random, D), k = 1 + random.int(12);
      deepEqual(memory.neighbours(query, k), naive.neighbours(query, k));
      equal(memory.keyCount, naive.entries.length);
      equal(memory.valueCount, naive.entries.reduce((sum, entry) => sum + entry.values.length, 0));
    }
  });
}

Deno.test("neighbours() counts the length of no vector", () => {
  const memory = new EpisodicMemory(2, { keys: 4, values: 1, exactKeys: 4 });
  memory.insert("long", Float32Array.of(30, 30), [Float32Array.of(1, 0)]);
  memory.insert("aligned", Float32Array.of(0.1, 0), [Float32Array.of(0, 1)]);
  deepEqual(memory.neighbours(Float32Array.of(5, 0.5), 1), [Float32Array.of(0, 1)]);
});

Deno.test("neighbours() reads a query that lies inside a larger buffer", () => {
  const memory = new EpisodicMemory(2, { keys: 4, values: 1, exactKeys: 4 });
  memory.insert("x", Float32Array.of(1, 0), [Float32Array.of(1, 0)]);
  memory.insert("y", Float32Array.of(0, 1), [Float32Array.of(0, 1)]);
  deepEqual(memory.neighbours(Float32Array.of(1, 0, 0, 1).subarray(2), 1), [Float32Array.of(0, 1)]);
});

Deno.test("insert() leaves a known key in its place: it is still the first to go", () => {
  const memory = new EpisodicMemory(2, { keys: 2, values: 9, exactKeys: 9 });
  const x = unit([1, 0]), y = unit([0, 1]), z = unit([1, 1]);
  memory.insert("x", x, [x]);
  memory.insert("y", y, [y]);
  memory.insert("x", x, [z]);
  deepEqual(memory.neighbours(x, 1), [x, z]);
  memory.insert("z", z, [z]);
  deepEqual([memory.keyCount, memory.valueCount], [2, 2]);
  deepEqual(memory.neighbours(x, 2), [z, y]);
});

Deno.test("insert() copies, keeps the last values, and makes no key without values", () => {
  const memory = new EpisodicMemory(1, { keys: 2, values: 2, exactKeys: 9 });
  const key = Float32Array.of(1), values = [1, 2, 3].map((value) => Float32Array.of(value));
  memory.insert("nothing", key, []);
  equal(memory.keyCount, 0);
  memory.insert("some", key, values);
  key[0] = -1;
  values[2]![0] = 9;
  deepEqual(memory.neighbours(Float32Array.of(1), 1), [Float32Array.of(2), Float32Array.of(3)]);
});

Deno.test("an empty EpisodicMemory has no neighbours", () => {
  deepEqual(new EpisodicMemory(2, { keys: 1, values: 1, exactKeys: 1 }).neighbours(Float32Array.of(1, 0), 3), []);
});

Deno.test("EpisodicMemory refuses vectors of another size, without a length, and limits that are none", () => {
  const memory = new EpisodicMemory(2, { keys: 1, values: 1, exactKeys: 1 });
  const good = Float32Array.of(1, 0);
  for (const bad of [[1], [1, 0, 0], [0, 0], [NaN, 1], [Infinity, 0]].map((vector) => Float32Array.from(vector))) {
    throws(() => memory.insert("a", bad, [good]), RangeError);
    throws(() => memory.insert("a", good, [good, bad]), RangeError);
    throws(() => memory.neighbours(bad, 1), RangeError);
  }
  equal(memory.keyCount, 0);
  for (const k of [0, 1.5, NaN]) throws(() => memory.neighbours(good, k), RangeError);
  throws(() => new EpisodicMemory(2, { keys: 0, values: 1, exactKeys: 1 }), /keys is 0/);
});

// Exact without and with evictions; approximate without and with them, and with the graph built anew several times.
const sizes = [
  { keys: 1000, exactKeys: 1000, inserts: 300 },
  { keys: 50, exactKeys: 100, inserts: 300 },
  { keys: 1000, exactKeys: 60, inserts: 300 },
  { keys: 80, exactKeys: 60, inserts: 500 },
];
for (const { keys, exactKeys, inserts } of sizes) {
  Deno.test(`save() and load() change nothing of what follows, with ${keys} keys, ${exactKeys} of them exact`, () => {
    const random = stream(4, "memory-save", keys, exactKeys);
    const limits = { keys, values: 3, exactKeys };
    const vectors = Array.from({ length: inserts }, () => randomUnit(random, D));
    const through = new EpisodicMemory(D, limits);
    let resumed = new EpisodicMemory(D, limits);
    for (let i = 0; i < inserts; i++) {
      insertSome(random, vectors, [through, resumed]);
      if (random.int(25) === 0) {
        const bytes = resumed.save();
        resumed = new EpisodicMemory(D, limits);
        resumed.load(bytes);
        deepEqual(resumed.save(), bytes);
      }
      const query = randomUnit(random, D);
      deepEqual(resumed.neighbours(query, 5), through.neighbours(query, 5));
    }
    deepEqual([resumed.keyCount, resumed.valueCount], [through.keyCount, through.valueCount]);
    deepEqual(resumed.save(), through.save());
    insertSome(stream(1, "one more"), vectors, [through]);
    notDeepEqual(resumed.save(), through.save());
  });
}

Deno.test("load() replaces what was there, and accepts bytes inside a larger buffer", () => {
  const limits = { keys: 3, values: 3, exactKeys: 3 }, x = unit([1, 0]), y = unit([0, 1]);
  const saved = new EpisodicMemory(2, limits), other = new EpisodicMemory(2, limits);
  saved.insert("x", x, [x, y]);
  other.insert("y", y, [y]);
  const bytes = saved.save(), shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  other.load(shifted.subarray(3));
  deepEqual(other.neighbours(y, 2), [x, y]);
  deepEqual(other.save(), bytes);
});

Deno.test("load() refuses other limits, other dimensions and damaged bytes, and keeps what it has", () => {
  const limits = { keys: 3, values: 3, exactKeys: 3 }, x = unit([1, 0]);
  const memory = new EpisodicMemory(2, limits);
  memory.insert("x", x, [x]);
  const bytes = memory.save(), end = bytes.indexOf(10) + 1;
  throws(() => new EpisodicMemory(2, { ...limits, values: 4 }).load(bytes), {
    name: "FailureError",
    message: 'Cannot load a memory: it was saved with {"keys":3,"values":3,"exactKeys":3} and 2 dimensions, ' +
      'this one has {"keys":3,"values":4,"exactKeys":3} and 2 … start afresh, or set what it had',
  });
  throws(() => new EpisodicMemory(3, limits).load(bytes), FailureError);
  const text = new TextDecoder().decode(bytes.subarray(0, end));
  const withHeader = (header: string) => Uint8Array.of(...new TextEncoder().encode(header), ...bytes.subarray(end));
  const damaged = [
    bytes.subarray(0, -1),
    bytes.subarray(0, -8),
    bytes.subarray(0, end),
    bytes.subarray(0, 5),
    new Uint8Array(0),
    Uint8Array.of(...bytes, 0, 0, 0, 0),
    withHeader(text.replace('"counts":[1]', '"counts":[2]')),
    withHeader(text.replace('"counts":[1]', '"counts":[1.5]')),
    withHeader(text.replace('"counts":[1]', '"counts":[0,1]')),
    withHeader(text.replace('"keys":["x"]', '"keys":["x","x"]').replace('"counts":[1]', '"counts":[0,0]')),
    withHeader(text.replace('"dropped":0', '"dropped":-1')),
    withHeader(text.replace('"dropped":0', '"dropped":1')),
    withHeader("[]\n"),
  ];
  for (const each of damaged) throws(() => memory.load(each), FailureError);
  deepEqual(memory.save(), bytes);
});
