// Exploration only: Memory-R+ without the memory of successes. The paper (arXiv 2504.02273) compares with and without
// exploration, never with exploration alone, so that its gain may be either bonus's.
//
//   eq. 5      R_explore(a) = 1 - max over remembered failures on like questions of cos(a, b)
//   total      the task's rewards + beta_e * R_explore, normalised by eq. 6
//
// It is no method of the paper's; everything but the missing bonus is harness/arms/memory_r_plus.ts.

import type { Arm } from "../contract.ts";
import { memoryShaper } from "./memory_shaper.ts";

/** GRPO with the explore bonus alone. */
export const exploreNovelty: Arm = {
  name: "explore-novelty",
  summary: "exploration only: a bonus for being far from remembered failures",
  trains: true,
  overrides: {},
  shaper: (setup) => memoryShaper(setup, ["explore"]),
};
