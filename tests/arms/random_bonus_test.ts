import { deepEqual, notDeepEqual, ok } from "node:assert/strict";
import { memoryRPlus } from "../../harness/arms/memory_r_plus.ts";
import { randomBonus } from "../../harness/arms/random_bonus.ts";
import { stream } from "../../harness/base/prng.ts";
import type { Arm, Bonus, ConfigFields } from "../../harness/contract.ts";
import { at, named, randomEmbedder, randomSteps, shaperOf } from "./groups.ts";

const steps = randomSteps(stream(2, "random bonus test"), 8, 4, 6);

async function run(arm: Arm, seed: number, fields: ConfigFields = {}): Promise<Bonus[][]> {
  const shaper = await shaperOf(arm, fields, randomEmbedder(), seed), all: Bonus[][] = [];
  for (const [step, groups] of steps.entries()) {
    all.push(...(await shaper.shape(at(step, groups))).map((bonuses) => [...bonuses]));
  }
  return all;
}

/** What each completion got of all bonuses, as a list without order. */
function dealt(bonuses: readonly Bonus[]): string[] {
  return bonuses[0]!.raw.map((_, i) =>
    JSON.stringify(bonuses.map(({ name, raw, values }) => [name, raw[i], values[i]]))
  )
    .sort();
}

Deno.test("random-bonus gives each group what memory-r+ gives it, completions swapped, both bonuses and raw values together", async () => {
  const plain = await run(memoryRPlus, 7), random = await run(randomBonus, 7);
  deepEqual(random.map(dealt), plain.map(dealt));
  const moved = random.filter((bonuses, g) => JSON.stringify(bonuses) !== JSON.stringify(plain[g]));
  ok(moved.length > random.length / 2, `${moved.length} of ${random.length} groups moved`);
});

Deno.test("random-bonus deals by the seed, the step and the group, not by what was dealt before", async () => {
  deepEqual(await run(randomBonus, 7), await run(randomBonus, 7));
  notDeepEqual(await run(randomBonus, 7), await run(randomBonus, 8));
  const alone = await shaperOf(randomBonus, {}, randomEmbedder(), 7), whole = await run(randomBonus, 7);
  for (const groups of steps.slice(0, 3)) await alone.shape(at(99, groups)); // other steps: other deals
  const resumed = await alone.shape(at(3, steps[3]!));
  deepEqual(resumed, whole.slice(12, 16));
});

Deno.test("random-bonus deals differently to two groups of a step that are the same", async () => {
  const shaper = await shaperOf(randomBonus), twins = steps[0]!.slice(0, 1).flatMap((group) => [group, group]);
  await shaper.shape(at(0, twins));
  const [first, second] = await shaper.shape(at(1, twins));
  notDeepEqual(first, second);
  deepEqual(dealt(first!), dealt(second!));
});

Deno.test("random-bonus says nothing about correctness, even where memory-r+ leaks it", async () => {
  const difference = async (arm: Arm) => {
    const right: number[] = [], wrong: number[] = [];
    const groups = steps.flat(), bonuses = await run(arm, 7, { "memory.order": "as-released" });
    bonuses.forEach((group, g) =>
      named(group, "explore").values.forEach((value, i) =>
        (groups[g]!.grades[i]!.status === "correct" ? right : wrong).push(value)
      )
    );
    const mean = (all: readonly number[]) => all.reduce((sum, value) => sum + value, 0) / all.length;
    return mean(right) - mean(wrong);
  };
  ok(await difference(memoryRPlus) > 0.2);
  ok(Math.abs(await difference(randomBonus)) < 0.1);
});
