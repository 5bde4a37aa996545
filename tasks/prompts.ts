// The chats that the tasks that ship ask with, beside the paper's. The question always stands in the last message of the
// user, as it is. Answers to `direct` and `think` are in <answer> tags, which strict grading reads; those to `plain` and
// `boxed` need not be, and are for --grading lenient: strict rewards pay such answers nothing for correctness.

import type { Message, TaskItem } from "../harness/contract.ts";
import { layoutPrompt } from "./rewards.ts";

/** What a {@linkcode TaskItem} is asked with. */
export type Prompt = (item: TaskItem) => readonly Message[];

const withSystem = (content: string): Prompt => ({ question }) => [
  { role: "system", content },
  { role: "user", content: question },
];

/** The layout of Memory-R's released code: the prompt "paper". */
export const paperPrompt: Prompt = withSystem(layoutPrompt);

/**
 * - plain: the question alone; a chat template may add a system message of its own
 * - direct: the answer in its tags and no reasoning
 * - think: R1's system prompt (arXiv 2501.12948, table 1), which Memory-R's table 3 shows where its code has another
 */
export const layoutPrompts = {
  plain: ({ question }) => [{ role: "user", content: question }],
  direct: withSystem(
    "\nRespond with the answer alone, without any reasoning, in the following format:\n\n<answer>\n...\n</answer>\n",
  ),
  think: withSystem(
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant " +
      "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning " +
      "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., " +
      "<think> reasoning process here </think> <answer> answer here </answer>.",
  ),
} as const satisfies Readonly<Record<string, Prompt>>;

/** The same, and `boxed`: how Qwen2.5-Math and most evaluations of mathematics ask. */
export const mathPrompts = {
  ...layoutPrompts,
  boxed: withSystem("Please reason step by step, and put your final answer within \\boxed{}."),
} as const satisfies Readonly<Record<string, Prompt>>;

/** Worked answers to those prompts whose layout is not the task's own: for examples in a few-shot prompt. */
export const promptAnswers: Readonly<Record<string, (answer: string, reasoning: string) => string>> = {
  direct: (answer) => `<answer>\n${answer}\n</answer>\n`,
  think: (answer, reasoning) => `<think> ${reasoning} </think> <answer> ${answer} </answer>`,
  boxed: (answer, reasoning) => `${reasoning} The answer is \\boxed{${answer}}.`,
};
