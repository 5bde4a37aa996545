// AMC 12 of 2023, both papers: 40 questions, whose choices were turned into whole numbers. Copyright of the problems is with
// the Mathematical Association of America; they come with no task of ours.

import type { Task } from "../harness/contract.ts";
import { mathTask, wholeGold } from "./math/math_task.ts";

/** Forty competition problems: one question is 2.5 points. */
export const amc23: Task = mathTask({
  name: "amc23",
  summary:
    "AMC 12 of 2023, 40 questions, trained on MATH; needs --data-dir with amc23/test.jsonl and the files of math500",
  test: {
    path: "amc23/test.jsonl",
    origin: "evaluation/data/amc23/test.jsonl of github.com/QwenLM/Qwen2.5-Math at a45202bd16f1",
    sha256: "43707e1ca784602d8479de24ee8ce36609dbebc46dd152b0b12a46611aa898a4",
    licence: "MIT (carrier); problems (c) MAA",
    rows: 40,
  },
  goldOf: wholeGold,
  example: {
    question: "How many positive divisors does $72$ have?",
    gold: "12",
    reasoning: "72=2^3*3^2, so (3+1)*(2+1)=12.",
  },
});
