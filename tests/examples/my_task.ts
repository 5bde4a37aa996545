// A task of your own, in a file of your own: sums of two numbers.
//
//   deno task bench sums --arms grpo --task-file tests/examples/my_task.ts
//   deno task doctor sums --task-file tests/examples/my_task.ts
//
// A task is where questions come from (three splits that share none), the chat that asks one, and a grader. Everything
// must follow from its arguments: the same position always holds the same question, the same completion always earns the
// same. Raise `version` when a change moves scores. `deno task doctor` checks what a grader usually gets wrong. A task may
// have more: `prompts` (--prompt), `gradeLeniently` (--grading lenient), `sources` (files that are fetched); see contract.ts.

import { createHash } from "node:crypto";
import { defineTask, type Grade, type ItemSource, MisuseError, type Split, type TaskItem } from "../../mod.ts";

/** Sums of two numbers from 10 to 89, in an order that mixes small and large; every eighth is held out. */
const pairs = Array.from({ length: 6400 }, (_, i) => (i * 1001) % 6400)
  .map((i) => [10 + i % 80, 10 + Math.floor(i / 80)] as const);

function source(split: Split): ItemSource {
  const held = { validation: 0, test: 4, train: null }[split];
  const own = pairs.filter((_, i) => held === null ? i % 4 !== 0 : i % 8 === held);
  return {
    size: own.length,
    item(index) {
      const pair = own[index];
      if (!pair) throw new RangeError(`Cannot read a sum: index ${index} must be an integer in [0, ${own.length})`);
      const [a, b] = pair;
      return { id: `sum-${a}-${b}`, question: `Mia has ${a} apples. She buys ${b} more. How many?`, gold: `${a + b}` };
    },
  };
}

/** The layout that the embedded policies write in. */
const layOut = (reasoning: string, answer: string) =>
  `<reasoning>\n${reasoning}\n</reasoning>\n<answer>\n${answer}\n</answer>\n`;

function grade({ gold }: TaskItem, completion: string, truncated: boolean): Grade {
  const extracted = /<answer>\s*(\d+)\s*<\/answer>/.exec(completion)?.[1] ?? null;
  const rewards = [extracted === gold ? 1 : 0, extracted === null ? 0 : 0.5]; // in the order of `rewards` below
  if (extracted === null) return { status: truncated ? "truncated" : "unparseable", extracted, rewards };
  return { status: extracted === gold ? "correct" : "wrong", extracted, rewards };
}

export const sums = defineTask({
  name: "sums",
  version: 1,
  summary: "sums of two numbers below 90",
  rewards: ["correctness", "answered"], // the first is what accuracy and the memories go by
  load({ dataDir }) {
    if (dataDir !== null) throw new MisuseError("Cannot load task sums: it reads no files; leave --data-dir out");
    const splits = { train: source("train"), validation: source("validation"), test: source("test") };
    const digest = createHash("sha256").update(JSON.stringify(pairs)).digest("hex"); // of whatever makes the questions
    return Promise.resolve({ splits, digest });
  },
  prompt: ({ question }) => [
    { role: "system", content: `Respond in the following format:\n${layOut("...", "...")}` },
    { role: "user", content: question },
  ],
  grade,
  defaults: { "rl.maxCompletionTokens": 48 },
  answer: (_, answer) => layOut(`The sum is ${answer}.`, answer),
  example: {
    item: { id: "sum-example", question: "Mia has 12 apples. She buys 7 more. How many?", gold: "19" },
    completion: layOut("12+7=19", "19"),
  },
});
