// AMC 12 of 2023, both papers: 40 questions, whose choices were turned into whole numbers. Copyright of the problems is with
// the Mathematical Association of America; they come with no task of ours.

import type { Task } from "../harness/contract.ts";
import { wholeGold } from "./math/math_task.ts";
import { trainedOnMath } from "./math/trained_on_math.ts";

/** Forty competition problems: one question is 2.5 points. */
export const amc23: Task = trainedOnMath({
  name: "amc23",
  summary: "AMC 12 of 2023, 40 questions, trained on MATH",
  test: {
    path: "amc23/test.jsonl",
    host: "github",
    repository: "QwenLM/Qwen2.5-Math",
    revision: "a45202bd16f1ec06f433442dc1152d0074773465",
    source: "evaluation/data/amc23/test.jsonl",
    sha256: "43707e1ca784602d8479de24ee8ce36609dbebc46dd152b0b12a46611aa898a4",
    bytes: 27631,
    rows: 40,
    licence: "MIT (carrier); problems (c) MAA",
  },
  goldOf: wholeGold,
  example: {
    question: "How many positive divisors does $72$ have?",
    gold: "12",
    reasoning: "72=2^3*3^2, so (3+1)*(2+1)=12.",
  },
});
