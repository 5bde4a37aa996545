// Which part of a completion is its answer. Strictly, the text in the last closed <answer>; leniently, what a person would
// take for the answer of a text without any layout. Inside either, a \boxed{…} is the answer and the rest is talk.

import { closingBrace } from "./latex.ts";

/** The content of the last \boxed or \fbox; null where there is none that closes. */
export function lastBoxed(text: string): string | null {
  const start = Math.max(text.lastIndexOf("\\boxed"), text.lastIndexOf("\\fbox"));
  if (start < 0) return null;
  const open = text.indexOf("{", start);
  if (open < 0 || text.slice(start, open).trim().length > "\\boxed".length) {
    return /^\\boxed\s+(\S)/.exec(text.slice(start, start + 20))?.[1] ?? null; // \boxed 2
  }
  const end = closingBrace(text, open);
  return end < 0 ? null : text.slice(open + 1, end).trim();
}

/** The answer in the layout of rewards.ts; null where no <answer> is closed or it is empty. */
export function extractAnswer(completion: string): string | null {
  const start = completion.lastIndexOf("<answer>"), end = completion.indexOf("</answer>", start);
  if (start < 0 || end < 0) return null;
  const text = completion.slice(start + "<answer>".length, end).trim();
  return text === "" ? null : lastBoxed(text) ?? text;
}

/**
 * The answer of any text: strictly, or the last box, what follows the last "####" or "answer is", or the last number. In a
 * text that was cut off, the last number is no answer: it is where the steps stood.
 */
export function extractLeniently(completion: string, truncated = false): string | null {
  const found = extractAnswer(completion) ?? lastBoxed(completion) ?? afterMark(completion);
  if (found !== null || truncated) return found;
  return completion.match(/-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?/g)?.at(-1) ?? null;
}

function afterMark(text: string): string | null {
  const [mark] = [...text.matchAll(/####|\banswer(?: is|:)/gi)].slice(-1);
  if (mark === undefined) return null;
  const line = text.slice(mark.index + mark[0].length).trim().split("\n")[0] ?? "";
  return line === "" ? null : line;
}
