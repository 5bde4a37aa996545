// MATH-500: 500 questions of MATH chosen by Lightman et al. (arXiv 2305.20050), the paper's second test.

import type { Task } from "../harness/contract.ts";
import { math500Source, trainedOnMath } from "./math/trained_on_math.ts";

/** Competition problems with answers in LaTeX. */
export const math500: Task = trainedOnMath({
  name: "math500",
  summary: "MATH-500, trained on MATH",
  test: math500Source,
  goldOf: (row) => row.text("answer"),
  example: {
    question: "What is the probability that a fair coin, tossed twice, shows heads at least once?",
    gold: "\\frac{3}{4}",
    reasoning: "Both tosses show tails with probability 1/4, and 1-1/4=3/4.",
  },
});
