// Dr. GRPO: Liu et al., "Understanding R1-Zero-Like Training", arXiv 2503.20783: GRPO without its two biases, the
// division by the group's std (questions that are nearly solved or nearly hopeless weigh more) and by each response's
// own length (long wrong answers are punished less).
//
//   A_i = R_i - mean R
//   J   = 1/G sum_i 1/L sum_t min(r A, clip(r) A),   L constant: rl.maxCompletionTokens
//
// Deviation: none known; the paper leaves the constant open.

import type { Arm } from "../contract.ts";

/** GRPO without division by std and by length. */
export const drGrpo: Arm = {
  name: "dr-grpo",
  summary: "rival: GRPO without division by std and by length (Dr. GRPO)",
  trains: true,
  overrides: { "rl.advantage": "mean", "rl.loss": "dr_grpo" },
};
