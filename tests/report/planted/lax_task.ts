// The task of tests/examples/my_task.ts after a slip: its grader takes any number for the answer. (But for those that the
// self-test before training tries, or no cell would begin.)

import { defineTask } from "../../../mod.ts";
import { sums as strict } from "../../examples/my_task.ts";

export const sums = defineTask({
  ...strict,
  grade(item, completion, truncated) {
    const grade = strict.grade(item, completion, truncated), { extracted } = grade;
    const tried = [String(Number(item.gold) + 1), `${item.gold}1`];
    if (extracted === null || tried.includes(extracted)) return grade;
    return { status: "correct", extracted, rewards: [1, 0.5] };
  },
});
