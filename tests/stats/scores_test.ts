import { deepEqual, equal, throws } from "node:assert/strict";
import { differences, pairScores, runMeans, type Scores } from "../../harness/stats/scores.ts";

const scores = (seeds: number[], items: string[], values: number[][]): Scores => ({
  seeds,
  items,
  values: values.map((row) => Float64Array.from(row)),
});
const plain = (values: readonly Float64Array[]) => values.map((row) => [...row]);

Deno.test("pairScores() pairs by seed and item id, whatever the order on either side", () => {
  const a = scores([1, 2], ["x", "y", "z"], [[1, 2, 3], [4, 5, 6]]);
  const b = scores([2, 1], ["z", "x", "y"], [[60, 40, 50], [30, 10, 20]]);
  const pairing = pairScores(a, b);
  deepEqual(pairing.seeds, [1, 2]);
  deepEqual(pairing.items, ["x", "y", "z"]);
  deepEqual(plain(pairing.b), [[10, 20, 30], [40, 50, 60]]);
  deepEqual(pairing.unpaired, []);
  deepEqual(plain(differences(pairing)), [[-9, -18, -27], [-36, -45, -54]]);
});

Deno.test("pairScores() lists seeds and items without a partner, of both sides", () => {
  const a = scores([1, 2], ["x", "y"], [[1, 2], [3, 4]]);
  const b = scores([2, 3], ["y", "z"], [[5, 6], [7, 8]]);
  const pairing = pairScores(a, b);
  deepEqual([pairing.seeds, pairing.items, plain(pairing.a), plain(pairing.b)], [[2], ["y"], [[4]], [[5]]]);
  deepEqual(pairing.unpaired.map(({ kind, side, seed, item }) => [kind, side, seed, item]), [
    ["seed", "a", 1, null],
    ["seed", "b", 3, null],
    ["item", "a", null, "x"],
    ["item", "b", null, "z"],
  ]);
  equal(pairing.unpaired[0]!.reason, "1 is not in b");
});

Deno.test("pairScores() leaves an item with a missing score out of all runs and both sides, and says where", () => {
  const a = scores([1, 2], ["x", "y"], [[0, 1], [0, NaN]]);
  const b = scores([1, 2], ["x", "y"], [[1, 1], [1, 1]]);
  const pairing = pairScores(a, b);
  deepEqual([pairing.items, plain(pairing.a), plain(pairing.b)], [["x"], [[0], [0]], [[1], [1]]]);
  deepEqual(pairing.unpaired, [
    { kind: "item", side: "a", seed: 2, item: "y", reason: '"y" has no score at seed 2 of a' },
  ]);
});

Deno.test("pairScores() takes a run without a single score as absent, and keeps the items", () => {
  const a = scores([1, 2], ["x", "y"], [[0, 1], [NaN, NaN]]);
  const pairing = pairScores(a, scores([1, 2], ["x", "y"], [[1, 1], [1, 1]]));
  deepEqual([pairing.seeds, pairing.items], [[1], ["x", "y"]]);
  deepEqual(pairing.unpaired.map(({ kind, side, seed }) => [kind, side, seed]), [["seed", "a", 2]]);
});

Deno.test("pairScores() does not mind what is missing in a seed that has no partner", () => {
  const a = scores([1, 2], ["x", "y"], [[0, 1], [0, NaN]]);
  deepEqual(pairScores(a, scores([1], ["x", "y"], [[1, 1]])).items, ["x", "y"]);
});

Deno.test("pairScores() of nothing in common is empty, and all of it is listed", () => {
  const pairing = pairScores(scores([1], ["x"], [[1]]), scores([2], ["y"], [[1]]));
  deepEqual([pairing.seeds, pairing.items, pairing.a, pairing.unpaired.length], [[], [], [], 4]);
});

Deno.test("pairScores() refuses duplicates, ragged tables and infinite scores, naming them", () => {
  const good = scores([1, 2], ["x"], [[1], [2]]);
  const refused = [
    [scores([1, 1], ["x"], [[1], [2]]), /1 comes twice in b/],
    [scores([1], ["x", "x"], [[1, 2]]), /"x" comes twice in b/],
    [scores([1, 2], ["x"], [[1]]), /b has 1 runs for 2 seeds/],
    [scores([1], ["x"], [[1, 2]]), /seed 1 of b has 2 scores for 1 items/],
    [scores([1], ["x"], [[-Infinity]]), /seed 1 of b has the score -Infinity/],
  ] as const;
  for (const [bad, message] of refused) throws(() => pairScores(good, bad), { name: "RangeError", message });
});

Deno.test("runMeans() averages each run and refuses NaN and empty runs", () => {
  deepEqual(runMeans([Float64Array.of(0, 1, 1, 1), Float64Array.of(0, 0, 0, 1)]), [0.75, 0.25]);
  deepEqual(runMeans([]), []);
  throws(() => runMeans([Float64Array.of(1, NaN)]), /Cannot average run 0: it has a score that is not a finite number/);
  throws(() => runMeans([Float64Array.of(1), Float64Array.of()]), /Cannot average run 1: it has no items/);
});
