// What every arm must hold to, run over all of them and over the variants that the documentation names.

import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { arms, findArm } from "../../harness/arms/registry.ts";
import { FailureError } from "../../harness/base/errors.ts";
import { stream } from "../../harness/base/prng.ts";
import { armConfig, defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import type { Bonus, RewardShaper, RolloutGroup } from "../../harness/contract.ts";
import { arithmetic } from "../../tasks/arithmetic.ts";
import { at, group, randomSteps, shaperOf } from "./groups.ts";

const variants = [
  "memory-r+:order=as-released:key=as-released",
  "shuffled-memory:order=as-released",
  "random-bonus:order=as-released",
  "explore-novelty:order=as-released",
  "memory-r+:neighbours=3:response=whole:memory.window=5",
  "memory-r:embedder=hashing",
  "cosine:unit=chars",
].map((name) => findArm(name));

const steps = randomSteps(stream(21, "conformance"), 10, 4, 5);

/** Shapes steps from `first` on; the budget ends with the last of all. */
async function play(shaper: RewardShaper, first = 0, last = steps.length): Promise<(readonly (readonly Bonus[])[])[]> {
  const shaped = [];
  for (let step = first; step < last; step++) {
    shaped.push(await shaper.shape(at(step, steps[step]!, step / steps.length)));
  }
  return shaped;
}

/** As it stands in records: what is the same there is the same. */
const text = (value: unknown) => JSON.stringify(value);

for (const arm of [...arms, ...variants]) {
  Deno.test(`${arm.name}: its fields fit the default config and small and large ones`, () => {
    armConfig(defaultConfig, arm);
    for (const [questions, completions] of [[2, 2], [16, 16], [7, 3]]) {
      const { rl } = armConfig(overrideConfig(defaultConfig, { rl: { questions, completions } }, "the test"), arm);
      ok(rl.questions * rl.completions <= questions! * completions!, "an arm samples no more than the others");
    }
    match(arm.summary, /\S/);
  });

  if (!arm.shaper) continue;

  Deno.test(`${arm.name}: bonuses have the same names in all groups, and a finite value for each completion`, async () => {
    const shaper = await shaperOf(arm), names = new Set<string>();
    for (const [step, shaped] of (await play(shaper)).entries()) {
      equal(shaped.length, steps[step]!.length);
      shaped.forEach((bonuses, g) => {
        names.add(text(bonuses.map(({ name }) => name)));
        for (const { name, raw, values } of bonuses) {
          match(name, /^[a-z]+$/);
          ok(![...arithmetic.rewards, "total"].includes(name), `"${name}" is a reward's name already`);
          equal(raw.length, steps[step]![g]!.completions.length);
          equal(values.length, raw.length);
          ok(values.every(Number.isFinite), `${name}: ${values}`);
          ok(raw.every((value) => value === null || Number.isFinite(value)), `${name}: ${raw}`);
        }
      });
    }
    equal(names.size, 1);
    ok(steps.length > 0);
  });

  Deno.test(`${arm.name}: it rewards something, and differently within a group`, async () => {
    const shaped = await play(await shaperOf(arm));
    ok(shaped.flat(2).some(({ values }) => new Set(values).size > 1));
  });

  Deno.test(`${arm.name}: the same steps give the same bonuses, and are left as they were`, async () => {
    const before = text(steps), first = await play(await shaperOf(arm)), second = await play(await shaperOf(arm));
    equal(text(first), text(second));
    equal(text(steps), before);
  });

  Deno.test(`${arm.name}: saved at any step, loaded and gone on with, it equals one that was never saved`, async () => {
    const whole = await shaperOf(arm), expected = text(await play(whole)), end = whole.save?.() ?? {};
    for (const cut of [0, 1, 4, 9]) {
      const before = await shaperOf(arm), head = await play(before, 0, cut);
      const saved = structuredClone(before.save?.() ?? {});
      deepEqual(before.save?.() ?? {}, saved, "saving changes nothing");
      const after = await shaperOf(arm);
      await after.load?.(saved);
      deepEqual(after.save?.() ?? {}, saved, `bytes after loading, cut at ${cut}`);
      equal(text([...head, ...await play(after, cut)]), expected, `cut at ${cut}`);
      deepEqual(after.save?.() ?? {}, end);
      deepEqual(after.gauges?.(), whole.gauges?.());
    }
  });

  Deno.test(`${arm.name}: what it remembers is in its state, and it refuses another's`, async () => {
    const shaper = await shaperOf(arm), fresh = text(shaper.save?.());
    const [start] = await play(shaper, 0, 1), [again] = await play(shaper, 0, 1);
    if (text(start) !== text(again)) notEqual(text(shaper.save?.()), fresh);
    equal(shaper.save === undefined, shaper.load === undefined);
    await rejects(async () => {
      await shaper.load?.({});
      if (!shaper.load) throw new FailureError("It has no state");
    }, FailureError);
  });

  Deno.test(`${arm.name}: gauges are finite numbers under the same names at every step`, async () => {
    const shaper = await shaperOf(arm), names = new Set<string>();
    for (let step = 0; step < steps.length; step++) {
      await play(shaper, step, step + 1);
      const gauges = shaper.gauges?.() ?? {};
      names.add(text(Object.keys(gauges)));
      ok(Object.values(gauges).every(Number.isFinite), text(gauges));
    }
    equal(names.size, 1);
  });

  Deno.test(`${arm.name}: blank, endless, odd and repeated completions are no accident`, async () => {
    const odd = ["", " ", "\n", "<reasoning></reasoning>", "\0", "\ud800", "x ".repeat(5000), "x", "x", "😀"];
    const shaper = await shaperOf(arm);
    const groups = ["q", "r", "q"].map((question, g): RolloutGroup =>
      group(question, odd.map((text, i) => ({ text, correct: i % 3 === g, tokens: 1 + i })))
    );
    for (const step of [0, 1, 2]) {
      for (const { values } of (await shaper.shape(at(step, groups))).flat()) ok(values.every(Number.isFinite));
    }
    await shaper.dispose?.();
  });
}
