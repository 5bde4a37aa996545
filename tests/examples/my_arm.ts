// An arm of your own, in a file of your own. It pays for correct answers that come with a reasoning never seen before:
//
//   deno task bench arithmetic --arms grpo,fresh-ways,fresh-ways:learningRate=1e-5 --arm-file tests/examples/my_arm.ts
//
// An arm is a name, a line for tables, config fields of its own (`overrides`; `deno task bench --help-config` lists
// them), and, where config fields do not suffice, a reward shaper. The shaper is made once for each cell. It sees the
// groups of each update and gives back bonuses, by name and the same ones for every group; each completion's values are
// added to its rewards. Whatever it remembers goes through save() and load(), or a cell that was interrupted would go on
// as if it had seen nothing. It must not read a clock, nor draw random numbers other than by the seed of its setup.

import { defineArm, FailureError } from "../../mod.ts";

const bonus = 0.25;

export const freshWays = defineArm({
  name: "fresh-ways",
  summary: "a bonus for correct answers whose reasoning is new",
  trains: true,
  overrides: { "rl.advantage": "mean" },
  shaper: () => {
    let seen = new Set<string>();
    return {
      shape({ groups }) {
        const shaped = groups.map(({ completions, grades }) => {
          const raw = completions.map(({ text }) => seen.has(text) ? 0 : 1);
          const values = raw.map((isNew, i) => grades[i]?.status === "correct" ? bonus * isNew : 0);
          return [{ name: "fresh", raw, values }];
        });
        for (const { completions } of groups) for (const { text } of completions) seen.add(text);
        return Promise.resolve(shaped);
      },
      gauges: () => ({ "fresh.seen": seen.size }),
      save: () => ({ seen: new TextEncoder().encode(JSON.stringify([...seen])) }),
      load({ seen: bytes }) {
        if (!bytes) throw new FailureError('Cannot resume arm "fresh-ways": the checkpoint has no section "seen"');
        seen = new Set(JSON.parse(new TextDecoder().decode(bytes)));
        return Promise.resolve();
      },
    };
  },
});
