// Control of Memory-R+: its very bonuses, dealt out at random among the completions of their group. Sizes, window,
// warm-up and the multiset of values in each group stay; what they say about a completion is gone. If this arm gains as
// much as memory-r+, the memory is not why. No method; relatives are the random rewards of Shao et al., "Spurious
// Rewards", arXiv 2506.10947, which are not matched in size.
//
//   R'_i = R_p(i),   p a random permutation of the group, the same for both bonuses and for their raw values
//
// p is keyed by (seed, step, place of the group), so it is the same whatever else is drawn.

import { type Prng, stream } from "../base/prng.ts";
import type { Arm, Bonus } from "../contract.ts";
import { memoryShaper } from "./memory_shaper.ts";

/** The bonuses of a group, each completion given those of another. */
function deal(bonuses: readonly Bonus[], random: Prng): readonly Bonus[] {
  const from = random.shuffle(bonuses[0]?.raw.map((_, i) => i) ?? []);
  return bonuses.map(({ name, raw, values }) => ({
    name,
    raw: from.map((i) => raw[i]!),
    values: from.map((i) => values[i]!),
  }));
}

/** Memory-R+ whose bonuses go to random completions. */
export const randomBonus: Arm = {
  name: "random-bonus",
  summary: "control: the bonuses of Memory-R+, dealt out at random within each group",
  trains: true,
  overrides: {},
  shaper: async (setup) => {
    const inner = await memoryShaper(setup, ["exploit", "explore"]);
    return {
      ...inner,
      async shape(context) {
        const groups = await inner.shape(context);
        return groups.map((bonuses, place) => deal(bonuses, stream(setup.seed, "random bonus", context.step, place)));
      },
    };
  },
};
