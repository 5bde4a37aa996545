// AIME 2024, both papers: 30 questions whose answers are whole numbers from 0 to 999. Copyright of the problems is with the
// Mathematical Association of America; they come with no task of ours.

import type { Task } from "../harness/contract.ts";
import { mathTask, wholeGold } from "./math/math_task.ts";

/** Thirty hard competition problems: one question is 3.3 points. */
export const aime24: Task = mathTask({
  name: "aime24",
  summary: "AIME 2024, 30 questions, trained on MATH; needs --data-dir with aime24/test.jsonl and the files of math500",
  test: {
    path: "aime24/test.jsonl",
    origin: "evaluation/data/aime24/test.jsonl of github.com/QwenLM/Qwen2.5-Math at a45202bd16f1",
    sha256: "af2b8bd2aa911b6333ad0df32f3ca05c7ae8ed10f1731f4372c8ae26990bf7ac",
    licence: "MIT (carrier); problems (c) MAA",
    rows: 30,
  },
  goldOf: wholeGold,
  example: {
    question: "Find the remainder when $7^{4}$ is divided by $1000$.",
    gold: "401",
    reasoning: "7^4=2401, and 2401-2*1000=401.",
  },
});
