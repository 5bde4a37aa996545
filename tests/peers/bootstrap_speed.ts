// How long 100,000 two-level bootstrap resamples of 13 arms x 10 seeds x 1,319 items take, single-threaded: the size of
// a full comparison on GSM8K's test questions. Run: deno run tests/peers/bootstrap_speed.ts [resamples]

import { cpuUsage } from "node:process";
import { stream } from "../../harness/base/prng.ts";
import { bootstrapMeans } from "../../harness/stats/bootstrap_means.ts";

const resamples = Number(Deno.args[0] ?? 100_000);
const prng = stream(0, "bootstrap speed");
const arms = Array.from({ length: 13 }, () => {
  return Array.from({ length: 10 }, () => Float64Array.from({ length: 1319 }, () => prng.uniform() < 0.6 ? 1 : 0));
});
for (const packed of [true, false]) {
  const count = packed ? resamples : Math.ceil(resamples / 10); // the general path is slower: a tenth tells as much
  const start = performance.now(), used = cpuUsage();
  bootstrapMeans(arms, { resamples: count, packed });
  const seconds = (performance.now() - start) / 1000, spent = cpuUsage(used);
  const processor = (spent.user + spent.system) / 1e6; // what it takes where nobody else is at work
  console.log(
    `${packed ? "0/1 scores" : "any scores"}: ${count} resamples in ${seconds.toFixed(2)} s, ${
      processor.toFixed(2)
    } s of processor`,
  );
}
