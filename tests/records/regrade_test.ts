// Regrading, with a grader whose verdicts can be read off: the answer is what follows "=".

import { deepEqual } from "node:assert/strict";
import type { Task } from "../../harness/contract.ts";
import { type GradedAnswer, regrade } from "../../harness/records/regrade.ts";
import type { Answer } from "../../harness/records/results.ts";

const task: Pick<Task, "rewards" | "grade"> = {
  rewards: ["correctness"],
  grade(item, completion, truncated) {
    const extracted = completion.split("=")[1] ?? null, right = extracted === item.gold;
    const status = right ? "correct" : extracted !== null ? "wrong" : truncated ? "truncated" : "unparseable";
    return { status, extracted, rewards: [right ? 1 : 0] };
  },
};

function answer(
  completion: string,
  status: Answer["status"],
  tokens = 5,
  extracted = completion.split("=")[1] ?? null,
) {
  const said = { completion, extracted, rewards: { correctness: status === "correct" ? 1 : 0 }, tokens };
  return { id: "q", question: "1 + 1?", gold: "2", sample: 0, status, said } satisfies Answer;
}

const problems = (...answers: GradedAnswer[]) => regrade(task, answers, 10);

Deno.test("regrade() finds nothing wrong with what the grader says", () => {
  deepEqual(problems(answer("=2", "correct"), answer("=3", "wrong"), answer("?", "unparseable")), []);
  deepEqual(problems(answer("?", "truncated", 10), answer("?", "unparseable", 10)), []);
});

Deno.test("regrade() names line and field of what was graded otherwise", () => {
  deepEqual(problems(answer("=2", "correct"), answer("=3", "correct")), [
    'line 2: status is "correct", must be "wrong"',
    "line 2: rewards.correctness is 1, must be 0",
  ]);
  deepEqual(problems(answer("=3", "wrong", 5, "4")), ['line 1: extracted is "4", must be "3"']);
});

Deno.test("regrade() lets only what is as long as the cap be truncated", () => {
  deepEqual(problems(answer("?", "truncated", 9)), ['line 1: status is "truncated", must be "unparseable"']);
});

Deno.test("regrade() says that a text was left out", () => {
  deepEqual(problems({ ...answer("=2", "correct"), said: null }), ["line 1: its text was left out"]);
});

Deno.test("regrade() goes by whether a completion was cut off, where that is stored", () => {
  const cut = { ...answer("?", "truncated", 10), truncated: true };
  deepEqual(problems(cut), []);
  deepEqual(problems({ ...cut, truncated: false }), ['line 1: status is "truncated", must be "unparseable"']);
});
