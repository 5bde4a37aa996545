import { deepEqual, equal, match, throws } from "node:assert/strict";
import { MisuseError } from "../../harness/base/errors.ts";
import { arithmetic } from "../../tasks/arithmetic.ts";
import { gsm8k } from "../../tasks/gsm8k.ts";
import { math500 } from "../../tasks/math500.ts";
import { tasks } from "../../tasks/registry.ts";
import { promptNames, styleOf, styleTask } from "../../tasks/style_task.ts";
import { sums } from "../examples/my_task.ts";

const { item } = arithmetic.example;

Deno.test("styleOf() leaves out what is the task's own way, so that one plan has one digest", () => {
  deepEqual(styleOf(arithmetic, {}), {});
  deepEqual(styleOf(arithmetic, { prompt: "paper", grading: "strict" }), {});
  deepEqual(styleOf(arithmetic, { prompt: "plain", grading: "lenient" }), { prompt: "plain", grading: "lenient" });
  equal(styleTask(arithmetic, { prompt: "paper" }), arithmetic);
});

Deno.test("styleOf() refuses a prompt or a grading that does not exist, with those that do", () => {
  const refused = (style: { prompt?: string; grading?: string }, pattern: RegExp, task = arithmetic) =>
    throws(() => styleOf(task, style), (error: unknown) => error instanceof MisuseError && pattern.test(error.message));
  refused(
    { prompt: "plan" },
    /--prompt plan: the prompts of task "arithmetic" are paper, plain, direct, think.*"plain"/,
  );
  refused({ prompt: "boxed" }, /are paper, plain, direct, think/);
  refused({ prompt: "toString" }, /Cannot use --prompt toString/);
  refused({ grading: "lax" }, /--grading lax: it must be strict or lenient/);
  refused({ prompt: "plain" }, /the prompts of task "sums" are paper/, sums);
  refused({ grading: "lenient" }, /task "sums" has no gradeLeniently/, sums);
});

Deno.test("promptNames() has paper, plain, direct and think for every task, and boxed for mathematics", () => {
  for (const task of tasks) deepEqual(promptNames(task).slice(0, 4), ["paper", "plain", "direct", "think"]);
  for (const task of [gsm8k, math500]) equal(promptNames(task).at(-1), "boxed");
});

Deno.test("styleTask() asks by the named prompt: plain is the question alone, direct shows the answer's form and no reasoning", () => {
  deepEqual(styleTask(arithmetic, { prompt: "plain" }).prompt(item), [{ role: "user", content: item.question }]);
  const [system, user] = styleTask(arithmetic, { prompt: "direct" }).prompt(item);
  match(system?.content ?? "", /<answer>\n\.\.\.\n<\/answer>/);
  equal(system?.content.includes("<reasoning>"), false);
  equal(user?.content, item.question);
  match(styleTask(gsm8k, { prompt: "boxed" }).prompt(item)[0]?.content ?? "", /\\boxed\{\}/);
});

Deno.test("styleTask() leaves strict answers to direct and think readable: their form is graded correct", () => {
  equal(arithmetic.grade(item, `<answer>\n${item.gold}\n</answer>\n`, false).status, "correct");
  equal(arithmetic.grade(item, `<think> hm </think> <answer> ${item.gold} </answer>`, false).status, "correct");
});

Deno.test("styleTask() with lenient grading moves the status and not the rewards, also those of a task of one's own", () => {
  const mine = { ...sums, gradeLeniently: () => ({ status: "correct" as const, extracted: "7", rewards: [9, 9] }) };
  const { status, extracted, rewards } = styleTask(mine, { grading: "lenient" }).grade(sums.example.item, "7", false);
  deepEqual([status, extracted, rewards], ["correct", "7", [0, 0]]);
});
