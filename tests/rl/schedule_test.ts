import { ok, strictEqual, throws } from "node:assert/strict";
import { budgetUsed, isSpent, learningRate } from "../../harness/rl/schedule.ts";

const base = { updates: 10, tokens: 0, warmup: 0.2, learningRate: 8 } as const;

/** The schedule written out, step by step. */
const rates = (schedule: "constant" | "linear" | "cosine", warmup: number = base.warmup) =>
  Array.from({ length: base.updates }, (_, step) => learningRate({ ...base, warmup, schedule }, step));

function close(actual: readonly number[], expected: readonly number[]) {
  strictEqual(actual.length, expected.length);
  for (const [i, value] of expected.entries()) ok(Math.abs(actual[i]! - value) < 1e-12, `${actual} is not ${expected}`);
}

Deno.test("learningRate() rises from 0 over the warm-up and then follows the schedule, as transformers has it", () => {
  close(rates("constant"), [0, 4, 8, 8, 8, 8, 8, 8, 8, 8]);
  close(rates("linear"), [0, 4, 8, 7, 6, 5, 4, 3, 2, 1]);
  // get_cosine_schedule_with_warmup(optimizer, 2, 10): 0.5 (1 + cos(pi (step - 2) / 8))
  const half = Math.SQRT1_2, outer = Math.cos(Math.PI / 8), inner = Math.sin(Math.PI / 8);
  const factors = [1, outer, half, inner, 0, -inner, -half, -outer];
  close(rates("cosine"), [0, 4, ...factors.map((cosine) => 4 * (1 + cosine))]);
});

Deno.test("learningRate() starts at its peak without warm-up", () => {
  for (const schedule of ["constant", "linear", "cosine"] as const) strictEqual(rates(schedule, 0)[0], 8);
});

Deno.test("learningRate() rounds the warm-up up to whole updates", () => {
  close(rates("constant", 0.11).slice(0, 3), [0, 4, 8]);
});

Deno.test("learningRate() may warm up over all updates", () => {
  close(rates("cosine", 1), [0, 0.8, 1.6, 2.4, 3.2, 4, 4.8, 5.6, 6.4, 7.2]);
});

Deno.test("learningRate() refuses a step outside the updates", () => {
  for (const step of [-1, 0.5, 10, NaN]) throws(() => learningRate({ ...base, schedule: "linear" }, step), RangeError);
});

Deno.test("learningRate() follows the share of a token budget where there is one, whatever the updates", () => {
  const rl = { ...base, tokens: 1000, schedule: "linear" } as const;
  close([0, 100, 200, 600].map((tokens, step) => learningRate(rl, step, tokens)), [0, 4, 8, 4]);
  strictEqual(learningRate(rl, 500, 200), 8);
  throws(() => learningRate(rl, 3, 1000), RangeError);
});

Deno.test("isSpent() and budgetUsed() go by tokens where they are the budget, else by updates", () => {
  const updates = { updates: 4, tokens: 0 }, tokens = { updates: 4, tokens: 100 };
  strictEqual(isSpent(updates, 3, 1e9), false);
  strictEqual(isSpent(updates, 4, 0), true);
  strictEqual(isSpent(tokens, 400, 99), false);
  strictEqual(isSpent(tokens, 0, 100), true);
  strictEqual(budgetUsed(updates, 1, 1e9), 0.25);
  strictEqual(budgetUsed(tokens, 1, 30), 0.3);
  strictEqual(budgetUsed(tokens, 1, 130), 1);
});
