import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { flat, iqm, mean } from "../../harness/stats/aggregates.ts";
import { bootstrap, type BootstrapOptions } from "../../harness/stats/bootstrap.ts";

const table = [[.1, .5, .9, .3, .2], [.2, .6, .7, .1, .4], [.15, .8, .9, .35, .1], [.4, .4, .6, .3, .9]].map((row) =>
  Float64Array.from(row)
);

function agrees(options: BootstrapOptions, lower: number, upper: number, slack = 0.0101): void {
  const estimate = bootstrap(table, { resamples: 20_000, ...options });
  ok(Math.abs(estimate.lower - lower) <= slack, `lower ${estimate.lower}, not ${lower}`);
  ok(Math.abs(estimate.upper - upper) <= slack, `upper ${estimate.upper}, not ${upper}`);
}

Deno.test("bootstrap() over runs and over items is scipy's, percentile and BCa", () => {
  // scipy 1.17.1: bootstrap((t.mean(axis),), np.mean, n_resamples=200000, method=…).confidence_interval, axis 1 and 0
  agrees({ over: "runs" }, 0.4, 0.49);
  agrees({ over: "runs", method: "bca" }, 0.4, 0.505);
  agrees({ over: "items" }, 0.27, 0.6325);
  agrees({ over: "items", method: "bca" }, 0.2875, 0.66);
});

Deno.test("bootstrap() stratified is rliable's, for the interquartile mean", () => {
  // rliable 1.2.0: get_interval_estimates({"x": t}, lambda x: np.array([aggregate_iqm(x)]), reps=50000)
  agrees({ over: "stratified", statistic: (values) => iqm(flat(values)) }, 0.32, 0.515);
});

Deno.test("bootstrap() of a statistic that is the mean is bootstrap() of the mean", () => {
  for (const over of ["runs", "items", "both"] as const) {
    for (const method of ["percentile", "bca"] as const) {
      const options = { over, method, resamples: 500, seed: 3 };
      const quick = bootstrap(table, options), slow = bootstrap(table, { ...options, statistic: (t) => mean(flat(t)) });
      ok(Math.abs(quick.lower - slow.lower) < 1e-12 && Math.abs(quick.upper - slow.upper) < 1e-12);
    }
  }
});

Deno.test("bootstrap() is the same for the same seed, and says what it speaks of", () => {
  deepEqual(bootstrap(table, { seed: 4 }), bootstrap(table, { seed: 4 }));
  equal(bootstrap(table).method, "percentile bootstrap over seeds and items");
  ok(bootstrap(table).note?.includes("4 seeds are few"));
  ok(bootstrap(table, { over: "items" }).note?.includes("not of other seeds"));
  ok(bootstrap([table[0]!]).note?.includes("one seed"));
  equal(bootstrap(Array.from({ length: 10 }, () => table[0]!)).note, null);
});

Deno.test("bootstrap() of equal scores has no width and says so, BCa or not", () => {
  const right = [Float64Array.of(1, 1), Float64Array.of(1, 1)];
  for (const method of ["percentile", "bca"] as const) {
    const { value, lower, upper, note } = bootstrap(right, { method });
    deepEqual([value, lower, upper], [1, 1, 1]);
    ok(note?.includes("no width"));
  }
  ok(bootstrap(right, { method: "bca" }).note?.includes("BCa does not apply"));
  equal(bootstrap(right, { method: "bca" }).method, "percentile bootstrap over seeds and items");
});

Deno.test("bootstrap() refuses empty and NaN tables, and statistics that are NaN", () => {
  throws(() => bootstrap([]), { name: "RangeError", message: /there are no scores/ });
  throws(() => bootstrap([Float64Array.of(NaN)]), { name: "RangeError", message: /not finite/ });
  throws(() => bootstrap(table, { statistic: () => NaN, resamples: 5 }), { name: "RangeError", message: /statistic/ });
  throws(() => bootstrap(table, { level: 1 }), RangeError);
});
