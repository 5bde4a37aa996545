// Grades stored completions again by the task's grader: a status, an answer or a reward that was changed shows, whatever
// digests were made anew beside it.

import type { Task } from "../contract.ts";
import { differences } from "./differences.ts";
import type { Answer } from "./results.ts";

/** An answer, and whether its completion was cut off where that is stored. */
export type GradedAnswer = Answer & { readonly truncated?: boolean };

/**
 * What answers say other than the grader. Whether a cell's completion was cut off is not stored: it was if it was graded
 * so, and can only have been if it has as many tokens as the cap.
 * @param maxCompletionTokens the cap, rl.maxCompletionTokens of a cell
 * @returns a problem a line, each naming the answer by its line in samples.jsonl; none: all is as graded
 */
export function regrade(
  task: Pick<Task, "rewards" | "grade">,
  answers: readonly GradedAnswer[],
  maxCompletionTokens: number,
): string[] {
  return answers.flatMap(({ id, question, gold, status, said, truncated }, i) => {
    if (!said) return [`line ${i + 1}: its text was left out`];
    const { completion, extracted, rewards } = said;
    const graded = (truncated: boolean) => {
      const grade = task.grade({ id, question, gold }, completion, truncated);
      return {
        status: grade.status,
        extracted: grade.extracted,
        rewards: Object.fromEntries(task.rewards.map((name, k) => [name, grade.rewards[k]])),
      };
    };
    const cut = said.tokens < maxCompletionTokens ? [false] : [status === "truncated", status !== "truncated"];
    const ways = truncated === undefined ? cut : [truncated];
    const wrong = ways.map((truncated) => differences({ status, extracted, rewards }, graded(truncated)));
    if (wrong.some((one) => one.length === 0)) return [];
    return (wrong[0] ?? []).map((problem) => `line ${i + 1}: ${problem}`);
  });
}
