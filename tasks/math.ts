// MATH (Hendrycks et al. 2021, arXiv 2103.03874): its 5000 test questions, of which MATH-500 is a part. The gold answer is
// what stands in the last box of the solution.

import type { Task } from "../harness/contract.ts";
import { lastBoxed } from "./math/extract.ts";
import { trainedOnMath } from "./math/trained_on_math.ts";

/** Competition problems with answers in LaTeX, all of the test. */
export const math: Task = trainedOnMath({
  name: "math",
  summary: "MATH, all 5000 test questions",
  test: {
    path: "math/test_5000.jsonl",
    host: "github",
    repository: "microsoft/ToRA",
    revision: "213c1c995038c73fab10343814df7a42f990f026",
    source: "src/data/math/test.jsonl",
    sha256: "3371949f33dd702d04b43fddd7d53a028de0aaca0e76abb1b875a050297b3aa4",
    bytes: 4101364,
    rows: 5000,
    licence: "MIT",
  },
  goldOf: (row) => {
    const gold = lastBoxed(row.text("solution"));
    if (gold !== null && gold !== "") return gold;
    throw row.refuse('field "solution" must have the answer in a \\boxed{…}');
  },
  example: {
    question: "A square has a diagonal of length $4$. What is the length of its side?",
    gold: "2\\sqrt{2}",
    reasoning: "The side is 4 divided by the square root of 2.",
  },
  maxPromptTokens: 2048,
});
