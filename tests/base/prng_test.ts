import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { philox, type Prng, stream } from "../../harness/base/prng.ts";

const take = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

Deno.test("philox() gives the known answers of Random123 for Philox4x32-10", () => {
  // https://github.com/DEShawResearch/random123/blob/main/tests/kat_vectors
  const ones = 0xffffffff;
  const answers: [Parameters<typeof philox>, number[]][] = [
    [[[0, 0, 0, 0], [0, 0]], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [[[ones, ones, ones, ones], [ones, ones]], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
    [
      [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  for (const [input, output] of answers) deepStrictEqual([...philox(...input)], output);
});

Deno.test("stream() gives the same numbers for the same coordinates and others for any other coordinate", () => {
  const numbers = (...coordinates: Parameters<typeof stream>) => {
    const prng = stream(...coordinates);
    return take(9, () => prng.uint32()); // more than two blocks
  };
  const base = numbers(1, "rollout", 2, 3, 4);
  deepStrictEqual(numbers(1, "rollout", 2, 3, 4), base);
  const others: Parameters<typeof stream>[] = [
    [0, "rollout", 2, 3, 4],
    [1, "evaluate", 2, 3, 4],
    [1, "rollout", 3, 2, 4],
    [1, "rollout", 2, 3, 5],
    [1, "rollout", 2, 4, 4],
    [1, "rollout", 0, 3, 4],
  ];
  for (const other of others) notDeepStrictEqual(numbers(...other), base);
  deepStrictEqual(numbers(1, "rollout", 2), numbers(1, "rollout", 2, 0, 0));
});

Deno.test("stream() takes the words of each block in order, and blocks count up in the first counter word", () => {
  const prng = stream(7, "", 1, 2, 3); // the empty purpose hashes to FNV's offset basis
  const words = take(8, () => prng.uint32());
  deepStrictEqual(words, [0, 1].flatMap((block) => [...philox([block, 1, 2, 3], [7, 0x811c9dc5])]));
});

Deno.test("stream() refuses coordinates that are not integers in [0, 2^32)", () => {
  for (const bad of [-1, 0.5, 2 ** 32, NaN]) {
    throws(() => stream(bad, "x"), RangeError);
    throws(() => stream(0, "x", bad), RangeError);
    throws(() => stream(0, "x", 0, bad), RangeError);
    throws(() => stream(0, "x", 0, 0, bad), RangeError);
  }
});

Deno.test("Prng.uniform() lies in [0, 1) with 23 bits, so that it and its product with a float32 are exact enough", () => {
  const prng = stream(1, "uniform"), values = take(20_000, () => prng.uniform());
  ok(values.every((u) => u >= 0 && u < 1 && Number.isInteger(u * 2 ** 23)));
  ok(Math.abs(mean(values) - 0.5) < 0.01);
  ok(Math.abs(mean(values.map((u) => (u - 0.5) ** 2)) - 1 / 12) < 0.002);
  const largest = 1 - 2 ** -23;
  for (const total of [1, 0.9999999403953552, 1.0000001192092896, 0.3333333432674408, 1e-30]) {
    ok(Math.fround(largest * Math.fround(total)) < Math.fround(total), "u times the total stays below the total");
  }
});

Deno.test("Prng.int() draws every value equally often and refuses a bad bound", () => {
  const prng = stream(2, "int"), counts = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 14_000; i++) counts[prng.int(7)]!++;
  const statistic = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
  ok(statistic < 22.5, `chi-square with 6 degrees of freedom is ${statistic}`); // 0.999 quantile
  ok(take(100, () => prng.int(2 ** 32)).every((value) => value >= 0 && value < 2 ** 32));
  ok(take(20, () => prng.int(1)).every((value) => value === 0));
  for (const bound of [0, -1, 1.5, 2 ** 32 + 1, NaN]) throws(() => prng.int(bound), RangeError);
});

Deno.test("Prng.normal() has mean 0, variance 1 and normal tails", () => {
  const prng = stream(3, "normal"), values = take(20_000, () => prng.normal());
  ok(values.every(Number.isFinite));
  ok(Math.abs(mean(values)) < 0.03);
  ok(Math.abs(mean(values.map((x) => x * x)) - 1) < 0.05);
  ok(Math.abs(mean(values.map((x) => Math.abs(x) > 1.96 ? 1 : 0)) - 0.05) < 0.006);
});

Deno.test("Prng.shuffle() gives each permutation equally often and leaves its argument alone", () => {
  const prng = stream(4, "shuffle"), items = ["a", "b", "c"], counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = prng.shuffle(items).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  deepStrictEqual(items, ["a", "b", "c"]);
  strictEqual(counts.size, 6);
  const statistic = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  ok(statistic < 20.5, `chi-square with 5 degrees of freedom is ${statistic}`);
  deepStrictEqual(prng.shuffle([]), []);
});

Deno.test("Prng.pick() draws items, and refuses an empty list", () => {
  const prng: Prng = stream(5, "pick");
  deepStrictEqual(new Set(take(50, () => prng.pick([1, 2, 3]))), new Set([1, 2, 3]));
  throws(() => prng.pick([]), RangeError);
});
