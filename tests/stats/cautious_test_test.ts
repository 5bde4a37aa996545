import { equal, ok } from "node:assert/strict";
import { cautiousP } from "../../harness/stats/cautious_test.ts";
import { studentCdf } from "../../harness/stats/distributions.ts";
import { twoWay, twoWayP } from "../../harness/stats/two_way.ts";

const table = (...rows: number[][]) => twoWay(rows.map((row) => Float64Array.from(row)));

Deno.test("cautiousP() is Student's over the seeds where these say less than the questions do", () => {
  const right = (n: number) => Array.from({ length: 100 }, (_, item) => item < n ? 1 : 0);
  const effects = table(right(30), right(22)), { run, residual } = effects.components;
  const t = 0.26 / Math.sqrt(run / 2 + residual / 200);
  ok(Math.abs(cautiousP(effects) - 2 * studentCdf(-t, 1)) < 1e-12); // two seeds: one degree of freedom
  ok(cautiousP(effects) > 5 * twoWayP(effects));
});

Deno.test("cautiousP() is the two-way p for one seed, and for seeds that are all alike", () => {
  for (const effects of [table([1, 0, 1, 1]), table([1, 0, 1, 1], [1, 0, 1, 1]), table([0, 0], [0, 0])]) {
    equal(cautiousP(effects), twoWayP(effects));
  }
});
