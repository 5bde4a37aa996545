// Replay of verified successes, after ExGRPO: Zhan et al., "Learning to Reason from Experience", arXiv 2510.02245. The
// rival that reuses the past as training data instead of as a yardstick: 2 of the questions of an update are earlier
// ones, and one old correct completion joins each one's new ones.
//
//   r_t = pi(o_t) / p_then(o_t),   p_then: the probabilities with which the old completion was sampled
//
// Deviations: questions are taken as harness/rl/replay.ts says, not by buckets of difficulty, and the old completion
// not by lowest entropy; the ratio is clipped like any other instead of reshaped by x / (x + beta).

import type { Arm } from "../contract.ts";

/** GRPO with old successes among the new completions. */
export const replay: Arm = {
  name: "replay",
  summary: "rival: verified successes of earlier steps re-enter the group (after ExGRPO)",
  trains: true,
  overrides: { "rl.replay": 2 },
};
