// A task as it was asked for: with another of its prompts, or graded leniently. What comes out is a task like any other, so
// that nothing behind it knows of styles; the digest of the match proof covers the prompt, the plan names both.
//
// Lenient grading moves statuses, and so accuracy, and never rewards: what trains a policy stays the paper's, and the
// same training can be judged both ways. (The arm `replay` remembers completions by their status.)

import { MisuseError } from "../harness/base/errors.ts";
import { suggest } from "../harness/base/suggest.ts";
import type { Grading, Task, TaskItem, TaskStyle } from "../harness/contract.ts";
import { promptAnswers } from "./prompts.ts";

/** Name of the prompt that a task has of itself. */
export const OWN_PROMPT = "paper";

const gradings: readonly Grading[] = ["strict", "lenient"];

/** Names of a task's prompts, its own first. */
export function promptNames({ prompts = {} }: Pick<Task, "prompts">): readonly string[] {
  return [OWN_PROMPT, ...Object.keys(prompts)];
}

/**
 * The style that two flags mean for a task, without what is the task's own way: so one plan has one digest.
 * @throws MisuseError for a prompt that the task does not have, or a grading that does not exist or that it does not know
 */
export function styleOf(
  task: Task,
  { prompt = OWN_PROMPT, grading = "strict" }: { readonly prompt?: string; readonly grading?: string },
): TaskStyle {
  const names = promptNames(task);
  if (!names.includes(prompt)) {
    throw new MisuseError(
      `Cannot use --prompt ${prompt}: the prompts of task "${task.name}" are ${names.join(", ")}${
        suggest(prompt, names)
      }`,
    );
  }
  if (!gradings.some((known) => known === grading)) {
    throw new MisuseError(`Cannot use --grading ${grading}: it must be strict or lenient${suggest(grading, gradings)}`);
  }
  if (grading === "lenient" && !task.gradeLeniently) {
    throw new MisuseError(
      `Cannot use --grading lenient: task "${task.name}" has no gradeLeniently, only strict grading`,
    );
  }
  return {
    ...(prompt === OWN_PROMPT ? {} : { prompt }),
    ...(grading === "lenient" ? { grading } : {}),
  };
}

/** The task in that style. @throws MisuseError as {@linkcode styleOf} does */
export function styleTask(task: Task, style: TaskStyle): Task {
  const { prompt: name, grading } = styleOf(task, style);
  if (name === undefined && grading === undefined) return task;
  const prompt = name === undefined ? undefined : task.prompts?.[name], { gradeLeniently } = task;
  const grade: Task["grade"] | undefined = grading && gradeLeniently && ((item, completion, truncated) => {
    const { status, extracted } = gradeLeniently(item, completion, truncated);
    return { ...task.grade(item, completion, truncated), status, extracted };
  });
  return { ...task, ...(prompt ? { prompt } : {}), ...(grade ? { grade } : {}) };
}

/** A worked answer to the question as the style asks it: in the layout that its prompt wants, with the data's solution. */
export function workedAnswer(task: Task, { prompt }: TaskStyle, item: TaskItem): string {
  const laidOut = prompt !== undefined && Object.hasOwn(promptAnswers, prompt) ? promptAnswers[prompt] : undefined;
  return laidOut?.(item.gold, item.solution ?? "") ?? task.answer(item, item.gold, item.solution);
}
