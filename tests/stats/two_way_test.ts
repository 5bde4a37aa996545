import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { expectedPrecision, twoWay, twoWayInterval, twoWayP } from "../../harness/stats/two_way.ts";
import { near } from "./near.ts";

const table = (...rows: number[][]) => rows.map((row) => Float64Array.from(row));

Deno.test("twoWay() has the mean squares of an analysis of variance", () => {
  // statsmodels 0.15.0: anova_lm(ols("y ~ C(run) + C(item)")).mean_sq = 49/6, 19/6, 1/6
  const t = twoWay(table([1, 2, 3], [3, 4, 6]));
  near(t.mean, 19 / 6);
  near(t.components.run, (49 / 6 - 1 / 6) / 3);
  near(t.components.item, (19 / 6 - 1 / 6) / 2);
  near(t.components.residual, 1 / 6);
  near(t.standardError, Math.sqrt((49 + 19 - 1) / 6 / 6));
  // Satterthwaite: (a + b - c)^2 / (a^2 / 1 + b^2 / 2 + c^2 / 2)
  near(t.degreesOfFreedom, 1.7385747482571658);
  const { value, lower, upper, note } = twoWayInterval(t);
  near(value, 19 / 6); // scipy 1.17.1: mean -+ t.ppf(.975, df) se, 2 t.sf(mean / se, df)
  near(lower, -3.635630808048226, 11);
  near(upper, 9.968964141381559, 11);
  near(twoWayP(t), 0.16469399152446218, 11);
  equal(twoWayInterval(t, 0.9).level, 0.9);
  ok(note?.includes("two seeds"));
});

Deno.test("twoWay() does not fall below a mean square when the others leave less", () => {
  // statsmodels: mean squares 0.0165 (runs), 0.2151875 (items), 0.0478541… (residual): runs vary less than chance
  const t = twoWay(table([.1, .5, .9, .3, .2], [.2, .6, .7, .1, .4], [.15, .8, .9, .35, .1], [.4, .4, .6, .3, .9]));
  equal(t.components.run, 0);
  near(t.standardError, Math.sqrt(0.2151875 / 20));
  near(t.degreesOfFreedom, 4);
});

Deno.test("twoWay() of rows and columns that agree in the mean keeps the residual", () => {
  const t = twoWay(table([1, -1, 0], [-1, 1, 0])); // all margins 0; residual mean square 4 / 2
  near(t.standardError, Math.sqrt(2 / 6));
  equal(t.degreesOfFreedom, 2);
  equal(twoWayP(t), 1);
});

Deno.test("twoWayInterval() and twoWayP() agree: p is 0.05 where the 95 % interval ends at 0", () => {
  const values = table([0, 1, 1, 0], [1, 1, 0, 0], [1, 0, 1, 1]);
  const { lower } = twoWayInterval(twoWay(values));
  near(twoWayP(twoWay(values.map((row) => row.map((value) => value - lower)))), 0.05, 10);
});

Deno.test("twoWay() of one item is the t interval over runs", () => {
  const t = twoWay(table([0.2], [0.5], [0.4])), { lower, upper, note } = twoWayInterval(t);
  near(lower, -0.012791636693009256, 10); // scipy 1.17.1: t.interval(.95, 2, x.mean(), sem(x))
  near(upper, 0.7461249700263426);
  near(twoWayP(t), 0.05327073759374253); // ttest_1samp(x, 0)
  ok(note?.includes("3 seeds: what befalls one seed in 3"));
});

Deno.test("twoWay() of one run is the t interval over items, and says that it knows no other seed", () => {
  const { lower, upper, note } = twoWayInterval(twoWay(table([0.2, 0.5, 0.4])));
  near(lower, -0.012791636693009256, 10);
  near(upper, 0.7461249700263426);
  ok(note?.includes("one seed"));
});

Deno.test("twoWay() of a single score knows nothing of others: an interval without end, and p = 1", () => {
  const t = twoWay(table([0.7])), { value, lower, upper, note } = twoWayInterval(t);
  deepEqual([value, lower, upper, twoWayP(t)], [0.7, -Infinity, Infinity, 1]);
  ok(note?.includes("one score"));
});

Deno.test("twoWay() of equal scores has no width; p is 1 if they are 0 and 0 if not", () => {
  const right = twoWay(table([1, 1, 1], [1, 1, 1])), none = twoWay(table([0, 0], [0, 0], [0, 0]));
  const tenths = twoWay(table([0.1, 0.1, 0.1], [0.1, 0.1, 0.1])); // whose sums round
  for (const [t, value, p] of [[right, 1, 0], [none, 0, 1], [tenths, 0.1, 0]] as const) {
    const { lower, upper, note } = twoWayInterval(t);
    deepEqual([t.standardError, lower, upper, twoWayP(t)], [0, value, value, p]);
    ok(t.degreesOfFreedom > 0 && note?.includes("all scores are equal"));
  }
});

Deno.test("twoWay() refuses empty, ragged and NaN tables, naming the place", () => {
  throws(() => twoWay([]), { name: "RangeError", message: /there are none/ });
  throws(() => twoWay(table([])), { name: "RangeError", message: /there are none/ });
  throws(() => twoWay(table([1, 2], [1])), { name: "RangeError", message: /run 1 has 1 items, the first has 2/ });
  throws(() => twoWay(table([1, 2], [1, NaN])), { name: "RangeError", message: /run 1 has NaN at item 1/ });
  throws(() => twoWayInterval(twoWay(table([1, 2])), 1), RangeError);
});

Deno.test("twoWayInterval() says what few seeds cannot show, and is silent from ten on", () => {
  const noteOf = (runs: number) =>
    twoWayInterval(twoWay(Array.from({ length: runs }, (_, run) => Float64Array.of(run, 2)))).note;
  deepEqual([1, 2, 9].map((runs) => noteOf(runs)?.split(":")[0]), ["one seed", "two seeds", "9 seeds"]);
  equal(noteOf(10), null);
});

Deno.test("expectedPrecision() is Var(mean) = run / R + item / I + residual / (R I), and twoWay's own at its size", () => {
  const components = { run: 0.03, item: 0.2, residual: 0.5 };
  near(expectedPrecision(components, 5, 40).standardError ** 2, 0.03 / 5 + 0.2 / 40 + 0.5 / 200);
  const t = twoWay(table([1, 2, 3], [3, 4, 6])), expected = expectedPrecision(t.components, 2, 3);
  near(expected.standardError, t.standardError);
  near(expected.degreesOfFreedom, t.degreesOfFreedom);
  throws(() => expectedPrecision(components, 0, 3), RangeError);
});
