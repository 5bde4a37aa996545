// Control: plain GRPO on correctness alone. Memory-R+ (arXiv 2504.02273, section 4.3) explains its gain by collapse under
// several rewards, of which the format's are the easy ones; this arm takes those away.
//
//   total = correctness
//
// The layout is still asked for by the prompt, and an answer that cannot be found is still wrong.

import type { Arm } from "../contract.ts";

/** GRPO without format rewards. */
export const formatFree: Arm = {
  name: "format-free",
  summary: "control: correctness only, no format rewards",
  trains: true,
  overrides: { "rl.formatWeight": 0 },
};
