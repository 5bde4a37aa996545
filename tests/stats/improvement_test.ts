import { equal, ok, throws } from "node:assert/strict";
import { probabilityOfImprovement } from "../../harness/stats/improvement.ts";
import { near } from "./near.ts";

Deno.test("probabilityOfImprovement() is the share of pairs that win, ties counting half", () => {
  equal(probabilityOfImprovement([2, 3], [1, 2]).value, 3.5 / 4);
  equal(probabilityOfImprovement([1, 2], [2, 3]).value, 0.5 / 4);
  equal(probabilityOfImprovement([1, 1], [1, 1]).value, 0.5);
});

Deno.test("probabilityOfImprovement() has an interval with a width even where no runs overlap", () => {
  const three = probabilityOfImprovement([4, 5, 6], [1, 2, 3]),
    ten = probabilityOfImprovement(
      Array.from({ length: 10 }, (_, i) => 20 + i),
      Array.from({ length: 10 }, (_, i) => i),
    );
  equal(three.upper, 1);
  ok(three.lower < ten.lower && ten.lower < 1, `${three.lower}, ${ten.lower}`);
});

Deno.test("probabilityOfImprovement() has limits that satisfy Newcombe's equation", () => {
  const { value, lower, upper } = probabilityOfImprovement([0.5, 0.6, 0.7, 0.8], [0.55, 0.6, 0.65]);
  equal(value, 7.5 / 12);
  for (const p of [lower, upper]) {
    const h = (4 + 3) / 2 - 1; // Hanley and McNeil: V = p (1 - p) (1 + h (1 - p) / (2 - p) + h p / (1 + p)) / (m n)
    const variance = p * (1 - p) * (1 + h * (1 - p) / (2 - p) + h * p / (1 + p)) / 12;
    near((p - value) ** 2, 1.959963984540054 ** 2 * variance, 9);
  }
  ok(lower < value && value < upper);
});

Deno.test("probabilityOfImprovement() of one run each is all but unknown, and says that it is one seed", () => {
  const { value, lower, upper, note } = probabilityOfImprovement([1], [0]);
  equal(value, 1);
  near(lower, 1 / (1 + 1.959963984540054 ** 2), 9);
  equal(upper, 1);
  ok(note?.includes("one seed"));
});

Deno.test("probabilityOfImprovement() mirrors when the arms change places", () => {
  const a = [3, 5, 6, 9], b = [1, 4, 6], there = probabilityOfImprovement(a, b), back = probabilityOfImprovement(b, a);
  near(there.value, 1 - back.value);
  near(there.lower, 1 - back.upper, 9);
});

Deno.test("probabilityOfImprovement() refuses arms without runs, and NaN", () => {
  throws(() => probabilityOfImprovement([], [1]), { name: "RangeError", message: /a has none/ });
  throws(() => probabilityOfImprovement([1], [NaN]), { name: "RangeError", message: /b has a score that is not/ });
});
