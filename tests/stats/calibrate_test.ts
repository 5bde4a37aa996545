import { deepEqual, equal, throws } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { calibrate, type CalibratedArm } from "../../harness/stats/calibrate.ts";

/** An arm whose seeds are right with probabilities around `mean`, on questions of differing difficulty. */
function arm(name: string, index: number, { seeds, items, mean, spread }: Record<string, number>): CalibratedArm {
  const prng = stream(7, "calibrate test", index), n = items ?? 0;
  const hard = Float64Array.from({ length: n }, () => 0.3 * (prng.uniform() - 0.5));
  const values = Array.from({ length: seeds ?? 0 }, () => {
    const level = (mean ?? 0) + (spread ?? 0) * prng.normal();
    return Float64Array.from(hard, (shift) => prng.uniform() < level + shift ? 1 : 0);
  });
  return {
    arm: name,
    scores: { seeds: values.map((_, seed) => seed), items: Array.from(hard, (_, i) => `q${i}`), values },
  };
}

const arms = [0, 1, 2, 3].map((i) => arm(`arm ${i}`, i, { seeds: 8, items: 64, mean: 0.6, spread: 0.03 }));
const options = { trials: 200, seed: 0, margin: 0.02, drops: [0.02, 0.4, 0.95] };

Deno.test("calibrate() finds no more false alarms than it may, and a drop of most of everything", () => {
  const { falseAlarms, drops, arms: rows } = calibrate(arms, options);
  equal(falseAlarms <= 0.05, true, `${falseAlarms}`);
  equal(rows.every(({ alone: { regress } }) => regress <= 0.08), true);
  const [small, large] = drops;
  equal(small!.found.regress < 0.2, true, "a drop of the margin is too small for so few seeds and questions");
  equal(large!.found.regress > 0.8, true, `${large!.found.regress}`);
  equal(small!.found.pass < 0.1, true, "and it is not passed either");
  deepEqual(rows.map(({ seeds, items }) => [seeds, items]), Array(4).fill([4, 64]));
});

Deno.test("calibrate() plants no drop that is more than there is to lose", () => {
  const { drops } = calibrate(arms, { ...options, trials: 8 });
  deepEqual(drops.map(({ drop, trials }) => [drop, trials]), [[0.02, 8], [0.4, 8], [0.95, 0]]);
});

Deno.test("calibrate() is the same for the same seed, and another for another", () => {
  const few = { ...options, trials: 20 };
  deepEqual(calibrate(arms, few), calibrate(arms, few));
  const rates = (seed: number) => calibrate(arms, { ...few, seed }).arms.map(({ alone }) => alone.pass);
  equal(JSON.stringify(rates(0)) === JSON.stringify(rates(1)), false);
});

Deno.test("calibrate() finds what never varies never wrong, and leaves out arms of one seed", () => {
  const same = arm("same", 9, { seeds: 1, items: 64, mean: 0.5, spread: 0 });
  const fixed = {
    arm: "fixed",
    scores: { ...same.scores, seeds: [0, 1], values: [0, 1].map(() => same.scores.values[0]!) },
  };
  const { arms: [only], left, falseAlarms } = calibrate([same, fixed], { ...options, trials: 10 });
  deepEqual([only?.arm, only?.alone.pass, left, falseAlarms], ["fixed", 1, ["same"], 0]);
  throws(() => calibrate([same], options), /no arm has two seeds/);
});
