import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { cautiousP } from "../../harness/stats/cautious_test.ts";
import { detectable, planPower, powerOf } from "../../harness/stats/power.ts";
import { twoWay } from "../../harness/stats/two_way.ts";
import { near } from "./near.ts";

/** Of the differences between two arms on the embedded policy. */
const components = { run: 0.00025, item: 0.0625, residual: 0.0343 };

Deno.test("powerOf() is the one-sample t test's where only runs vary", () => {
  // scipy 1.17.1: effect .5, standard deviation 1, 10 runs; c = t.ppf(.975, 9), nc = .5 * 10**.5;
  // nct.sf(c, 9, nc) + nct.cdf(-c, 9, nc)
  near(powerOf({ run: 1, item: 0, residual: 0 }, 0.5, 10, 1), 0.29317560651407687, 11);
  equal(powerOf(components, 0.1, 1, 512), 0);
});

Deno.test("powerOf() is how often cautiousP() sees the effect in simulation", () => {
  const prng = stream(1, "test"), runs = 4, items = 30, effect = 1.2, sets = 1500;
  const [run, item, residual] = [0.5, 1.2, 1];
  let seen = 0;
  for (let set = 0; set < sets; set++) {
    const columns = Array.from({ length: items }, () => item * prng.normal());
    const values = Array.from({ length: runs }, () => {
      const row = effect + run * prng.normal();
      return Float64Array.from(columns, (column) => row + column + residual * prng.normal());
    });
    if (cautiousP(twoWay(values)) < 0.05) seen++;
  }
  const power = powerOf({ run: run ** 2, item: item ** 2, residual: residual ** 2 }, effect, runs, items);
  ok(Math.abs(seen / sets - power) < 0.04, `${seen / sets} seen, ${power} promised`);
});

Deno.test("detectable() is the effect that is seen with the power asked for", () => {
  for (const [runs, items, power] of [[3, 512, 0.8], [8, 100, 0.8], [5, 512, 0.5]] as const) {
    const effect = detectable(components, runs, items, { power });
    near(powerOf(components, effect!, runs, items), power, 9);
  }
});

Deno.test("detectable() is null with one run, and where nothing varies", () => {
  equal(detectable(components, 1, 512), null);
  equal(detectable({ run: 0, item: 0, residual: 0 }, 5, 512), null);
});

Deno.test("planPower() finds the least number of seeds: one less does not suffice", () => {
  const { rows } = planPower({ components, effect: 0.02, items: [2048, 4096], seeds: [3, 14] });
  for (const { items, seedsNeeded, reason, powers } of rows) {
    ok(powerOf(components, 0.02, seedsNeeded!, items) >= 0.8);
    ok(powerOf(components, 0.02, seedsNeeded! - 1, items) < 0.8);
    equal(reason, null);
    deepEqual(powers.map(({ seeds }) => seeds), [3, 14]);
    equal(powers[0]!.power, powerOf(components, 0.02, 3, items));
    equal(powers[0]!.detectable, detectable(components, 3, items));
  }
});

Deno.test("planPower() says where no number of seeds suffices, and how many items it takes", () => {
  const { rows, itemsNeeded, mostSeeds } = planPower({ components, effect: 0.02, items: [512] });
  equal(rows[0]!.seedsNeeded, null);
  ok(rows[0]!.reason?.includes(`with 512 items no number of seeds`) && rows[0]!.reason.includes(String(itemsNeeded)));
  ok(powerOf(components, 0.02, mostSeeds, itemsNeeded!) >= 0.8);
  ok(powerOf(components, 0.02, mostSeeds, itemsNeeded! - 1) < 0.8);
});

Deno.test("planPower() refuses effects and powers that are none", () => {
  for (const effect of [0, -1, NaN, Infinity]) {
    throws(() => planPower({ components, effect, items: [10] }), { name: "RangeError", message: /an effect of/ });
  }
  for (const power of [0.05, 1, NaN]) {
    throws(() => planPower({ components, effect: 1, power, items: [10] }), {
      name: "RangeError",
      message: /for power/,
    });
  }
});

Deno.test("detectable() asks for more with few seeds than the two-way test alone, which speaks where nothing is trained", () => {
  const differ = { run: 0.00017, item: 0.0081, residual: 0.0317 };
  const [three, fixed] = [detectable(differ, 3, 512), detectable(differ, 3, 512, { fixed: true })];
  ok(three! > 1.1 * fixed!, `${three} ${fixed}`);
  equal(detectable(differ, 20, 512), detectable(differ, 20, 512, { fixed: true }));
});
