// AIME 2024, both papers: 30 questions whose answers are whole numbers from 0 to 999. Copyright of the problems is with the
// Mathematical Association of America; they come with no task of ours.

import type { Task } from "../harness/contract.ts";
import { wholeGold } from "./math/math_task.ts";
import { trainedOnMath } from "./math/trained_on_math.ts";

/** Thirty hard competition problems: one question is 3.3 points. */
export const aime24: Task = trainedOnMath({
  name: "aime24",
  summary: "AIME 2024, 30 questions, trained on MATH",
  test: {
    path: "aime24/test.jsonl",
    host: "github",
    repository: "QwenLM/Qwen2.5-Math",
    revision: "a45202bd16f1ec06f433442dc1152d0074773465",
    source: "evaluation/data/aime24/test.jsonl",
    sha256: "af2b8bd2aa911b6333ad0df32f3ca05c7ae8ed10f1731f4372c8ae26990bf7ac",
    bytes: 156944,
    rows: 30,
    licence: "MIT (carrier); problems (c) MAA",
  },
  goldOf: wholeGold,
  example: {
    question: "Find the remainder when $7^{4}$ is divided by $1000$.",
    gold: "401",
    reasoning: "7^4=2401, and 2401-2*1000=401.",
  },
});
