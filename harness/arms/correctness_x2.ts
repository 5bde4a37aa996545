// Control: plain GRPO with correctness counted twice. The bonuses of the memory arms may act as more pay for correct
// answers beside the format rewards; as released they do, because what is remembered before it is scored is compared
// with itself. If this arm gains as much, that is the explanation.
//
//   total = 2 * correctness + the task's other rewards
//
// No method of a paper's.

import type { Arm } from "../contract.ts";

/** GRPO with twice the pay for correctness. */
export const correctnessX2: Arm = {
  name: "correctness-x2",
  summary: "control: correctness counts twice",
  trains: true,
  overrides: { "rl.correctnessWeight": 2 },
};
