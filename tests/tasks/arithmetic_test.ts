import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { sha256 } from "../../harness/base/digest.ts";
import type { Split } from "../../harness/contract.ts";
import { apply, arithmetic, itemOf, operands, type Problem, problem, splitOf, starts } from "../../tasks/arithmetic.ts";
import { type Operation, questionWords } from "../../tasks/arithmetic_wording.ts";
import { testTask } from "../conformance/task_conformance.ts";

const levels = [0, 1, 2, 3];
const splitNames: readonly Split[] = ["train", "validation", "test"];
for (const level of levels) {
  testTask(arithmetic, `arithmetic level ${level}`, () => arithmetic.load({ dataDir: null, level }));
}

const sample = (level: number, size = 1000): Problem[] =>
  Array.from({ length: size }, (_, i) => problem("train", i, level));

/** Reads a question as a reader would, sentence by sentence, without the generator's tables. */
function solve(question: string): number {
  const [first = "", ...rest] = question.split(/(?<=[.?]) /);
  let value = Number(/\d+/.exec(first)?.[0]);
  for (const sentence of rest.slice(0, -1)) {
    const number = Number(/\d+/.exec(sentence)?.[0] ?? NaN);
    if (sentence.includes("doubles")) value *= 2;
    else if (sentence.includes("triples")) value *= 3;
    else if (sentence.includes("half")) value /= 2;
    else if (sentence.includes("times as many")) value *= number;
    else if (sentence.includes("equal parts")) value /= number;
    else if (sentence.includes(" more ")) value += number;
    else value -= number;
  }
  return value;
}

Deno.test("problem() asks for what its sentences say, in their order", () => {
  for (const level of levels) {
    for (const { question, answer } of sample(level)) strictEqual(solve(question), answer, question);
  }
});

Deno.test("problem() keeps its chain of values whole, within the level, and as long as the level says", () => {
  const limits = [{ steps: [1], value: 99 }, { steps: [2], value: 99 }, { steps: [2, 3], value: 99 }, {
    steps: [3, 4],
    value: 199,
  }];
  for (const [i, { steps: lengths, value: largest }] of limits.entries()) {
    const problems = sample(i);
    deepStrictEqual([...new Set(problems.map(({ steps }) => steps.length))].sort(), lengths);
    for (const { start, steps, answer } of problems) {
      let value = start;
      for (const { operation, operand, result } of steps) {
        strictEqual(result, apply(value, operation, operand));
        ok(Number.isInteger(result) && result >= 5 && result <= largest);
        value = result;
      }
      strictEqual(answer, value);
    }
    const used = new Set(problems.flatMap(({ steps }) => steps.map(({ operation }) => operation)));
    strictEqual(used.size, 4, "all four operations occur");
  }
});

Deno.test("problem() uses the words of questionWords only, and all of them", () => {
  ok(questionWords.length <= 130, `${questionWords.length} words`);
  const used = new Set(
    levels.flatMap((level) => sample(level)).flatMap(({ question }) => question.match(/[A-Za-z]+/g) ?? []),
  );
  deepStrictEqual([...used].sort(), questionWords);
});

Deno.test("problem() keeps questions short: 20 to 45 words on average, 56 at most", () => {
  for (const level of levels) {
    const lengths = sample(level).map(({ question }) => question.split(" ").length);
    const mean = lengths.reduce((sum, length) => sum + length) / lengths.length;
    ok(mean >= 20 && mean <= 45, `level ${level}: ${mean} words`);
    ok(Math.max(...lengths) <= 56, `level ${level}: ${Math.max(...lengths)} words`);
  }
});

Deno.test("problem() has more than a million chains of numbers at levels 2 and 3, before any choice of words", () => {
  const operations: readonly Operation[] = ["+", "-", "*", "/"];
  const memo = new Map<string, number>();
  const chains = (value: number, steps: number, level: number): number => {
    if (steps === 0) return 1;
    const key = `${value} ${steps} ${level}`;
    const known = memo.get(key);
    if (known !== undefined) return known;
    const count = operations.flatMap((operation) =>
      operands(value, operation, level).map((operand) => chains(apply(value, operation, operand), steps - 1, level))
    ).reduce((sum, some) => sum + some, 0);
    memo.set(key, count);
    return count;
  };
  const all = (steps: number, level: number) =>
    starts(level).reduce((sum, start) => sum + chains(start, steps, level), 0);
  ok(all(3, 2) > 1e6, `level 2: ${all(3, 2)}`);
  ok(all(4, 3) > 1e6, `level 3: ${all(4, 3)}`);
  // Level 1 needs its words: 20 names and 22 things make every chain at least 440 questions.
  ok(all(2, 1) * 440 > 1e6, `level 1: ${all(2, 1)}`);
});

Deno.test("problem() draws no more equal questions than millions of problems would", () => {
  for (const level of levels) {
    const questions = new Set(sample(level, 3000).map(({ question }) => question));
    // With 10^6 equally likely problems, 3000 draws meet 4.5 times on average.
    ok(questions.size >= 2990, `level ${level}: ${questions.size} different questions`);
  }
});

Deno.test("splitOf() holds a chain of numbers in one split, whatever the level and the words", () => {
  for (const split of splitNames) {
    for (const level of levels) {
      for (let i = 0; i < 100; i++) strictEqual(splitOf(problem(split, i, level)), split);
    }
  }
});

Deno.test("problem() repeats no question within the 4096 validation items", () => {
  const questions = new Set(Array.from({ length: 4096 }, (_, i) => problem("validation", i, 1).question));
  strictEqual(questions.size, 4096);
  throws(() => problem("validation", 4096, 1), RangeError);
});

Deno.test("problem() gives version 1 of the task: a change of its questions must raise the version", () => {
  const asked = (...levels: readonly number[]) =>
    levels.flatMap((level) =>
      splitNames.flatMap((split) =>
        Array.from({ length: 20 }, (_, i) => {
          const { id, question, gold } = itemOf(problem(split, i, level));
          return `${id} ${question} ${gold}\n`;
        })
      )
    );
  strictEqual(arithmetic.version, 1);
  strictEqual(sha256(...asked(0)), "888b912738f8ae1fee3d0daa26fbbd575f19002892de43321a7f46014145de3f");
  strictEqual(sha256(...asked(1, 2, 3)), "a26162a657003e5890893e723c12de6475e06349595e7036793dad51f6192a98");
});

Deno.test("arithmetic.load() gives each level its own digest and refuses other levels", async () => {
  const digests = await Promise.all(
    levels.map(async (level) => (await arithmetic.load({ dataDir: null, level })).digest),
  );
  strictEqual(new Set(digests).size, 4);
  throws(() => arithmetic.load({ dataDir: null, level: 4 }), RangeError);
});
