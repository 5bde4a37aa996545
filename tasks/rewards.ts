// The extrinsic rewards of Memory-R (arXiv 2504.02273, released code utils_gsm8k.py) on the layout
//
//   <reasoning>\n…\n</reasoning>\n<answer>\n…\n</answer>\n
//
// and, kept apart from them, the verdict that held-out accuracy counts. The rewards are the released functions to the
// bit, quirks included, because the paper's runs were paid by them: Python's `.` is written [^\n] and its `$` as \n?$.
// The verdict is ours: it wants a closed <answer> holding one number, and compares by value.

import type { Grade, LenientGrade, TaskItem } from "../harness/contract.ts";
import { extractAnswer, lastBoxed } from "./math/extract.ts";

/** Reward components in the order of {@linkcode Grade.rewards}. */
export const rewardNames: readonly string[] = ["correctness", "integer", "strictFormat", "softFormat", "tagCount"];

/** The system message of the released code. */
export const layoutPrompt = `
Respond in the following format:

<reasoning>
...
</reasoning>
<answer>
...
</answer>
`;

/** A completion in the layout. */
export function layOut(reasoning: string, answer: string): string {
  return `<reasoning>\n${reasoning}\n</reasoning>\n<answer>\n${answer}\n</answer>\n`;
}

/** What the rewards take for the answer: what stands after the last <answer>, or the whole text where there is none. */
function rewardedAnswer(text: string): string {
  return text.split("<answer>").at(-1)!.split("</answer>")[0]!.trim();
}

/** 1 if the answer is the gold text, character for character. */
export function correctnessReward(text: string, gold: string): number {
  return rewardedAnswer(text) === gold ? 1 : 0;
}

/** 0.5 if the answer is digits only: no sign, comma or point. It need not be right. */
export function integerReward(text: string): number {
  return /^\p{Nd}+$/u.test(rewardedAnswer(text)) ? 0.5 : 0;
}

/** 0.5 for the whole layout with every tag on its own line; reasoning and answer are one line each. */
export function strictFormatReward(text: string): number {
  const layout = /^<reasoning>\n[^\n]*?\n<\/reasoning>\n<answer>\n[^\n]*?\n<\/answer>\n\n?$/;
  return layout.test(text) ? 0.5 : 0;
}

/** 0.5 for both pairs of tags in order at the start, each pair on one line: never together with the strict one. */
export function softFormatReward(text: string): number {
  return /^<reasoning>[^\n]*?<\/reasoning>\s*<answer>[^\n]*?<\/answer>/.test(text) ? 0.5 : 0;
}

/**
 * 0.125 for each tag that stands once with its line breaks, less 0.001 for each character after the last one. Without
 * a line break at the end, "\n</answer>\n" splits nothing and every character of the completion is charged.
 */
export function tagCountReward(text: string): number {
  const pieces = (separator: string) => text.split(separator);
  const lengthAfter = (separator: string) => [...pieces(separator).at(-1)!].length; // code points, as Python's len
  const once = (tag: string) => pieces(tag).length === 2;
  let count = 0;
  if (once("<reasoning>\n")) count += 0.125;
  if (once("\n</reasoning>\n")) count += 0.125;
  if (once("\n<answer>\n")) {
    count += 0.125;
    count -= lengthAfter("\n</answer>\n") * 0.001;
  }
  if (once("\n</answer>")) {
    count += 0.125;
    count -= (lengthAfter("\n</answer>") - 1) * 0.001;
  }
  return count;
}

/**
 * The number that a completion gives as its answer: the text after the last <answer>, which must be closed, without
 * commas, "$", outer spaces and a final point. Null where that is no decimal number.
 */
export function extractNumber(completion: string): string | null {
  const start = completion.lastIndexOf("<answer>");
  const end = completion.indexOf("</answer>", start);
  if (start < 0 || end < 0) return null;
  const text = completion.slice(start + "<answer>".length, end).replace(/[,$]/g, "").trim().replace(/\.$/, "");
  return /^[+-]?(\d+(\.\d+)?|\.\d+)$/.test(text) ? text : null;
}

/** A number as people write it: "1,250.50", ".5"; its minus only where it is no operation. */
const written =
  /(?<!\w|\d\.)(?:(?<![\d)%]\s*)-\$?)?(?:\d{1,3}(?:,\d{3})+(?!\d|,\d)|\d+)(?:\.\d+)?|(?<![\w.])(?:(?<![\d)%]\s*)-)?\.\d+/g;

/**
 * The number that a reader takes for the answer of any text: strictly, or the last in the closed <answer>, the last in the
 * last \boxed, the first after the last "####", the last of all. Null where there is no number. Of a text that was cut
 * off, the last number of all is no answer: it is where the steps stood.
 */
export function extractNumberLeniently(completion: string, truncated = false): string | null {
  const numbers = (text: string) => text.match(written)?.map((number) => number.replace(/[,$]/g, "")) ?? [];
  const mark = completion.lastIndexOf("####");
  return extractNumber(completion) ??
    numbers(extractAnswer(completion) ?? "").at(-1) ??
    numbers(lastBoxed(completion) ?? "").at(-1) ??
    (mark < 0 ? null : numbers(completion.slice(mark))[0]) ??
    (truncated ? null : numbers(completion).at(-1)) ?? null;
}

/** Grades a completion in the layout against a numeric gold answer. */
export function gradeLayout(item: TaskItem, completion: string, truncated: boolean): Grade {
  const rewards = [
    correctnessReward(completion, item.gold),
    integerReward(completion),
    strictFormatReward(completion),
    softFormatReward(completion),
    tagCountReward(completion),
  ];
  return { ...judge(item, extractNumber(completion), truncated), rewards };
}

/** Grades whatever number may be taken for the answer. */
export function gradeLayoutLeniently(item: TaskItem, completion: string, truncated: boolean): LenientGrade {
  return judge(item, extractNumberLeniently(completion, truncated), truncated);
}

function judge({ gold }: TaskItem, extracted: string | null, truncated: boolean): LenientGrade {
  if (extracted === null) return { status: truncated ? "truncated" : "unparseable", extracted };
  return { status: Number(extracted) === Number(gold) ? "correct" : "wrong", extracted };
}
