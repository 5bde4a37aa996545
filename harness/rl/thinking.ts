// How much of a completion was needed: where the right answer first stands in it, what a shorter cap would have left of
// it, and how often it turns back on itself. After "Do NOT Think That Much for 2+3=?" (Chen et al. 2024, arXiv
// 2412.21187), whose outcome efficiency is the share of tokens up to the first correct solution. There a language model
// cuts a completion into solutions; here the answer is looked for in the text, so a number that happens to be the answer
// counts as soon as it stands there. None of this selects or grades: it describes completions that are graded already.

import type { Grade, Task, TaskItem } from "../contract.ts";
import type { PolicyTokenizer } from "../model/tokenizer.ts";
import { budgetsBelow } from "../stats/token_budgets.ts";

/** What a completion turns back with, whole words in any case; "double-check that" counts once. */
const reflection = new RegExp(
  [
    "\\bwait\\b",
    "\\bhold on\\b",
    "\\balternatively\\b",
    "\\bhmm+\\b",
    "\\bon second thoughts?\\b",
    "\\b(?:let me|let us|let's|i(?:'ll| will| should| need to)) (?:re-?|double[- ]?)?(?:check|verify|think again|consider|calculate again)\\b",
    "\\b(?:double|re)[- ]?check(?:ing)?\\b",
    "\\banother (?:way|approach)\\b",
  ].join("|"),
  "gi",
);

/** How often a text reflects on itself. */
export function reflections(text: string): number {
  return text.match(reflection)?.length ?? 0;
}

/** A number as people write it, its digits grouped by commas or not; its sign is what stands before it. */
const numeral = /\d+(?:,\d{3}(?!\d))*(?:\.\d+)?|\.\d+/g;

/**
 * Where an answer first stands in a text: the end of the first number of its value, or of its spelling, blanks aside,
 * where it is none. null: nowhere.
 */
export function answerEnd(text: string, answer: string): number | null {
  if (/^[-+]?(?:\d+(?:\.\d+)?|\.\d+)$/.test(answer.trim().replaceAll(",", ""))) {
    const value = Number(answer.replaceAll(",", ""));
    for (const { 0: digits, index } of text.matchAll(numeral)) {
      const before = text.slice(0, index);
      const negative = /-$/.test(before) && !/[\w)\]]-$/.test(before); // in "20-2" it is an operator
      if ((negative ? -1 : 1) * Number(digits.replaceAll(",", "")) === value) return index + digits.length;
    }
    return null;
  }
  const sought = answer.replace(/\s+/g, "");
  if (sought === "") return null;
  const places: number[] = []; // of each character that is no blank
  for (let i = 0; i < text.length; i++) if (!/\s/.test(text[i]!)) places.push(i);
  const at = places.map((place) => text[place]!).join("").indexOf(sought);
  return at < 0 ? null : places[at + sought.length - 1]! + 1;
}

/** Where the right answer first stands in a graded completion, in characters; null: nowhere. */
export function correctEnd(
  { gold }: Pick<TaskItem, "gold">,
  text: string,
  { status, extracted }: Pick<Grade, "status" | "extracted">,
): number | null {
  const ends = [gold, ...(status === "correct" && extracted !== null ? [extracted] : [])]
    .map((answer) => answerEnd(text, answer)).filter((end) => end !== null);
  return ends.length > 0 ? Math.min(...ends) : status === "correct" ? text.length : null;
}

/** What is measured of one completion beside its grade. */
export interface Thinking {
  /** Tokens up to the first place where the right answer stands; null: it stands nowhere. */
  readonly firstCorrect: number | null;
  readonly reflections: number;
  /** The budgets below its length at which it would have been graded correct, cut there. */
  readonly correctAt: readonly number[];
}

/** Measures a graded completion. */
export function thinkingOf(
  task: Task,
  tokenizer: Pick<PolicyTokenizer, "decode">,
  item: TaskItem,
  { tokens, text }: { readonly tokens: Int32Array; readonly text: string },
  grade: Grade,
): Thinking {
  const cut = (count: number) => tokenizer.decode(tokens.subarray(0, count));
  const end = correctEnd(item, text, grade);
  return {
    firstCorrect: end === null ? null : tokensUpTo(end, tokens.length, (count) => cut(count).length),
    reflections: reflections(text),
    correctAt: budgetsBelow(tokens.length).filter((budget) => task.grade(item, cut(budget), true).status === "correct"),
  };
}

/** The least number of tokens whose text is at least so long; text grows with its tokens. */
function tokensUpTo(length: number, count: number, lengthOf: (tokens: number) => number): number {
  let low = 0, high = count; // lengthOf(low) < length <= lengthOf(high)
  if (length === 0) return 0;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (lengthOf(middle) < length) low = middle;
    else high = middle;
  }
  return high;
}
