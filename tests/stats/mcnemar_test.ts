import { equal, throws } from "node:assert/strict";
import { mcnemar } from "../../harness/stats/mcnemar.ts";
import { near } from "./near.ts";

Deno.test("mcnemar() agrees with statsmodels", () => {
  // statsmodels 0.15.0: mcnemar([[0, a], [b, 0]], exact=True).pvalue
  near(mcnemar(8, 2), 0.109375);
  near(mcnemar(0, 6), 0.03125);
  near(mcnemar(60, 90), 0.017597691928785828);
});

Deno.test("mcnemar() is symmetric, at most 1, and 1 where no item differs", () => {
  equal(mcnemar(2, 8), mcnemar(8, 2));
  equal(mcnemar(10, 10), 1);
  equal(mcnemar(0, 0), 1);
  equal(mcnemar(1, 0), 1);
});

Deno.test("mcnemar() refuses what is no count", () => {
  for (const bad of [-1, 0.5, NaN]) throws(() => mcnemar(1, bad), { name: "RangeError", message: /whole number/ });
});
