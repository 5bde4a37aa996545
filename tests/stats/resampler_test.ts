import { deepEqual, notDeepEqual, ok } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { Resampler } from "../../harness/stats/resampler.ts";

/** sfc32 as PractRand has it, on 64-bit integers that are cut to 32. */
function* sfc32(seed: number, purpose: string): Generator<bigint> {
  const cut = (value: bigint) => BigInt.asUintN(32, value), prng = stream(seed, purpose);
  let a = BigInt(prng.uint32()), b = BigInt(prng.uint32()), c = BigInt(prng.uint32()), counter = 1n;
  while (true) {
    const word = cut(a + b + counter++);
    a = b ^ (b >> 9n);
    b = cut(c + (c << 3n));
    c = cut(cut((c << 21n) | (c >> 11n)) + word);
    yield word;
  }
}

Deno.test("Resampler.counts() counts the draws of sfc32, one after the other", () => {
  const resampler = new Resampler(7, "test"), words = sfc32(7, "test");
  for (let i = 0; i < 16; i++) words.next(); // the generator is warmed up
  for (const n of [1, 10, 1319]) {
    const counts = new Int32Array(n), expected = new Int32Array(n);
    resampler.counts(counts);
    for (let i = 0; i < n; i++) expected[Number((words.next().value * BigInt(n)) >> 32n)]!++;
    deepEqual(counts, expected);
  }
});

Deno.test("Resampler.counts() draws n of n, evenly, other ones for another seed or purpose", () => {
  const n = 50, times = 4000, counts = new Int32Array(n), totals = new Float64Array(n);
  const resampler = new Resampler(1, "test");
  for (let i = 0; i < times; i++) {
    resampler.counts(counts);
    ok(counts.reduce((sum, count) => sum + count, 0) === n);
    for (const [index, count] of counts.entries()) totals[index]! += count;
  }
  // Chi-squared with 49 degrees of freedom: 85.4 is its 99.9 % quantile.
  const chi = totals.reduce((sum, total) => sum + (total - times) ** 2 / times, 0);
  ok(chi < 85.4, `chi-squared ${chi}`);
  const draws = (seed: number, purpose: string) => {
    const into = new Int32Array(20);
    new Resampler(seed, purpose).counts(into);
    return [...into];
  };
  deepEqual(draws(1, "test"), draws(1, "test"));
  notDeepEqual(draws(1, "test"), draws(2, "test"));
  notDeepEqual(draws(1, "test"), draws(1, "other"));
});
