// Memory-R+: the arm of memory_r.ts with a second bonus, for answers unlike the failures on like questions; Le et al.,
// arXiv 2504.02273 (v1), section 2:
//
//   B          responses to the K questions nearest to q by cosine, in the memory of failures
//   eq. 5      R_explore(a) = 1 - max over B of cos(a, b)
//   eq. 7, 8   total = the task's rewards + beta_s * R_exploit + beta_e * R_explore, each normalised on its own
//
// A failure has a correctness of at most tau_f = 0.5. R_explore is 0 during a warm-up, while the memory fills: the first
// memory.warmup of the budget (paper: 50 updates of 467). Deviations: see harness/arms/memory_shaper.ts.
// The released behaviour is "memory-r+:order=as-released:key=as-released".

import type { Arm } from "../contract.ts";
import { memoryShaper } from "./memory_shaper.ts";

/** GRPO with the exploit and the explore bonus. */
export const memoryRPlus: Arm = {
  name: "memory-r+",
  summary: "bonuses for being near to remembered successes and far from remembered failures (Memory-R+)",
  trains: true,
  overrides: {},
  shaper: (setup) => memoryShaper(setup, ["exploit", "explore"]),
};
