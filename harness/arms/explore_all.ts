// Exploration only, blind to success: novelty against everything seen on like questions, right or wrong. Beside
// explore-novelty it shows whether it matters that the remembered answers failed. The released code of Memory-R has a
// relative of it that no paper reports (run_gsm8k_lora.py: distance from the centroid of all responses, k = 10).
//
//   R_novelty(a) = 1 - max over B of cos(a, b),   B from both memories, the K nearest questions of each
//   total        = the task's rewards + beta_e * R_novelty, normalised by eq. 6 of arXiv 2504.02273
//
// Deviation from that relative: the nearest response instead of a centroid, so that it differs from explore-novelty in
// one thing. With memory.order=as-released every completion would meet itself and none be new, so that is refused.

import { MisuseError } from "../base/errors.ts";
import type { Arm } from "../contract.ts";
import { memoryShaper } from "./memory_shaper.ts";

/** GRPO with a bonus for being far from all that was seen. */
export const exploreAll: Arm = {
  name: "explore-all",
  summary: "exploration only: a bonus for being far from everything remembered, right or wrong",
  trains: true,
  overrides: {},
  shaper: (setup) => {
    if (setup.config.memory.order === "as-released") {
      throw new MisuseError(
        "Cannot run arm explore-all: with memory.order = as-released each completion is remembered before it is " +
          "compared with everything remembered; leave memory.order at score-first",
      );
    }
    return memoryShaper(setup, ["novelty"]);
  },
};
