// Equations 4 and 5 on cases computed by hand, and beside loops.

import { deepEqual, equal, ok } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { centroid, exploit, exploitTo, explore } from "../../harness/memory/intrinsic.ts";
import { SlidingRange } from "../../harness/memory/sliding_range.ts";
import { cosine, randomUnit } from "./naive_memory.ts";

const x = Float32Array.of(1, 0), y = Float32Array.of(0, 1), minusX = Float32Array.of(-1, 0);
const rounding = 2 ** -21;

Deno.test("exploit() is minus the distance to the centroid", () => {
  equal(exploit(x, [x]), 0);
  equal(exploit(x, [minusX]), -2);
  equal(exploit(x, [x, minusX]), -1); // centroid 0
  ok(Math.abs(exploit(x, [x, y])! + Math.SQRT1_2) <= rounding); // centroid (1/2, 1/2)
  deepEqual(centroid([x, y, y, y]), Float64Array.of(0.25, 0.75));
});

Deno.test("explore() is one minus the largest cosine", () => {
  equal(explore(x, [x]), 0);
  equal(explore(x, [y]), 1);
  equal(explore(x, [minusX]), 2);
  equal(explore(x, [minusX, y]), 1);
  ok(Math.abs(explore(x, [Float32Array.of(0.6, 0.8), y, minusX])! - 0.4) <= 2 * rounding);
});

Deno.test("exploit() and explore() are null with nothing to compare with", () => {
  deepEqual([exploit(x, []), explore(x, []), centroid([])], [null, null, null]);
});

Deno.test("exploit() and explore() equal loops, rounded to multiples of 2^-20", () => {
  const random = stream(4, "intrinsic");
  for (let trial = 0; trial < 200; trial++) {
    const d = 1 + random.int(40), others = Array.from({ length: 1 + random.int(30) }, () => randomUnit(random, d));
    const response = randomUnit(random, d);
    const mean = Array.from({ length: d }, (_, i) => others.reduce((sum, other) => sum + other[i]!, 0) / others.length);
    const near = exploit(response, others)!, far = explore(response, others)!;
    ok(Math.abs(near + Math.hypot(...mean.map((value, i) => response[i]! - value))) <= rounding);
    ok(Math.abs(far - 1 + Math.max(...others.map((other) => cosine(response, other)))) <= rounding + 1e-6);
    for (const value of [near, far]) equal(value * 2 ** 20, Math.round(value * 2 ** 20));
    equal(near, exploitTo(response, centroid(others)!));
  }
});

Deno.test("explore() of a response that was seen is 0 and not -0, although its float32 length is not 1", () => {
  const random = stream(4, "equal");
  for (const d of [2, 3, 64, 128, 384, 2048]) {
    for (let trial = 0; trial < 20; trial++) {
      const response = randomUnit(random, d);
      ok(Object.is(explore(response, [response, randomUnit(random, d)]), 0));
      ok(Object.is(exploit(response, [response, response, response]), 0));
    }
  }
});

Deno.test("responses that differ by float32 rounding are worth the same after normalisation", () => {
  const random = stream(4, "rounding"), range = new SlidingRange(100, 1e-8);
  const failures = Array.from({ length: 16 }, () => randomUnit(random, 128));
  // Each failure meets its own copy, whose last bits differ: what a window of failures alone holds.
  const raw = failures.map((failure) =>
    explore(failure.map((value) => value * (1 + (random.int(3) - 1) * 2 ** -24)), failures)!
  );
  range.push(raw);
  deepEqual(raw.map((value) => range.normalise(value)), raw.map(() => 0));
});
