import { deepEqual, equal, throws } from "node:assert/strict";
import { areaUnderCurve, firstReach, learningCurve, type Point, reach } from "../../harness/stats/learning_curve.ts";
import { near } from "./near.ts";

const run = (...points: [number, number][]): Point[] => points.map(([x, y]) => ({ x, y }));

Deno.test("learningCurve() averages where all runs have a point, with Student's interval", () => {
  const curve = learningCurve([run([0, 0.2], [5, 0.3], [10, 0.9]), run([0, 0.5], [10, 0.9]), run([0, 0.4], [10, 0.9])]);
  deepEqual(curve.map(({ x }) => x), [0, 10]);
  // scipy 1.17.1: t.interval(.95, 2, x.mean(), sem(x)) of [.2, .5, .4]
  near(curve[0]!.y.value, 1.1 / 3);
  near(curve[0]!.y.lower, -0.012791636693009256, 10);
  near(curve[0]!.y.upper, 0.7461249700263426);
  deepEqual([curve[1]!.y.lower, curve[1]!.y.upper], [0.9, 0.9]);
  deepEqual(learningCurve([]), []);
});

Deno.test("areaUnderCurve() is the mean height by trapezoids", () => {
  equal(areaUnderCurve(run([0, 0], [10, 1])), 0.5);
  near(areaUnderCurve(run([2, 0.4], [4, 0.6], [12, 0.6]))!, (2 * 0.5 + 8 * 0.6) / 10);
  equal(areaUnderCurve(run([3, 1])), null);
  equal(areaUnderCurve([]), null);
});

Deno.test("firstReach() is where a run first meets the target, on the line between points", () => {
  const curve = run([0, 0.1], [100, 0.5], [200, 0.4], [300, 0.8]);
  near(firstReach(curve, 0.3)!, 50);
  near(firstReach(curve, 0.6)!, 250);
  equal(firstReach(curve, 0.5), 100);
  equal(firstReach(curve, 0.05), 0);
  equal(firstReach(curve, 0.9), null);
  equal(firstReach([], 0.5), null);
});

Deno.test("reach() counts runs that never reach the target as last", () => {
  const early = run([0, 0], [10, 1]), late = run([0, 0], [100, 1]), never = run([0, 0], [100, 0.2]);
  const three = reach([never, early, late], 0.5);
  deepEqual(three.x, [null, 5, 50]);
  equal(three.median, 50);
  equal(three.reached.value, 2 / 3);
  equal(reach([never, never, early], 0.5).median, null);
  equal(reach([early, never], 0.5).median, 5); // half are there
  throws(() => reach([], 0.5), RangeError);
});

Deno.test("curves with NaN, or whose x does not rise, are refused", () => {
  throws(() => areaUnderCurve(run([0, 0], [0, 1])), { name: "RangeError", message: /point 1 is \(0, 1\)/ });
  throws(() => firstReach(run([0, NaN]), 1), { name: "RangeError", message: /point 0/ });
});
