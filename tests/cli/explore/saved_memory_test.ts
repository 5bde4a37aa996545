// The reader of a saved memory against the memory that saved it.

import { deepEqual, equal, throws } from "node:assert/strict";
import { cosine, nearestEntries, savedMemory } from "../../../harness/cli/explore/saved_memory.ts";
import { stream } from "../../../harness/base/prng.ts";
import { EpisodicMemory } from "../../../harness/memory/episodic_memory.ts";

const DIMENSIONS = 5;

/** A memory of 7 keys that saw 12: with exactKeys below, some dropped rows stay in its graph. */
function filled(exactKeys: number) {
  const random = stream(1, "saved memory test"),
    memory = new EpisodicMemory(DIMENSIONS, { keys: 7, values: 3, exactKeys });
  const vector = () => Float32Array.from({ length: DIMENSIONS }, () => random.normal());
  const all = Array.from({ length: 12 }, (_, i) => {
    const values = Array.from({ length: 1 + i % 4 }, vector), key = `question ${i} "${"\\n"}"`, at = vector();
    memory.insert(key, at, values);
    return { key, vector: at, values: values.slice(-3) };
  });
  return { memory, held: all.slice(-7), query: vector() };
}

Deno.test("savedMemory() reads keys, vectors and values as they were remembered, the dropped left out", () => {
  for (const exactKeys of [100, 2]) {
    const { memory, held } = filled(exactKeys);
    const plain = (entries: ReturnType<typeof savedMemory>) =>
      entries.map(({ key, vector, values }) => ({
        key,
        vector: [...vector],
        values: values.map((value) => [...value]),
      }));
    deepEqual(plain(savedMemory(memory.save())), plain(held));
  }
});

Deno.test("nearestEntries() finds what the memory itself finds", () => {
  const { memory, query } = filled(100), entries = savedMemory(memory.save());
  for (const k of [1, 3, 7]) {
    deepEqual(nearestEntries(entries, query, k).flatMap(({ entry }) => entry.values), memory.neighbours(query, k));
  }
  const [first] = nearestEntries(entries, entries[4]!.vector, 1);
  equal(first?.entry.key, entries[4]?.key);
  equal(first?.cosine.toFixed(6), "1.000000");
});

Deno.test("savedMemory() refuses bytes that no memory saved", () => {
  const bytes = filled(100).memory.save(), text = (value: string) => new TextEncoder().encode(value);
  for (const wrong of [text(""), text("x"), text("{}\n"), text("[]\n"), bytes.subarray(0, bytes.length - 4)]) {
    throws(() => savedMemory(wrong), /FailureError: Cannot read/);
  }
  deepEqual(savedMemory(new EpisodicMemory(3, { keys: 1, values: 1, exactKeys: 1 }).save()), []);
});

Deno.test("cosine() is 1 for equal directions, 0 for right angles, and refuses other dimensions", () => {
  equal(cosine(Float32Array.of(2, 0), Float32Array.of(5, 0)), 1);
  equal(cosine(Float32Array.of(1, 0), Float32Array.of(0, 3)), 0);
  throws(() => cosine(Float32Array.of(1), Float32Array.of(1, 2)), RangeError);
});
