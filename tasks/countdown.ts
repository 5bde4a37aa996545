// Countdown, the numbers game of TinyZero (github.com/Jiayi-Pan/TinyZero): reach a target with the given numbers, each
// used exactly once. Generated, so that nothing is downloaded, and always solvable: a problem is made by combining numbers
// at random until one is left, and that one is the target. Every value on the way is a positive whole number; answers may
// go another way, through fractions or below zero.
//
// The gold answer is the expression by which the problem was made: its numbers and its value are the problem, and any
// expression of the same numbers with the same value is right. The split of a problem is the hash of its sorted numbers
// and its target, whatever the level and the order, as is what counts as a repetition among held-out problems.

import { sha256 } from "../harness/base/digest.ts";
import { MisuseError } from "../harness/base/errors.ts";
import { type Prng, stream } from "../harness/base/prng.ts";
import type { Grade, ItemSource, LenientGrade, Split, Task, TaskItem } from "../harness/contract.ts";
import { parseCountdown } from "./countdown_expression.ts";
import { extractAnswer } from "./math/extract.ts";
import { sameRational } from "./math/rational.ts";
import { layoutPrompts, paperPrompt } from "./prompts.ts";
import { layOut, softFormatReward, strictFormatReward, tagCountReward } from "./rewards.ts";

/** A problem and one of its solutions. */
export interface CountdownProblem {
  readonly numbers: readonly number[];
  readonly target: number;
  readonly solution: string;
}

const version = 1;
/** Well below what a sixteenth of the smallest level holds, some thousands. */
const heldOutSize = 1024;

/** What a level allows: how many numbers, the largest of them, and the largest target. */
const levels: Readonly<Record<number, Limits>> = {
  1: { counts: [3], number: 50, target: 100 },
  2: { counts: [3, 4], number: 50, target: 100 },
  3: { counts: [4], number: 99, target: 999 },
};

const smallestNumber = 2;
const smallestTarget = 10;

interface Limits {
  readonly counts: readonly number[];
  readonly number: number;
  readonly target: number;
}

function limitsOf(level: number): Limits {
  const limits = levels[level];
  if (limits === undefined) throw new RangeError(`Cannot make countdown problems: level ${level} must be 1, 2 or 3`);
  return limits;
}

interface Part {
  readonly text: string;
  readonly value: number;
}

/** Two parts as one, by an operation drawn from those that lead to a positive whole number. */
function combine(a: Part, b: Part, random: Prng): Part {
  const [large, small] = a.value >= b.value ? [a, b] : [b, a];
  const ways = [
    { sign: "+", value: large.value + small.value },
    { sign: "-", value: large.value - small.value },
    { sign: "*", value: large.value * small.value },
    { sign: "/", value: large.value / small.value },
  ].filter(({ value }) => Number.isInteger(value) && value > 0);
  const { sign, value } = random.pick(ways);
  return { text: `(${large.text}${sign}${small.text})`, value };
}

function draw(random: Prng, level: number): CountdownProblem {
  const limits = limitsOf(level);
  for (;;) {
    const count = random.pick(limits.counts);
    const numbers = Array.from(
      { length: count },
      () => smallestNumber + random.int(limits.number - smallestNumber + 1),
    );
    let parts: readonly Part[] = numbers.map((value) => ({ text: `${value}`, value }));
    while (parts.length > 1) {
      const [a, b, ...rest] = random.shuffle(parts);
      parts = [combine(a!, b!, random), ...rest];
    }
    const { text, value: target } = parts[0]!;
    if (target >= smallestTarget && target <= limits.target && !numbers.includes(target)) {
      return { numbers, target, solution: text.slice(1, -1) };
    }
  }
}

const identityOf = ({ numbers, target }: CountdownProblem) =>
  `${[...numbers].sort((a, b) => a - b).join(" ")} = ${target}`;

/** The split that a problem belongs to: one sixteenth each is held out for validation and for test. */
export function countdownSplit(problem: CountdownProblem): Split {
  const bucket = parseInt(sha256(identityOf(problem)).slice(0, 8), 16) % 16;
  return bucket === 0 ? "validation" : bucket === 1 ? "test" : "train";
}

/** Held-out problems found so far, by split and level: a memo, because a position depends on the earlier ones. */
const heldOut = new Map<string, { readonly problems: CountdownProblem[]; readonly known: Set<string> }>();

/** The problem at a position of a split. Throws RangeError for a position outside it or an unknown level. */
export function countdownProblem(split: Split, index: number, level: number): CountdownProblem {
  const size = sizeOf(split);
  if (!Number.isInteger(index) || index < 0 || index >= Math.min(size, 2 ** 32)) {
    throw new RangeError(`Cannot make a ${split} problem: index ${index} must be an integer in [0, ${size})`);
  }
  const find = (position: number, isNew: (problem: CountdownProblem) => boolean): CountdownProblem => {
    const random = stream(level, `countdown ${split}`, position);
    let candidate = draw(random, level);
    while (countdownSplit(candidate) !== split || !isNew(candidate)) candidate = draw(random, level);
    return candidate;
  };
  if (split === "train") return find(index, () => true);

  const key = `${split} ${level}`;
  const found = heldOut.get(key) ?? { problems: [], known: new Set() };
  heldOut.set(key, found);
  while (found.problems.length <= index) {
    const next = find(found.problems.length, (problem) => !found.known.has(identityOf(problem)));
    found.problems.push(next);
    found.known.add(identityOf(next));
  }
  return found.problems[index]!;
}

function sizeOf(split: Split): number {
  return split === "train" ? Infinity : heldOutSize;
}

/** What a task shows of a problem. */
function itemOf({ numbers, target, solution }: CountdownProblem): TaskItem {
  const listed = `${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}`;
  const question = `Using the numbers ${listed}, write an expression that equals ${target}. ` +
    "You can use +, -, *, / and brackets, and each number must be used exactly once. " +
    "The answer is the expression alone, for example (1+2)/3.";
  return { id: `countdown-${sha256(question).slice(0, 12)}`, question, gold: solution };
}

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b).join(" ");

/** Right is an expression of the gold one's numbers with its value. An answer that is no expression is unparseable. */
function grade(item: TaskItem, completion: string, truncated: boolean): Grade {
  const verdict = judge(item, extractAnswer(completion), truncated);
  const layout = [strictFormatReward(completion), softFormatReward(completion), tagCountReward(completion)];
  return {
    ...verdict,
    rewards: [verdict.status === "correct" ? 1 : 0, verdict.extracted === null ? 0 : 0.1, ...layout],
  };
}

/** Without the layout: the last expression with an operation in the text; what stands after "=" is its value. */
function gradeLeniently(item: TaskItem, completion: string, truncated: boolean): LenientGrade {
  const strict = judge(item, extractAnswer(completion), truncated);
  if (strict.extracted !== null || truncated) return strict; // what was cut off was a step on the way
  const pieces = completion.match(/[\d(][-+*/() \d]*/g) ?? [];
  const last = pieces.findLast((piece) => /[-+*/]/.test(piece) && parseCountdown(piece) !== null);
  return judge(item, last?.trim() ?? null, truncated);
}

function judge({ gold }: TaskItem, text: string | null, truncated: boolean): LenientGrade {
  const found = text === null ? null : parseCountdown(text), wanted = parseCountdown(gold);
  if (found === null) return { status: truncated ? "truncated" : "unparseable", extracted: null };
  const correct = found.value !== null && wanted !== null && wanted.value !== null &&
    sorted(found.numbers) === sorted(wanted.numbers) && sameRational(found.value, wanted.value);
  return { status: correct ? "correct" : "wrong", extracted: text };
}

/** Reach a target with 3 or 4 numbers. `equation` is TinyZero's 0.1 for an answer that is an expression, right or not. */
export const countdown: Task = {
  name: "countdown",
  version,
  summary: "generated number games: reach a target with 3 or 4 numbers; levels 1 to 3",
  rewards: ["correctness", "equation", "strictFormat", "softFormat", "tagCount"],
  load({ dataDir, level }) {
    if (dataDir !== null) {
      throw new MisuseError("Cannot load task countdown: it is generated and reads no files; leave --data-dir out");
    }
    if (level === 0) throw new MisuseError("Cannot use task.level = 0: the levels of task countdown are 1 to 3");
    limitsOf(level);
    const source = (split: Split): ItemSource => ({
      size: sizeOf(split),
      item: (index) => itemOf(countdownProblem(split, index, level)),
    });
    const splits = { train: source("train"), validation: source("validation"), test: source("test") };
    return Promise.resolve({ splits, digest: sha256(`countdown version ${version} level ${level}`) });
  },
  prompt: paperPrompt,
  prompts: layoutPrompts,
  grade,
  gradeLeniently,
  answer: (_, answer, reasoning = `The answer is ${answer}.`) => layOut(reasoning, answer),
  defaults: { "rl.maxPromptTokens": 256, "rl.maxCompletionTokens": 100 },
  example: {
    item: itemOf({ numbers: [5, 7, 2], target: 24, solution: "(5+7)*2" }),
    completion: "<reasoning>\n5+7=12 and 12*2=24.\n</reasoning>\n<answer>\n(5+7)*2\n</answer>\n",
  },
};
