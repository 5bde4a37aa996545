// The graph beside exact search. That exact search is exact, and what save and load keep, is in episodic_memory_test.ts.

import { deepEqual, equal, ok } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { KnnIndex } from "../../harness/memory/knn_index.ts";
import { near, randomUnit } from "./naive_memory.ts";

const D = 48;

/** Vectors around 40 centres, as questions of a few kinds have them. */
function clustered(name: string, count: number): Float32Array[] {
  const random = stream(4, name), centres = Array.from({ length: 40 }, () => randomUnit(random, D));
  return Array.from({ length: count }, () => near(random, random.pick(centres), 0.8));
}

/** Share of the exact answers that the graph finds too. */
function recall(graph: KnnIndex, exact: KnnIndex, queries: readonly Float32Array[], k: number): number {
  const found = queries.map((query) => {
    const wanted = new Set(exact.nearest(query, k));
    return graph.nearest(query, k).filter((id) => wanted.has(id)).length;
  });
  return found.reduce((sum, count) => sum + count, 0) / (k * queries.length);
}

Deno.test("KnnIndex finds at least 99 of 100 neighbours above the exact threshold, also while rows leave", () => {
  const vectors = clustered("recall", 4600);
  const graph = new KnnIndex(D, { keys: 3000, exactKeys: 500 });
  const exact = new KnnIndex(D, { keys: 3000, exactKeys: 3000 });
  const queries = clustered("recall", 4800).slice(4600);
  for (const [i, vector] of vectors.entries()) {
    equal(graph.push(vector), exact.push(vector));
    if (i === 2999 || i === 3900 || i === 4599) {
      ok(recall(graph, exact, queries, 1) >= 0.99);
      ok(recall(graph, exact, queries, 20) >= 0.99);
    }
  }
  deepEqual([graph.size, graph.oldest], [3000, 1600]);
});

Deno.test("KnnIndex never returns a row that was dropped, nor fewer rows than asked for", () => {
  const vectors = clustered("dropped", 400), index = new KnnIndex(D, { keys: 100, exactKeys: 20 });
  let mostDropped = 0;
  for (const vector of vectors) {
    const id = index.push(vector);
    const found = index.nearest(vector, 30);
    equal(found[0], id);
    equal(new Set(found).size, Math.min(30, index.size));
    ok(found.every((each) => each >= index.oldest && each <= id));
    ok(index.dropped <= (index.dropped + index.size) / 4);
    mostDropped = Math.max(mostDropped, index.dropped);
  }
  equal(mostDropped, 33); // of 133: the graph was left to age, then built again
  deepEqual(index.nearest(vectors[0]!, 1000).length, 100);
});

Deno.test("KnnIndex ranks by exact cosines and by age, whatever the precision of its graph", () => {
  const random = stream(4, "ties"), first = randomUnit(random, D);
  const index = new KnnIndex(D, { keys: 100, exactKeys: 10 });
  // Each pair of neighbours in this row differs by less than the graph's 16 bits can show; every third is new.
  const rows = Array.from(
    { length: 60 },
    (_, i) => first.map((value, d) => value + (d === 0 ? 1e-4 * (i - i % 3) : 0)),
  );
  for (const row of rows) index.push(row);
  deepEqual(index.nearest(first, 9), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});
