import { deepEqual } from "node:assert/strict";
import { votesOf } from "../../harness/experiment/votes.ts";
import { findTask } from "../../tasks/registry.ts";

const samples = (...answers: (string | null)[]) =>
  answers.map((extracted) => ({ id: "q", question: "How many?", extracted }));

Deno.test("votesOf() takes spellings that the task's grader holds for the same answer together", () => {
  deepEqual(votesOf(findTask("gsm8k"), samples("18", "18.0", "+18", null, "7", "7.00", "18")), [
    ...["18", "18", "18", null, "7", "7", "18"],
  ]);
  deepEqual(votesOf(findTask("math500"), samples("\\frac{1}{2}", "0.5", "1/2", "2", "x+1", "1+x")), [
    ...["\\frac{1}{2}", "\\frac{1}{2}", "\\frac{1}{2}", "2", "x+1", "x+1"],
  ]);
  deepEqual(votesOf(findTask("countdown"), samples("(1+2)*3", "3*(2+1)", "1+2+3")), ["(1+2)*3", "(1+2)*3", "1+2+3"]);
});
