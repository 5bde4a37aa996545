// The loss scale against its rule.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { FailureError } from "../../harness/base/errors.ts";
import { GROWTH_INTERVAL, LossScale } from "../../harness/rl/loss_scale.ts";

const pass = (scale: LossScale, times: number) => {
  for (let i = 0; i < times; i++) scale.passed();
};

Deno.test("LossScale doubles after so many updates without an overflow, and begins to count anew", () => {
  const scale = new LossScale(), first = scale.value;
  pass(scale, GROWTH_INTERVAL - 1);
  strictEqual(scale.value, first);
  pass(scale, 1);
  strictEqual(scale.value, 2 * first);
  pass(scale, GROWTH_INTERVAL - 1);
  strictEqual(scale.value, 2 * first);
  ok(scale.halve());
  pass(scale, GROWTH_INTERVAL - 1);
  strictEqual(scale.value, first);
  pass(scale, 1);
  strictEqual(scale.value, 2 * first);
});

Deno.test("LossScale is a power of two between 1 and 2^24, and refuses to go below", () => {
  const scale = new LossScale();
  pass(scale, 100 * GROWTH_INTERVAL);
  strictEqual(scale.value, 2 ** 24);
  for (let power = 23; power >= 0; power--) {
    ok(scale.halve());
    strictEqual(scale.value, 2 ** power);
  }
  strictEqual(scale.halve(), false);
  strictEqual(scale.value, 1);
});

Deno.test("LossScale goes on from what it saved, and refuses what it did not save", () => {
  const scale = new LossScale(), other = new LossScale();
  scale.halve();
  pass(scale, GROWTH_INTERVAL - 3);
  other.load(scale.save());
  deepStrictEqual([other.value, other.save()], [scale.value, scale.save()]);
  pass(other, 3);
  strictEqual(other.value, 2 * scale.value);
  for (const text of ["{}", "[]", '{"value":2}', "{"]) throws(() => scale.load(text), FailureError);
});
