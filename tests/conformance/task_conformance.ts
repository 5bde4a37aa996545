// What every task must hold to, as one suite. A task's own test file calls it with the way to load the task.

import { deepStrictEqual, notStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { type ItemSource, type Split, type Task, type TaskData } from "../../harness/contract.ts";
import { promptNames, styleTask } from "../../tasks/style_task.ts";

const splitNames: readonly Split[] = ["train", "validation", "test"];
const sampleSize = 512;

/** The first items of a source, at most 512. */
function firstItems(source: ItemSource) {
  return Array.from({ length: Math.min(source.size, sampleSize) }, (_, i) => source.item(i));
}

/**
 * Registers the suite.
 * @param label the task and what is special about this load of it
 * @param load loads the task anew at each call
 */
export function testTask(task: Task, label: string, load: () => Promise<TaskData>): void {
  const { item: exampleItem, completion } = task.example;
  const correctness = (gold: string, text: string) => task.grade({ ...exampleItem, gold }, text, false).rewards[0];

  Deno.test(`${label}: the worked example is correct and earns the full correctness reward`, () => {
    const grade = task.grade(exampleItem, completion, false);
    strictEqual(grade.status, "correct");
    strictEqual(grade.extracted, exampleItem.gold);
    ok(grade.rewards[0]! > 0);
  });

  Deno.test(`${label}: the worked example is wrong against another gold answer`, () => {
    const grade = task.grade({ ...exampleItem, gold: `${exampleItem.gold}1` }, completion, false);
    strictEqual(grade.status, "wrong");
    strictEqual(grade.rewards[0], 0);
    notStrictEqual(correctness(exampleItem.gold, completion), 0);
  });

  Deno.test(`${label}: an empty completion is unparseable, or truncated where it was cut off, and earns no correctness`, () => {
    for (const [truncated, status] of [[false, "unparseable"], [true, "truncated"]] as const) {
      const grade = task.grade(exampleItem, "", truncated);
      strictEqual(grade.status, status);
      strictEqual(grade.extracted, null);
      strictEqual(grade.rewards[0], 0);
    }
  });

  Deno.test(`${label}: an answer that was found counts although the completion was cut off after it`, () => {
    strictEqual(task.grade(exampleItem, completion, true).status, "correct");
  });

  Deno.test(`${label}: rewards are finite, one for each name, correctness first, whatever the completion`, () => {
    strictEqual(task.rewards[0], "correctness");
    strictEqual(new Set(task.rewards).size, task.rewards.length);
    const texts = [
      completion,
      "",
      "\n",
      "\0",
      "<answer>",
      "</answer>",
      "<answer>\n</answer>",
      "\ud800",
      "9".repeat(500),
    ];
    const cut = Array.from({ length: completion.length }, (_, i) => completion.slice(0, i));
    for (const text of [...texts, ...cut]) {
      const { rewards } = task.grade(exampleItem, text, false);
      strictEqual(rewards.length, task.rewards.length);
      ok(rewards.every(Number.isFinite), JSON.stringify(text));
    }
  });

  Deno.test(`${label}: a completion of 50,000 characters is graded in under a second`, () => {
    for (
      const piece of [
        "<answer>",
        "</answer>",
        "<reasoning>",
        "<reasoning></reasoning>",
        "</reasoning> <answer>",
        " \n",
        "1,",
      ]
    ) {
      const start = performance.now();
      task.grade(exampleItem, `<reasoning>${piece.repeat(Math.ceil(50_000 / piece.length))}`, true);
      ok(performance.now() - start < 1000, `"${piece}" took ${performance.now() - start} ms`);
    }
  });

  Deno.test(`${label}: two loads give the same items and the same digest`, async () => {
    const [first, second] = [await load(), await load()];
    strictEqual(first.digest, second.digest);
    ok(/^[0-9a-f]{64}$/.test(first.digest));
    for (const split of splitNames) {
      const last = Math.min(first.splits[split].size, sampleSize) - 1;
      const inReverse = Array.from({ length: last + 1 }, (_, i) => second.splits[split].item(last - i)).reverse();
      deepStrictEqual(firstItems(first.splits[split]), inReverse);
    }
  });

  Deno.test(`${label}: ids are unique, and the splits share neither an id nor a question`, async () => {
    const { splits } = await load();
    const items = splitNames.flatMap((split) => firstItems(splits[split]).map((item) => ({ split, ...item })));
    strictEqual(new Set(items.map(({ id }) => id)).size, items.length);
    const splitOf = new Map<string, Split>();
    for (const { split, question } of items) {
      strictEqual(splitOf.get(question) ?? split, split, `"${question}" is in two splits`);
      splitOf.set(question, split);
    }
  });

  Deno.test(`${label}: every item has a question, and a gold answer that its own grader accepts`, async () => {
    const { splits } = await load();
    for (const split of splitNames) {
      ok(splits[split].size > 0, split);
      for (const item of firstItems(splits[split])) {
        ok(item.question.trim() !== "" && item.gold.trim() === item.gold, item.id);
        const answered = completion.replace(/(<answer>\s*)[^<]*?(?=\s*<\/answer>)/, (_, tag) => tag + item.gold);
        const grade = task.grade(item, answered, false);
        strictEqual(grade.status, "correct", item.id);
        strictEqual(grade.rewards[0], task.grade(exampleItem, completion, false).rewards[0], item.id);
      }
    }
  });

  Deno.test(`${label}: each prompt ends with a message of the user that holds the question, and no two are the same`, async () => {
    const { splits } = await load(), names = promptNames(task);
    for (const item of [exampleItem, splits.test.item(0)]) {
      const chats = names.map((prompt) => styleTask(task, { prompt }).prompt(item));
      for (const chat of chats) {
        const last = chat.at(-1);
        strictEqual(last?.role, "user");
        ok(last.content.includes(item.question));
      }
      strictEqual(new Set(chats.map((chat) => JSON.stringify(chat))).size, names.length);
    }
    deepStrictEqual(styleTask(task, { prompt: "paper" }).prompt(exampleItem), task.prompt(exampleItem));
  });

  if (task.gradeLeniently) testLenient(task, label, load);

  Deno.test(`${label}: a position outside a split throws a RangeError`, async () => {
    const { splits } = await load();
    for (const split of splitNames) {
      for (const index of [-1, 0.5, NaN, splits[split].size]) throws(() => splits[split].item(index), RangeError);
    }
  });
}

/** What lenient grading must hold to. */
function testLenient(task: Task, label: string, load: () => Promise<TaskData>): void {
  const lenient = styleTask(task, { grading: "lenient" }), { item } = task.example;

  Deno.test(`${label}: lenient grading agrees with strict grading on every answer in the layout, and never moves a reward`, async () => {
    const { splits } = await load();
    for (const one of splitNames.flatMap((split) => firstItems(splits[split]).slice(0, 32))) {
      for (const text of [task.answer(one, one.gold), task.answer(one, `${one.gold}1`), one.gold, ""]) {
        const strict = task.grade(one, text, false), found = lenient.grade(one, text, false);
        deepStrictEqual(found.rewards, strict.rewards, one.id);
        if (strict.extracted !== null) deepStrictEqual(found, strict, one.id);
      }
    }
  });

  Deno.test(`${label}: lenient grading finds the answer without its tags, and none where there is nothing`, () => {
    const bare = `The answer is ${item.gold}`;
    notStrictEqual(task.grade(item, bare, false).status, "correct");
    strictEqual(lenient.grade(item, bare, false).status, "correct");
    strictEqual(lenient.grade({ ...item, gold: `${item.gold}1` }, bare, false).status, "wrong");
    for (const [truncated, status] of [[false, "unparseable"], [true, "truncated"]] as const) {
      strictEqual(lenient.grade(item, "", truncated).status, status);
      strictEqual(lenient.grade(item, "I do not know.", truncated).status, status);
    }
  });

  Deno.test(`${label}: 50,000 characters are graded leniently in under a second`, () => {
    for (const piece of ["1,", "1,111,", "- ", "\\boxed{", "#### ", "(1+", "answer is ", "<answer>9</answer>"]) {
      const start = performance.now();
      lenient.grade(item, piece.repeat(Math.ceil(50_000 / piece.length)), true);
      ok(performance.now() - start < 1000, `"${piece}" took ${performance.now() - start} ms`);
    }
  });
}
