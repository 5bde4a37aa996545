import { deepEqual, throws } from "node:assert/strict";
import { holm } from "../../harness/stats/holm.ts";
import { near } from "./near.ts";

Deno.test("holm() agrees with statsmodels", () => {
  // statsmodels 0.15.0: multipletests([.01, .04, .03, .005, .5], method="holm")[1]
  const expected = [0.04, 0.09, 0.09, 0.025, 0.5];
  for (const [i, p] of holm([0.01, 0.04, 0.03, 0.005, 0.5]).entries()) near(p, expected[i]!);
});

Deno.test("holm() leaves a single p as it is, never exceeds 1, and none stay none", () => {
  deepEqual(holm([0.03]), [0.03]);
  deepEqual(holm([0.9, 0.8]), [1, 1]);
  deepEqual(holm([]), []);
  deepEqual(holm([0.02, 0.02]), [0.04, 0.04]);
});

Deno.test("holm() refuses what is no probability", () => {
  for (const bad of [NaN, -0.1, 1.1]) throws(() => holm([0.1, bad]), { name: "RangeError", message: /value 1 is/ });
});
