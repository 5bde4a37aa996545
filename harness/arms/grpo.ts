// Group Relative Policy Optimization: Shao et al., "DeepSeekMath", arXiv 2402.03300; the arm R1 of Memory-R+
// (arXiv 2504.02273, section 3). For each question, G completions o_i with rewards R_i are sampled from pi_old:
//
//   eq. 3  J = E[ 1/G sum_i 1/|o_i| sum_t min(r A, clip(r, 1-eps, 1+eps) A) - beta KL ],  r = pi(o_t) / pi_old(o_t)
//   eq. 4  KL(pi || pi_ref) by the k3 estimator: q - log q - 1,  q = pi_ref(o_t) / pi(o_t)
//   4.1.2  A_i = (R_i - mean R) / std R, the same for every token of o_i
//
// Deviations: std gets `rl.advantageEpsilon` added and a group without variance has A = 0; beta (`rl.klBeta`) is 0
// unless set, the paper has 0.04. Nothing is overridden, so a variant is one --set away: rl.advantage=mean with
// rl.loss=dr_grpo is Dr. GRPO (arXiv 2503.20783).

import type { Arm } from "../contract.ts";

/** Plain GRPO on the sum of the task's rewards. */
export const grpo: Arm = {
  name: "grpo",
  summary: "plain GRPO on the sum of the task's rewards (DeepSeekMath)",
  trains: true,
  overrides: {},
};
