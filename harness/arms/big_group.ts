// Twice the completions for half the questions: a plain way to more groups with both right and wrong answers, and to
// better baselines, at the same number of completions. What memory adds must beat it. No method of a paper's.
//
//   G' = 2 G,   questions' = max(1, floor(questions / 2))
//
// The order of questions is the other arms'; an update just takes half as many of it. Of an odd number of questions the
// half is rounded down, so that the arm never samples more than the others, except where there is one question.

import type { Arm } from "../contract.ts";

/** GRPO with doubled groups. */
export const bigGroup: Arm = {
  name: "big-group",
  summary: "rival: twice the completions for half the questions",
  trains: true,
  overrides: ({ rl }) => ({
    "rl.completions": rl.completions * 2,
    "rl.questions": Math.max(1, Math.floor(rl.questions / 2)),
  }),
};
