import { deepEqual, equal, throws } from "node:assert/strict";
import { flat, iqm, mean, median, optimalityGap } from "../../harness/stats/aggregates.ts";
import { near } from "./near.ts";

const table = [[.1, .5, .9, .3, .2], [.2, .6, .7, .1, .4], [.15, .8, .9, .35, .1], [.4, .4, .6, .3, .9]].map((row) =>
  Float64Array.from(row)
);

Deno.test("iqm(), mean() and optimalityGap() are rliable's over all scores", () => {
  // rliable 1.2.0: metrics.aggregate_iqm(t), aggregate_mean(t), aggregate_optimality_gap(t), (t, .5)
  near(iqm(flat(table)), 0.405);
  near(mean(flat(table)), 0.445);
  near(optimalityGap(flat(table)), 0.555);
  near(optimalityGap(flat(table), 0.5), 0.15);
});

Deno.test("iqm() leaves out floor(n / 4) values at each end", () => {
  equal(iqm([8, 1, 2, 3]), 2.5); // 1 and 8 go
  equal(iqm([1, 2, 30]), 11); // three have no quarter
  equal(iqm([100, 1, 2, 3, 4, 5, 6, 7, -50]), 4); // two at each end
  equal(iqm([7]), 7);
});

Deno.test("median() is the middle value or the mean of both", () => {
  equal(median([3, 1, 2]), 2);
  equal(median([4, 1, 3, 2]), 2.5);
});

Deno.test("flat() lists run by run and leaves its input as it was", () => {
  deepEqual([...flat([Float64Array.of(3, 1), Float64Array.of(2)])], [3, 1, 2]);
  const values = [2, 1];
  median(values);
  deepEqual(values, [2, 1]);
});

Deno.test("aggregates refuse empty lists and NaN", () => {
  for (const aggregate of [mean, median, iqm, optimalityGap]) {
    throws(() => aggregate([]), { name: "RangeError", message: /the list is empty/ });
    throws(() => aggregate([1, NaN]), { name: "RangeError", message: /value 1 is NaN/ });
  }
});
