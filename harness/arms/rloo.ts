// REINFORCE Leave-One-Out: Ahmadian et al., "Back to Basics", arXiv 2402.14740, after Kool et al. 2019.
//
//   A_i = R_i - mean of R_j over j != i
//
// Deviations: the loop's objective stays (clipped ratio, mean over tokens, then over sequences), which equals theirs up
// to a sequence's length for one update a batch; there is no KL term in the reward (rl.klBeta adds the loop's own).

import type { Arm } from "../contract.ts";

/** Leave-one-out baseline instead of the group's mean and std. */
export const rloo: Arm = {
  name: "rloo",
  summary: "rival: leave-one-out baseline (RLOO)",
  trains: true,
  overrides: { "rl.advantage": "leave-one-out" },
};
