// Equation 6 on cases computed by hand.

import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { SlidingRange } from "../../harness/memory/sliding_range.ts";

Deno.test("normalise() maps the range of the window to [0, 1]", () => {
  const range = new SlidingRange(10, 1e-8);
  range.push([-3, 1]);
  range.push([-1]);
  ok(Math.abs(range.normalise(-1) - 0.5) < 1e-8);
  deepEqual([range.normalise(-3), range.normalise(1)], [0, 4 / (4 + 1e-8)]);
});

Deno.test("push() lets the oldest values go, one by one and many at once", () => {
  const range = new SlidingRange(3, 0);
  range.push([0, 10, 4]);
  equal(range.normalise(4), 0.4);
  range.push([6]);
  deepEqual(range.values(), [10, 4, 6]);
  deepEqual([range.normalise(4), range.normalise(7)], [0, 0.5]);
  range.push([1, 2, 3, 4, 5]);
  deepEqual(range.values(), [3, 4, 5]);
});

Deno.test("normalise() gives 0 where all values are equal, and no value outside [0, 1]", () => {
  const range = new SlidingRange(4, 1e-8);
  range.push([0.5, 0.5, 0.5]);
  deepEqual([range.normalise(0.5), range.normalise(0.7), range.normalise(0.3)], [0, 0, 0]);
  range.push([1.5]);
  ok(range.normalise(9) <= 1);
  equal(range.normalise(-9), 0);
});

Deno.test("normalise() before the first value is refused", () => {
  const range = new SlidingRange(4, 1e-8);
  range.push([]);
  throws(() => range.normalise(1), RangeError);
});

Deno.test("restore() takes up what values() gave", () => {
  const range = new SlidingRange(3, 1e-8), other = new SlidingRange(3, 1e-8);
  range.push([5, 1, 2, 9]);
  other.push([100]);
  other.restore(range.values());
  range.push([4]);
  other.push([4]);
  deepEqual(other.values(), range.values());
  equal(other.normalise(4), range.normalise(4));
});
