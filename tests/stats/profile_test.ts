import { deepEqual, equal, throws } from "node:assert/strict";
import { performanceProfile } from "../../harness/stats/profile.ts";
import { wilson } from "../../harness/stats/wilson.ts";

const table = [Float64Array.of(1, 0, 0, 1), Float64Array.of(1, 1, 0, 1)]; // runs 0.5, 0.75; items 1, 0.5, 0, 1

Deno.test("performanceProfile() is the share of runs, and of items, whose mean is above a threshold", () => {
  const profile = performanceProfile(table, [-1, 0, 0.5, 0.75, 1]);
  deepEqual(profile.map(({ runs }) => runs.value), [1, 1, 0.5, 0, 0]); // above, not at
  deepEqual(profile.map(({ items }) => items.value), [1, 0.75, 0.5, 0.5, 0]);
  deepEqual(profile[2]!.items, wilson(2, 4));
});

Deno.test("performanceProfile() refuses empty, ragged and NaN", () => {
  for (const bad of [[], [Float64Array.of()], [Float64Array.of(1, 2), Float64Array.of(1)], [Float64Array.of(NaN)]]) {
    throws(() => performanceProfile(bad, [0.5]), RangeError);
  }
  throws(() => performanceProfile(table, [NaN]), /a threshold is NaN/);
  equal(performanceProfile(table, []).length, 0);
});
