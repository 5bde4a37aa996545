// Which answers are the same, for a majority vote: by the task's own grader, with one answer in the place of the gold one
// and the other in a completion. The true gold has no part in it, so right answers are not merged where wrong ones in
// as many spellings would stay apart.

import type { Task } from "../contract.ts";
import type { EvaluationSample } from "../records/evaluation_record.ts";

/** What each of a question's completions votes for: the first spelling of its answer; null where it has none. */
export function votesOf(
  task: Pick<Task, "grade" | "answer">,
  samples: readonly Pick<EvaluationSample, "id" | "question" | "extracted">[],
): (string | null)[] {
  const known: string[] = [];
  return samples.map(({ id, question, extracted }) => {
    if (extracted === null || known.includes(extracted)) return extracted;
    const same = known.find((other) => {
      const item = { id, question, gold: other };
      return task.grade(item, task.answer(item, extracted), false).status === "correct";
    });
    if (same === undefined) known.push(extracted);
    return same ?? extracted;
  });
}
