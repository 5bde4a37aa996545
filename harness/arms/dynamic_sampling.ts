// Dynamic sampling of DAPO: Yu et al., arXiv 2503.14476, eq. 11: groups whose completions are all right or all wrong
// teach nothing and are drawn again. The bonuses of memory arms wake such groups in another way, hence the rival.
//
//   0 < number of correct completions < G
//
// Deviations: the same question is drawn again with new samples, up to 3 times, then kept as it is; DAPO passes on to
// other questions, which would part this arm's question order from the others'. What is discarded is counted in tokens
// against the budget. Nothing else of DAPO is here: no higher clip (rl.clipHigh), no token-level loss (rl.loss=dapo), no
// overlong shaping.

import type { Arm } from "../contract.ts";

/** GRPO that draws groups without variance in correctness again. */
export const dynamicSampling: Arm = {
  name: "dynamic-sampling",
  summary: "rival: groups that are all right or all wrong are drawn again (DAPO)",
  trains: true,
  overrides: { "rl.redraws": 3 },
};
