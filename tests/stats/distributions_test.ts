// Oracle: scipy 1.17.1, scipy.stats.norm, t, nct and binom; the calls are beside the values.

import { equal, throws } from "node:assert/strict";
import {
  binomialTail,
  normalCdf,
  normalQuantile,
  studentCdf,
  studentPower,
  studentQuantile,
} from "../../harness/stats/distributions.ts";
import { near } from "./near.ts";

Deno.test("normalCdf() agrees with scipy, far tails included", () => {
  const values = [ // norm.cdf(z)
    [-30, 4.906713927147908e-198],
    [-8, 6.22096057427174e-16],
    [-3, 0.0013498980316300933],
    [-1, 0.15865525393145707],
    [0.5, 0.6914624612740131],
    [1.96, 0.9750021048517795],
    [6, 0.9999999990134123],
  ] as const;
  for (const [z, p] of values) near(normalCdf(z), p);
  equal(normalCdf(0), 0.5);
  equal(normalCdf(-Infinity), 0);
  equal(normalCdf(Infinity), 1);
});

Deno.test("normalCdf() has no step where its two formulas meet", () => {
  const edge = 2 * Math.SQRT2;
  near(normalCdf(-edge - 1e-15), normalCdf(-edge + 1e-15), 12);
});

Deno.test("normalQuantile() agrees with scipy and is infinite at 0 and 1", () => {
  const values = [ // norm.ppf(p)
    [1e-10, -6.361340902404056],
    [0.025, -1.9599639845400545],
    [0.3, -0.5244005127080409],
    [0.8, 0.8416212335729143],
    [0.995, 2.5758293035489004],
  ] as const;
  for (const [p, z] of values) near(normalQuantile(p), z, 13);
  equal(normalQuantile(0.5), 0);
  equal(normalQuantile(0), -Infinity);
  equal(normalQuantile(1), Infinity);
  throws(() => normalQuantile(1.1), RangeError);
  throws(() => normalQuantile(NaN), RangeError);
});

Deno.test("studentCdf() agrees with scipy from 2 to a million degrees of freedom", () => {
  const values = [ // t.cdf(t, df)
    [1, 2, 0.7886751345948129],
    [2.5, 3.3, 0.9599735818458228],
    [-40, 5, 9.205981085886477e-8],
    [2, 1e4, 0.9772363696692823],
    [-3, 1e6, 0.0013499312707109],
    [0.001, 4, 0.500374999921875],
  ] as const;
  for (const [t, df, p] of values) near(studentCdf(t, df), p, df > 1e5 ? 11 : 12);
  equal(studentCdf(-Infinity, 3), 0);
  equal(studentCdf(1.5, Infinity), normalCdf(1.5));
  throws(() => studentCdf(1, 0), RangeError);
  throws(() => studentCdf(NaN, 3), RangeError);
});

Deno.test("studentCdf() is the closed form with 1 and 2 degrees of freedom", () => {
  for (const t of [-7, -1, -0.2, 0, 0.4, 3]) {
    near(studentCdf(t, 1), 0.5 + Math.atan(t) / Math.PI);
    near(studentCdf(t, 2), 0.5 + t / (2 * Math.sqrt(2 + t * t)));
  }
});

Deno.test("studentQuantile() gives the table of every textbook, and scipy's digits", () => {
  const table = [[1, 12.706], [2, 4.303], [3, 3.182], [4, 2.776], [7, 2.365], [9, 2.262], [30, 2.042]] as const;
  for (const [df, t] of table) equal(studentQuantile(0.975, df).toFixed(3), t.toFixed(3));
  const values = [ // t.ppf(p, df)
    [0.975, 1, 12.706204736174694],
    [0.975, 2, 4.302652729749462],
    [0.9, 4.7, 1.4901550815168034],
    [0.025, 1e5, -1.95998770753461],
    [1e-6, 3, -103.29946778041935],
  ] as const;
  for (const [p, df, t] of values) near(studentQuantile(p, df), t);
});

Deno.test("studentPower() agrees with scipy's noncentral t, and is the level without an effect", () => {
  const values = [ // c = t.ppf(.975, df); nct.sf(c, df, nc) + nct.cdf(-c, df, nc)
    [2, 1, 0.1257563177570528],
    [2.8, 10, 0.7138940486020398],
    [3, 2.5, 0.4691538286286643],
    [0.5, 1000, 0.07904088858890194],
  ] as const;
  for (const [noncentrality, df, power] of values) near(studentPower(noncentrality, df), power, 11);
  near(studentPower(0, 7), 0.05);
  near(studentPower(2.5, Infinity), normalCdf(2.5 - 1.959963984540054) + normalCdf(-2.5 - 1.959963984540054));
  throws(() => studentPower(1, 3, 0), RangeError);
});

Deno.test("binomialTail() is the sum of its terms", () => {
  for (const [n, p] of [[1, 0.3], [7, 0.5], [12, 0.9]] as const) {
    for (let k = 0; k <= n + 1; k++) {
      let sum = 0, ways = 1;
      for (let i = 0; i <= n; i++) {
        if (i >= k) sum += ways * p ** i * (1 - p) ** (n - i);
        ways = ways * (n - i) / (i + 1);
      }
      near(binomialTail(k, n, p), sum);
    }
  }
  near(binomialTail(600, 1000, 0.5), 1.3642320780329735e-10, 11); // binom.sf(599, 1000, .5)
  throws(() => binomialTail(1.5, 3, 0.5), RangeError);
  throws(() => binomialTail(1, 3, NaN), RangeError);
});
