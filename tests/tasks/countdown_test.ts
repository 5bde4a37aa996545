import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { MisuseError } from "../../harness/base/errors.ts";
import type { Split } from "../../harness/contract.ts";
import { selfTestTask } from "../../harness/rl/self_test.ts";
import { countdown, countdownProblem, countdownSplit } from "../../tasks/countdown.ts";
import { parseCountdown } from "../../tasks/countdown_expression.ts";
import { layOut } from "../../tasks/rewards.ts";
import { testTask } from "../conformance/task_conformance.ts";

const levels = [1, 2, 3];
const splits: readonly Split[] = ["train", "validation", "test"];

for (const level of levels) {
  const load = () => countdown.load({ dataDir: null, level });
  testTask(countdown, `countdown level ${level}`, load);

  Deno.test(`countdown level ${level}: the reward self-test finds nothing in its items`, async () => {
    deepEqual(selfTestTask(countdown, await load(), 256), []);
  });
}

/** Every value that can be made of all the numbers, by brute force over pairs, in float64. */
function reachable(values: readonly number[]): Set<number> {
  if (values.length === 1) return new Set(values);
  const found = new Set<number>();
  for (const [i, a] of values.entries()) {
    for (const [j, b] of values.entries()) {
      if (i === j) continue;
      const rest = values.filter((_, k) => k !== i && k !== j);
      for (const value of [a + b, a - b, a * b, b === 0 ? NaN : a / b]) {
        if (!Number.isNaN(value)) { for (const reached of reachable([value, ...rest])) found.add(reached); }
      }
    }
  }
  return found;
}

Deno.test("countdownProblem() has a solution, which a search over all expressions finds too", () => {
  for (const level of levels) {
    for (let i = 0; i < 30; i++) {
      const { numbers, target, solution } = countdownProblem("train", i, level);
      const parsed = parseCountdown(solution);
      deepEqual(parsed?.value, { n: BigInt(target), d: 1n });
      deepEqual([...parsed?.numbers ?? []].sort(), [...numbers].sort());
      const near = [...reachable(numbers)].some((value) => Math.abs(value - target) < 1e-9);
      ok(near, `${numbers} -> ${target}`);
    }
  }
});

Deno.test("countdownProblem() keeps to its level, and its split to the numbers and target, whatever their order", () => {
  const limits = [{ counts: [3], number: 50, target: 100 }, { counts: [3, 4], number: 50, target: 100 }, {
    counts: [4],
    number: 99,
    target: 999,
  }];
  for (const [i, { counts, number, target: largest }] of limits.entries()) {
    const problems = Array.from({ length: 500 }, (_, place) => countdownProblem("train", place, i + 1));
    deepEqual([...new Set(problems.map(({ numbers }) => numbers.length))].sort(), counts);
    for (const problem of problems) {
      ok(problem.target >= 10 && problem.target <= largest && !problem.numbers.includes(problem.target));
      ok(problem.numbers.every((value) => value >= 2 && value <= number));
      equal(countdownSplit({ ...problem, numbers: problem.numbers.toReversed() }), "train");
    }
    for (const sign of ["+", "-", "*", "/"]) ok(problems.some(({ solution }) => solution.includes(sign)), sign);
  }
});

Deno.test("countdownProblem() repeats no held-out problem in another order, and none is in another split", () => {
  for (const level of levels) {
    const known = new Set<string>();
    for (const split of splits.slice(1)) {
      for (let i = 0; i < 1024; i++) {
        const problem = countdownProblem(split, i, level);
        equal(countdownSplit(problem), split);
        known.add(`${[...problem.numbers].sort()} ${problem.target}`);
      }
    }
    equal(known.size, 2048);
  }
});

Deno.test("parseCountdown() works out what it reads, and reads nothing else", () => {
  const values: Readonly<Record<string, string>> = {
    "1+2*3": "7/1",
    "(1+2)*3": "9/1",
    "8-4-2": "2/1",
    "8/4/2": "1/1",
    "1/3 + 1/6": "1/2",
    "((2))": "2/1",
    " 10 - 12 ": "-2/1",
  };
  for (const [text, value] of Object.entries(values)) {
    const parsed = parseCountdown(text)?.value;
    equal(parsed && `${parsed.n}/${parsed.d}`, value, text);
  }
  equal(parseCountdown("1/(2-2)")?.value, null);
  const texts = ["", "()", "1+", "+1", "-1+2", "1 2", "2(3)", "(1+2", "1+2)", "1.5", "2**3", "2^3", "1+x", "1+2=3"];
  texts.push("process.exit()", "1;2", "(".repeat(100), "1+".repeat(200) + "1");
  deepEqual(texts.filter((text) => parseCountdown(text) !== null), []);
});

Deno.test("countdown.grade() takes any expression of the numbers that comes to the target, and none of other numbers", () => {
  const { item } = countdown.example; // 5, 7 and 2 to 24
  const status = (answer: string) => countdown.grade(item, layOut("x", answer), false).status;
  for (const answer of ["(5+7)*2", "2*(7+5)", "( 7 + 5 ) * 2"]) equal(status(answer), "correct");
  const wrong = ["24", "12*2", "5*7-11", "(5+7)*2*1", "5+7*2", "(5+7)*2+5-5", "(57)*2", "2/(1/(5+7))", "(5+7)/(2-2)"];
  for (const answer of wrong) equal(status(answer), "wrong", answer);
  for (const answer of ["twenty-four", "(5+7)*2 = 24", "-(5+7)*2"]) equal(status(answer), "unparseable", answer);
  deepEqual(countdown.grade(item, layOut("x", "5+7+2"), false).rewards, [0, 0.1, 0.5, 0, 0.5]);
});

Deno.test("countdown.load() refuses a folder and a level that it does not have", () => {
  throws(() => countdown.load({ dataDir: "x", level: 1 }), MisuseError);
  throws(() => countdown.load({ dataDir: null, level: 4 }), RangeError);
});

Deno.test("countdown.gradeLeniently() takes the last expression of a text without tags, and not its value after =", () => {
  const item = { id: "x", question: "", gold: "(5+7)*2" };
  const verdict = (text: string, cut = false) => countdown.gradeLeniently?.(item, text, cut);
  deepEqual(verdict("First 5+7, so (5+7)*2 = 24."), { status: "correct", extracted: "(5+7)*2" });
  deepEqual(verdict("It is 2*(7+5)"), { status: "correct", extracted: "2*(7+5)" });
  deepEqual(verdict("It is 5+7+2 = 14"), { status: "wrong", extracted: "5+7+2" });
  deepEqual(verdict("It is 24"), { status: "unparseable", extracted: null });
  deepEqual(verdict("It is (5+7)*2", true), { status: "truncated", extracted: null });
  deepEqual(verdict("<answer>5+7*2</answer> (5+7)*2"), { status: "wrong", extracted: "5+7*2" });
});
