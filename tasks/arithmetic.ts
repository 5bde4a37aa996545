// GSM8K-like word problems from a seeded generator: a start value, then 1 to 4 operations, one sentence each, in order.
//
// The split of a problem is the hash of its chain of numbers ("12+7-5"), whatever the level, names and sentences, so
// that a held-out chain is never met in training under other names. Training items are endless. Validation and test
// hold 4096 items each: position i is the first draw of its stream that belongs to the split and was at no earlier
// position, so questions do not repeat.

import { sha256 } from "../harness/base/digest.ts";
import { MisuseError } from "../harness/base/errors.ts";
import { type Prng, stream } from "../harness/base/prng.ts";
import type { ItemSource, Split, Task, TaskItem } from "../harness/contract.ts";
import { type Operation, tell } from "./arithmetic_wording.ts";
import { layoutPrompts, paperPrompt } from "./prompts.ts";
import { gradeLayout, gradeLayoutLeniently, layOut, rewardNames } from "./rewards.ts";

/** One operation of a problem and the value that it leads to. */
export interface Step {
  readonly operation: Operation;
  readonly operand: number;
  readonly result: number;
}

/** A problem with its way of solution; {@linkcode TaskItem} is what graders and policies see of it. */
export interface Problem {
  readonly start: number;
  readonly steps: readonly Step[];
  readonly question: string;
  readonly answer: number;
}

const version = 1;
const heldOutSize = 4096;

/** What a level allows: numbers of steps, the largest start, value, operand of + and -, and factor or divisor. */
const levels: Readonly<Record<number, Limits>> = {
  0: { steps: [1], start: 89, value: 99, operand: 60, factor: 9 },
  1: { steps: [2], start: 40, value: 99, operand: 20, factor: 4 },
  2: { steps: [2, 3], start: 40, value: 99, operand: 20, factor: 4 },
  3: { steps: [3, 4], start: 60, value: 199, operand: 40, factor: 5 },
};

/** No value is smaller, so that a guess of a small number seldom pays. */
const smallestValue = 5;

interface Limits {
  readonly steps: readonly number[];
  readonly start: number;
  readonly value: number;
  readonly operand: number;
  readonly factor: number;
}

/** Operations in the proportion in which they are drawn: multiplication and sharing in moderation. */
const operations: readonly Operation[] = ["+", "+", "-", "-", "*", "/"];

function limitsOf(level: number): Limits {
  const limits = levels[level];
  if (limits === undefined) {
    throw new RangeError(`Cannot make arithmetic problems: level ${level} must be 0, 1, 2 or 3`);
  }
  return limits;
}

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** The value after an operation. */
export function apply(value: number, operation: Operation, operand: number): number {
  if (operation === "+") return value + operand;
  if (operation === "-") return value - operand;
  return operation === "*" ? value * operand : value / operand;
}

/** Starts that a level allows. */
export function starts(level: number): readonly number[] {
  return range(smallestValue, limitsOf(level).start);
}

/** Operands from 2 on that keep the value a whole number from 5 to the level's largest. */
export function operands(value: number, operation: Operation, level: number): readonly number[] {
  const limits = limitsOf(level);
  const largest = operation === "+" || operation === "-" ? limits.operand : limits.factor;
  return range(2, largest).filter((operand) => {
    const result = apply(value, operation, operand);
    return Number.isInteger(result) && result >= smallestValue && result <= limits.value;
  });
}

function draw(random: Prng, level: number): Problem {
  const start = random.pick(starts(level));
  const steps: Step[] = [];
  let value = start;
  for (let left = random.pick(limitsOf(level).steps); left > 0; left--) {
    const operation = random.pick(operations.filter((candidate) => operands(value, candidate, level).length > 0));
    const operand = random.pick(operands(value, operation, level));
    value = apply(value, operation, operand);
    steps.push({ operation, operand, result: value });
  }
  return { start, steps, question: tell(start, steps, random), answer: value };
}

/** The split that a chain of numbers belongs to: one sixteenth each is held out for validation and for test. */
export function splitOf({ start, steps }: Pick<Problem, "start" | "steps">): Split {
  const chain = start + steps.map(({ operation, operand }) => operation + operand).join("");
  const bucket = parseInt(sha256(chain).slice(0, 8), 16) % 16;
  return bucket === 0 ? "validation" : bucket === 1 ? "test" : "train";
}

/** Held-out problems found so far, by split and level: a memo, because a position depends on the earlier ones. */
const heldOut = new Map<string, { readonly problems: Problem[]; readonly questions: Set<string> }>();

/** The problem at a position of a split. Throws RangeError for a position outside it or an unknown level. */
export function problem(split: Split, index: number, level: number): Problem {
  const size = sizeOf(split);
  if (!Number.isInteger(index) || index < 0 || index >= Math.min(size, 2 ** 32)) {
    throw new RangeError(`Cannot make a ${split} problem: index ${index} must be an integer in [0, ${size})`);
  }
  const find = (position: number, isNew: (question: string) => boolean): Problem => {
    const random = stream(level, `arithmetic ${split}`, position);
    let candidate = draw(random, level);
    while (splitOf(candidate) !== split || !isNew(candidate.question)) candidate = draw(random, level);
    return candidate;
  };
  if (split === "train") return find(index, () => true);

  const key = `${split} ${level}`;
  const found = heldOut.get(key) ?? { problems: [], questions: new Set() };
  heldOut.set(key, found);
  while (found.problems.length <= index) {
    const next = find(found.problems.length, (question) => !found.questions.has(question));
    found.problems.push(next);
    found.questions.add(next.question);
  }
  return found.problems[index]!;
}

function sizeOf(split: Split): number {
  return split === "train" ? Infinity : heldOutSize;
}

/** What a task shows of a problem. The id is a hash of the question, so it survives changes of the generator. */
export function itemOf({ start, steps, question, answer }: Problem): TaskItem {
  const values = [start, ...steps.map(({ result }) => result)];
  const solution = steps.map(({ operation, operand, result }, i) => `${values[i]}${operation}${operand}=${result}`);
  return {
    id: `arithmetic-${sha256(question).slice(0, 12)}`,
    question,
    gold: String(answer),
    solution: solution.join("; "),
  };
}

/** Generated word problems with 1 to 4 steps; `level` sets the length and the size of the numbers. */
export const arithmetic: Task = {
  name: "arithmetic",
  version,
  summary: "generated word problems with 1 to 4 steps; levels 0 to 3",
  rewards: rewardNames,
  load({ dataDir, level }) {
    if (dataDir !== null) {
      throw new MisuseError("Cannot load task arithmetic: it is generated and reads no files; leave --data-dir out");
    }
    limitsOf(level);
    const source = (split: Split): ItemSource => ({
      size: sizeOf(split),
      item: (index) => itemOf(problem(split, index, level)),
    });
    const splits = { train: source("train"), validation: source("validation"), test: source("test") };
    return Promise.resolve({ splits, digest: sha256(`arithmetic version ${version} level ${level}`) });
  },
  prompt: paperPrompt,
  prompts: layoutPrompts,
  grade: gradeLayout,
  gradeLeniently: gradeLayoutLeniently,
  answer: (_, answer, reasoning = `The answer is ${answer}.`) => layOut(reasoning, answer),
  defaults: {},
  example: {
    item: itemOf({
      start: 12,
      steps: [{ operation: "+", operand: 7, result: 19 }, { operation: "-", operand: 5, result: 14 }],
      question: "Mia has 12 apples at home. She buys 7 more apples. Then she gives 5 apples to Tom. " +
        "How many apples does Mia have now?",
      answer: 14,
    }),
    completion: "<reasoning>\n12+7=19; 19-5=14\n</reasoning>\n<answer>\n14\n</answer>\n",
  },
};
