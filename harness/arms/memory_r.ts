// Memory-R: Le et al., "Reasoning Under 1 Billion: Memory-Augmented Reinforcement Learning for Large Language Models",
// arXiv 2504.02273 (v1), section 2: GRPO with a bonus for answers that are near to earlier successes on like questions.
//
//   B          responses to the K questions nearest to q by cosine, in the memory of successes
//   eq. 4      R_exploit(a) = -|| a - mean of B ||          a, q: vectors of the embedder
//   eq. 6      normalised to [0, 1] by the range of the last w raw values
//   eq. 7, 8   total = the task's rewards + beta_s * R_exploit
//
// A success has a first reward, correctness, above tau_s = 0.5. Settings: group `memory` of the config.
// Deviations are those of harness/arms/memory_shaper.ts. L is 100 as in the paper; the released code has 1000 here.

import type { Arm } from "../contract.ts";
import { memoryShaper } from "./memory_shaper.ts";

/** GRPO with the exploit bonus. */
export const memoryR: Arm = {
  name: "memory-r",
  summary: "a bonus for being near to remembered successes (Memory-R)",
  trains: true,
  overrides: {},
  shaper: (setup) => memoryShaper(setup, ["exploit"]),
};
