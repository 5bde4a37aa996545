// Do 95 % intervals hold the truth 95 times in a hundred? A simulation from known populations: the tool's own interval
// (two-way, of paired differences and of an arm's score) beside what others use, with 2 to 10 seeds. Wilson's needs no
// simulation: its coverage is a sum over the binomial distribution.
// Run: deno run tests/peers/coverage.ts [data sets a scenario, 1000] [items, 512]

import { stream } from "../../harness/base/prng.ts";
import { bootstrap } from "../../harness/stats/bootstrap.ts";
import { binomialTail } from "../../harness/stats/distributions.ts";
import type { Estimate } from "../../harness/stats/estimate.ts";
import { runMeans } from "../../harness/stats/scores.ts";
import { twoWay, twoWayInterval } from "../../harness/stats/two_way.ts";
import { wilson } from "../../harness/stats/wilson.ts";
import { scenarios, simulatedPair, truthOf } from "../stats/simulated_pair.ts";

const sets = Number(Deno.args[0] ?? 1000), items = Number(Deno.args[1] ?? 512), resamples = 1000;

const overSeeds = (values: readonly Float64Array[]) =>
  twoWayInterval(twoWay(runMeans(values).map((mean) => Float64Array.of(mean))));

const methods: Readonly<Record<string, (values: readonly Float64Array[], seed: number) => Estimate>> = {
  "two-way": (values) => twoWayInterval(twoWay(values)),
  "t over seeds": overSeeds,
  "bootstrap both": (values, seed) => bootstrap(values, { seed, resamples }),
  "BCa both": (values, seed) => bootstrap(values, { seed, resamples, method: "bca" }),
  "bootstrap seeds": (values, seed) => bootstrap(values, { seed, resamples, over: "runs" }),
  "bootstrap items": (values, seed) => bootstrap(values, { seed, resamples, over: "items" }),
};

console.log(`Coverage (%) of 95 % intervals: ${sets} data sets of ${items} items a scenario\n`);
console.log(["of", "scenario", "seeds", ...Object.keys(methods)].join(" | "));
for (const what of ["difference", "score"] as const) {
  for (const [place, scenario] of scenarios.entries()) {
    const means = truthOf(scenario), truth = what === "difference" ? means.a - means.b : means.b;
    for (const runs of [2, 3, 5, 10]) {
      const hits = Object.keys(methods).map(() => 0);
      for (let set = 0; set < sets; set++) {
        const { a, b } = simulatedPair(scenario, runs, items, stream(set, "coverage", place, runs));
        const values = what === "score" ? b : a.map((row, run) => row.map((value, item) => value - b[run]![item]!));
        for (const [method, interval] of Object.values(methods).entries()) {
          const { lower, upper } = interval(values, set);
          if (lower <= truth && truth <= upper) hits[method]!++;
        }
      }
      console.log([what, scenario.name, runs, ...hits.map((count) => (100 * count / sets).toFixed(1))].join(" | "));
    }
  }
}

console.log("\nWilson, exact: n | p | coverage (%)");
for (const n of [20, 100, 512]) {
  for (const p of [0.02, 0.1, 0.5, 0.9]) {
    let covered = 0;
    for (let right = 0; right <= n; right++) {
      const { lower, upper } = wilson(right, n);
      if (lower <= p && p <= upper) covered += binomialTail(right, n, p) - binomialTail(right + 1, n, p);
    }
    console.log([n, p, (100 * covered).toFixed(1)].join(" | "));
  }
}
