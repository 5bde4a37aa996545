import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { bootstrap } from "../../harness/stats/bootstrap.ts";
import { SharedBootstrap } from "../../harness/stats/shared_bootstrap.ts";
import { near } from "./near.ts";

const random = stream(1, "shared bootstrap test");
const scores = (n: number, draw: () => number) => Float64Array.from({ length: n }, draw);

Deno.test("SharedBootstrap.mean() is what bootstrap() over items gives, whatever else is asked for", () => {
  const rows = [scores(30, () => random.uniform()), scores(30, () => random.int(2)), scores(30, () => 0.25)];
  const shared = new SharedBootstrap(), asked = rows.map((row) => shared.mean(row));
  for (const [i, row] of rows.entries()) {
    const alone = bootstrap([row], { over: "items" }), found = asked[i]!();
    near(found.value, alone.value);
    near(found.lower, alone.lower);
    near(found.upper, alone.upper);
    equal(found.method, alone.method);
  }
  deepEqual(asked[0]!(), asked[0]!()); // telling twice changes nothing
  equal(asked[2]!().note, "all resamples agree: the interval has no width");
  throws(() => shared.mean(rows[0]!), /the draws are made/);
});

Deno.test("SharedBootstrap.ratio() draws both parts together, and leaves out what counts nothing", () => {
  const counts = scores(20, () => 1 + random.int(3)), totals = counts.map((count) => 4 * count);
  const shared = new SharedBootstrap();
  const steady = shared.ratio(totals, counts), plain = shared.ratio(counts, new Float64Array(20).fill(1));
  const same = shared.mean(counts), nothing = shared.ratio(totals, new Float64Array(20));
  const rare = shared.ratio(Float64Array.of(5, ...new Array(19).fill(0)), Float64Array.of(1, ...new Array(19).fill(0)));
  deepEqual([steady()!.value, steady()!.lower, steady()!.upper], [4, 4, 4]);
  deepEqual(plain(), same());
  equal(nothing(), null);
  deepEqual([rare()!.value, rare()!.lower, rare()!.upper], [5, 5, 5]);
  ok(same().lower < same().value && same().value < same().upper);
});
