import { deepEqual, equal, throws } from "node:assert/strict";
import type { ItemSource, TaskItem, TaskStyle } from "../../harness/contract.ts";
import { drawShots, withShots } from "../../harness/rl/few_shot.ts";
import { arithmetic } from "../../tasks/arithmetic.ts";
import { findTask } from "../../tasks/registry.ts";
import { promptNames, styleTask, workedAnswer } from "../../tasks/style_task.ts";

const five: ItemSource = { size: 5, item: (i) => ({ id: `${i}`, question: `${i}?`, gold: `${i}` }) };
const answer = (item: TaskItem) => arithmetic.answer(item, item.gold, item.solution);
const ids = (source: ItemSource, count: number, seed: number) => drawShots(source, count, seed).map(({ id }) => id);

Deno.test("drawShots() depends on the seed alone, repeats nothing, and begins more with fewer", async () => {
  const { splits: { train } } = await arithmetic.load({ dataDir: null, level: 2 });
  for (const source of [five, train]) {
    deepEqual(ids(source, 3, 0), ids(source, 5, 0).slice(0, 3));
    equal(new Set(ids(source, 5, 0)).size, 5);
    equal(ids(source, 5, 0).join() === ids(source, 5, 1).join(), false);
  }
  deepEqual(ids(five, 0, 0), []);
  throws(() => drawShots(five, 6, 0), /Cannot use --shots 6: the training split has 5 questions/);
});

Deno.test("withShots() puts examples as turns between what the system is told and the question", () => {
  const item = arithmetic.example.item,
    shots = drawShots(five, 2, 0),
    asked = withShots(arithmetic, shots, answer).prompt(item);
  const [system, question] = arithmetic.prompt(item);
  const turns = shots.flatMap((shot) => [
    { role: "user", content: shot.question },
    { role: "assistant", content: answer(shot) },
  ]);
  deepEqual(asked, [system, ...turns, question]);
  for (const shot of shots) equal(arithmetic.grade(shot, answer(shot), false).status, "correct");
  equal(withShots(arithmetic, [], answer), arithmetic);
});

Deno.test("workedAnswer() is right in the layout of each prompt, where its grading reads that", async () => {
  const task = findTask("countdown"), { splits: { train } } = await task.load({ dataDir: null, level: 2 });
  const own = styleTask(task, { prompt: "direct" }), item = train.item(3);
  equal(workedAnswer(own, {}, item), task.answer(item, item.gold, item.solution));
  equal(workedAnswer(own, { prompt: "direct" }, item), `<answer>\n${item.gold}\n</answer>\n`);
  const prompts: [string, TaskStyle][] = [
    ...promptNames(task).map((prompt): [string, TaskStyle] => ["countdown", { prompt }]),
    ["gsm8k", { prompt: "boxed", grading: "lenient" }],
    ["math500", { prompt: "boxed", grading: "lenient" }],
    ["gsm8k", { prompt: "think" }],
  ];
  for (const [name, style] of prompts) {
    const styled = styleTask(findTask(name), style), one = name === "countdown" ? item : styled.example.item;
    equal(styled.grade(one, workedAnswer(styled, style, one), false).status, "correct", JSON.stringify(style));
  }
});
