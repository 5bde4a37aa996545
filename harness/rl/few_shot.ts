// Few-shot prompts: worked examples from the training split as turns of the chat before the question. Which they are
// depends on the seed alone, and n of them are the first n of any more.

import { MisuseError } from "../base/errors.ts";
import { stream } from "../base/prng.ts";
import type { ItemSource, Message, Task, TaskItem } from "../contract.ts";

/** Places of an endless source that examples are drawn from. */
const PLACES = 2 ** 32;

/** The worked examples of a seed. @throws MisuseError for more of them than there are questions */
export function drawShots(train: ItemSource, count: number, seed: number): TaskItem[] {
  if (count > train.size) {
    throw new MisuseError(
      `Cannot use --shots ${count}: the training split has ${train.size} questions … ask for fewer`,
    );
  }
  if (train.size === Infinity) {
    return Array.from({ length: count }, (_, i) => train.item(stream(seed, "shots", i).int(PLACES)));
  }
  const order = stream(seed, "shots").shuffle(Array.from({ length: train.size }, (_, i) => i));
  return order.slice(0, count).map((place) => train.item(place));
}

/**
 * The task with those examples in every prompt: what it says to the system first, then each as question and answer.
 * @param answer the worked answer of an example
 */
export function withShots(task: Task, shots: readonly TaskItem[], answer: (item: TaskItem) => string): Task {
  if (shots.length === 0) return task;
  const isSystem = ({ role }: Message) => role === "system";
  const turns = shots.flatMap((item): readonly Message[] => [
    ...task.prompt(item).filter((message) => !isSystem(message)),
    { role: "assistant", content: answer(item) },
  ]);
  return {
    ...task,
    prompt(item) {
      const messages = task.prompt(item);
      return [...messages.filter(isSystem), ...turns, ...messages.filter((message) => !isSystem(message))];
    },
  };
}
