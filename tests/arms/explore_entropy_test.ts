import { deepEqual, equal, ok } from "node:assert/strict";
import { exploreEntropy, surprisal } from "../../harness/arms/explore_entropy.ts";
import { at, group, named, shaperOf } from "./groups.ts";

Deno.test("surprisal() is the mean of -log p over a completion's tokens", () => {
  equal(surprisal({ probabilities: Float32Array.of(0.5, 0.125) }), (Math.log(2) + Math.log(8)) / 2);
  ok(Object.is(surprisal({ probabilities: Float32Array.of(1, 1) }), 0));
  equal(surprisal({ probabilities: new Float32Array(0) }), null);
});

Deno.test("surprisal() as a reward has the gradient of the entropy", () => {
  // One token from softmax(z): dH/dz by finite differences, against E[-log p * grad log p] over all outcomes.
  const logits = [0.3, -1.2, 0.8];
  const softmax = (z: readonly number[]) => {
    const powers = z.map(Math.exp), total = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => power / total);
  };
  const entropy = (z: readonly number[]) => -softmax(z).reduce((sum, p) => sum + p * Math.log(p), 0);
  const p = softmax(logits);
  logits.forEach((_, d) => {
    const shifted = (h: number) => logits.map((value, i) => i === d ? value + h : value);
    const numeric = (entropy(shifted(1e-5)) - entropy(shifted(-1e-5))) / 2e-5;
    const score = p.reduce((sum, outcome, k) => {
      const reward = surprisal({ probabilities: Float32Array.of(outcome) })!;
      return sum + outcome * reward * ((k === d ? 1 : 0) - p[d]!);
    }, 0);
    ok(Math.abs(numeric - score) < 1e-6, `${numeric} ${score}`);
  });
});

Deno.test("explore-entropy normalises surprisal as explore is, with its weight, window and warm-up", async () => {
  const fields = { "memory.exploreWeight": 2, "memory.annealing": 0.5, "memory.window": 4, "memory.epsilon": 1 };
  const shaper = await shaperOf(exploreEntropy, fields);
  const powers = (exponents: readonly number[]) =>
    group("q", exponents.map((n) => ({ text: "x", correct: false, probabilities: [2 ** -n] })));
  const shape = async (step: number, exponents: readonly number[], progress = 0.5) =>
    named((await shaper.shape(at(step, [powers(exponents)], progress)))[0]!, "surprisal");
  const bit = Math.log(2);
  const early = await shape(0, [9, 1, 2], 0.05);
  deepEqual(early.values, [0, 0, 0]);
  early.raw.forEach((raw, i) => ok(Math.abs(raw! - [9, 1, 2][i]! * bit) < 1e-12));
  const late = await shape(1, [3, 5, 2]); // window: 2, 3, 5, 2 bits
  late.values.forEach((value, i) => {
    const expected = 2 * 0.5 * ([3, 5, 2][i]! - 2) * bit / (3 * bit + 1);
    ok(Math.abs(value - expected) < 1e-12, `${value} ${expected}`);
  });
});
