// Group reward-Decoupled Normalization Policy Optimization: Liu et al., arXiv 2601.05242. Where rewards are summed
// first, different mixes of them give the same advantage, and an easy reward drowns a hard one; here each reward is
// normalised in its group on its own:
//
//   A_i = sum over rewards k of w_k (R_ik - mean R_k) / std R_k,   then normalised once more over the batch
//
// A rival of memory because it, too, answers reward-mode collapse. The formula with its epsilon stands in
// harness/rl/advantage.ts. Deviation: a reward that is constant in a group adds exactly 0.

import type { Arm } from "../contract.ts";

/** GRPO with each reward normalised on its own. */
export const gdpo: Arm = {
  name: "gdpo",
  summary: "rival: each reward normalised on its own (GDPO)",
  trains: true,
  overrides: { "rl.advantage": "decoupled" },
};
