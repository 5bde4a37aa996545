// No training: the policy as it came, evaluated on the same questions as every trained arm. It is the zero of each
// comparison, the row "Base" in the tables of Memory-R+ (arXiv 2504.02273), and no method.

import type { Arm } from "../contract.ts";

/** The untrained policy, evaluated only. */
export const base: Arm = {
  name: "base",
  summary: "no training: the policy as it came",
  trains: false,
  overrides: {},
};
