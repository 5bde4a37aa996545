import { deepEqual, equal, throws } from "node:assert/strict";
import { bonusWeight, RangedBonus } from "../../harness/arms/ranged_bonus.ts";
import { FailureError } from "../../harness/base/errors.ts";
import { defaultConfig } from "../../harness/config_options.ts";

const memory = { ...defaultConfig.memory, window: 3, epsilon: 0, warmup: 0.1, exploitWeight: 2, exploreWeight: 4 };
const now = { step: 0, progress: 0.5 };

Deno.test("bonusWeight() is constant for exploit; for novelty it is 0 before the warm-up's end, then annealed", () => {
  const annealed = { ...memory, annealing: 0.5 };
  for (const step of [0, 3]) equal(bonusWeight("exploit", annealed, { step, progress: 0 }), 2);
  equal(bonusWeight("novelty", annealed, { step: 0, progress: 0.0999 }), 0);
  equal(bonusWeight("novelty", annealed, { step: 3, progress: 0.1 }), 4 * 0.125);
  equal(bonusWeight("novelty", memory, { step: 3, progress: 0.1 }), 4);
});

Deno.test("RangedBonus normalises a group by the window that it has entered as a whole", () => {
  const bonus = new RangedBonus("b", "exploit", memory);
  deepEqual(bonus.shape(now, [0, 10]), { name: "b", raw: [0, 10], values: [0, 2] });
  deepEqual(bonus.shape(now, [5, null, 20]).values, [0, 0, 2]); // window 10, 5, 20
  deepEqual(bonus.shape(now, [5]).values, [0]); // window 5, 20, 5
});

Deno.test("RangedBonus stays within its weight in groups larger than the window, and where all values are the same", () => {
  const bonus = new RangedBonus("b", "exploit", { ...memory, epsilon: 1e-8 });
  deepEqual(bonus.shape(now, [9, -9, 1, 1, 1]).values, [0, 0, 0, 0, 0]);
  const { values } = bonus.shape(now, [100, 0, 1, 2, 3]);
  values.forEach((value) => equal(value >= 0 && value <= 2, true, `${values}`));
});

Deno.test("RangedBonus has nothing to normalise by before the first value", () => {
  deepEqual(new RangedBonus("b", "novelty", memory).shape(now, [null, null]).values, [0, 0]);
});

Deno.test("RangedBonus.load() takes up what save() gave, to the bit, and refuses what holds no numbers", () => {
  const one = new RangedBonus("b", "exploit", memory), two = new RangedBonus("b", "exploit", memory);
  one.shape(now, [1 / 3, -0.1, 1e-17, 7]);
  two.load(one.save());
  deepEqual(two.save(), one.save());
  deepEqual(two.shape(now, [0.2, 0.3]), one.shape(now, [0.2, 0.3]));
  for (const bytes of [new Uint8Array(7), new Uint8Array(Float64Array.of(1, NaN).buffer)]) {
    throws(() => two.load({ "range.b": bytes }), FailureError);
  }
  throws(() => two.load({}), /no section "range\.b"/);
});

Deno.test("RangedBonus.load() reads bytes at any offset", () => {
  const one = new RangedBonus("b", "exploit", memory), two = new RangedBonus("b", "exploit", memory);
  one.shape(now, [3, 4]);
  const bytes = one.save()["range.b"]!, within = new Uint8Array(bytes.length + 3);
  within.set(bytes, 3);
  two.load({ "range.b": within.subarray(3) });
  deepEqual(two.save(), one.save());
});
