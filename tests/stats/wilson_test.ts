import { equal, throws } from "node:assert/strict";
import { wilson } from "../../harness/stats/wilson.ts";
import { near } from "./near.ts";

Deno.test("wilson() agrees with statsmodels, and reaches the ends where all or none are right", () => {
  // statsmodels 0.15.0: proportion_confint(successes, n, method="wilson")
  const values = [
    [0, 10, 0, 0.27753279986288926],
    [10, 10, 0.7224672001371106, 1],
    [7, 20, 0.18119182410108203, 0.5671457233147638],
    [263, 300, 0.8346262759711767, 0.9091826857063321],
  ] as const;
  for (const [successes, n, lower, upper] of values) {
    const estimate = wilson(successes, n);
    equal(estimate.value, successes / n);
    near(estimate.lower, lower);
    near(estimate.upper, upper);
  }
  equal(wilson(0, 3).lower, 0);
  equal(wilson(3, 3).upper, 1);
});

Deno.test("wilson() refuses a proportion of nothing, and what is no count", () => {
  for (const [successes, n] of [[0, 0], [4, 3], [-1, 3], [0.5, 3], [NaN, 3]] as const) {
    throws(() => wilson(successes, n), { name: "RangeError", message: /is no proportion/ });
  }
  throws(() => wilson(1, 2, 1), RangeError);
});
