// What kind of thing an answer is, before any algebra: words, a value, a list, a tuple or interval, a union, a matrix, a
// number in another base, a relation. What only frames a value is kept beside it: its name ("x = 5") and its unit.

import { type Expression, parseExpression } from "./expression.ts";
import { normaliseLatex } from "./latex.ts";

/** An answer, taken apart. */
export type Answer = {
  /** The spelling that latex.ts gives it. */
  readonly text: string;
  /** "x" of "x = 5" and of "x \in [0, 1]"; null where it has none. */
  readonly name: string | null;
} & Content;

export type Content =
  | { readonly kind: "words"; readonly words: string }
  | { readonly kind: "value"; readonly value: Expression; readonly unit: string | null }
  /** Several answers, or a set: order tells nothing. */
  | { readonly kind: "list"; readonly items: readonly Answer[] }
  /** In brackets, in order; `brackets` tells an open end from a closed one, ":" a ratio. */
  | { readonly kind: "tuple"; readonly brackets: string; readonly items: readonly Answer[] }
  | { readonly kind: "union"; readonly items: readonly Answer[] }
  | { readonly kind: "matrix"; readonly rows: readonly (readonly Answer[])[] }
  /** Digits with a base, such as 52_8: not its value, since the question asks for the digits. */
  | { readonly kind: "based"; readonly digits: string; readonly base: string }
  | { readonly kind: "relation"; readonly relation: string; readonly left: Answer; readonly right: Answer }
  | { readonly kind: "unread" };

/** Longer texts are no answers. */
const longest = 1000;
const deepest = 8;

/** The answer that a text gives. */
export function parseAnswer(text: string): Answer {
  return read(text.length > longest ? text : normaliseLatex(text), 0);
}

function read(text: string, depth: number): Answer {
  const whole = { text, name: null };
  if (text.length > longest || depth > deepest) return { ...whole, kind: "unread" };
  const inner = (part: string) => read(part.trim(), depth + 1);
  const words = wordsOf(text);
  if (words !== null) return { ...whole, kind: "words", words };

  const listed = text.replace(/\\text\{ ?(?:or|and) ?\}|(?<![a-zA-Z\\]) ?\b(?:or|and)\b ?(?![a-zA-Z])/g, ",");
  const parts = split(listed, ",").filter((part) => part.trim() !== "");
  if (parts.length > 1 && !isGrouped(listed)) {
    return { ...whole, kind: "list", items: parts.flatMap((part) => items(inner(part))) };
  }
  const relation = readRelation(text, inner);
  if (relation !== null) return { ...relation, text };

  const pieces = split(text, "\\cup ", "\\cup");
  if (pieces.length > 1) return { ...whole, kind: "union", items: pieces.map(inner) };
  if (/^«.*»$/s.test(text) && closes(text, 0) === text.length - 1) {
    return { ...whole, kind: "list", items: split(text.slice(1, -1), ",").flatMap((part) => items(inner(part))) };
  }
  if (/^[([].*[)\]]$/s.test(text) && closes(text, 0) === text.length - 1) {
    const entries = split(text.slice(1, -1), ",");
    if (entries.length > 1) {
      return { ...whole, kind: "tuple", brackets: text[0]! + text.at(-1)!, items: entries.map(inner) };
    }
  }
  const matrix = /^\\begin\{([pbB]?)matrix\}(.*)\\end\{\1matrix\}$/s.exec(text)?.[2];
  if (matrix !== undefined) {
    const rows = matrix.split("¶").filter((row) => row.trim() !== "");
    return { ...whole, kind: "matrix", rows: rows.map((row) => row.split("&").map(inner)) };
  }
  const [, digits, braced, bare] = /^(-?\d+)_(?:\{(\d+)\}|(\d+))$/.exec(text) ?? [];
  if (digits !== undefined) return { ...whole, kind: "based", digits, base: braced ?? bare ?? "" };
  const ratio = split(text, ":");
  if (ratio.length > 1) return { ...whole, kind: "tuple", brackets: ":", items: ratio.map(inner) };
  if (/\\[pm][pm](?![a-zA-Z])/.test(text)) {
    const sign = (plus: string, minus: string) =>
      text.replace(/\\pm(?![a-zA-Z]) ?/g, plus).replace(/\\mp(?![a-zA-Z]) ?/g, minus);
    const both = [inner(sign("+", "-")), inner(sign("-", "+"))];
    return { ...whole, kind: "list", items: both };
  }
  return { ...whole, ...readValue(text) };
}

/** A list in a list, such as 1 ± √5 in a set, is that many answers of the outer one; an unordered set inside is one. */
function items(answer: Answer): readonly Answer[] {
  return answer.kind === "list" && /\\[pm][pm]/.test(answer.text) && !answer.text.startsWith("«")
    ? answer.items
    : [answer];
}

/** Lower-case words of an answer that is text and nothing else: a \text, or letters that cannot be a product. */
function wordsOf(text: string): string | null {
  const inText = /^\(?\\text\{([^{}]*)\}\)?$/.exec(text)?.[1];
  if (inText !== undefined) return plainWords(inText);
  return /^(?:[a-zA-Z]{3,}|no)(?:[ -][a-zA-Z]+)*$/.test(text) && !/^(?:sin|cos|tan|log|sqrt)\b/.test(text)
    ? plainWords(text)
    : null;
}

/** Words to compare: without case, outer brackets and commands of text. */
export function plainWords(text: string): string {
  const bare = text.replace(/\\text\{([^{}]*)\}/g, "$1").replace(/[$]/g, "").replace(/\s+/g, " ").trim();
  return bare.replace(/^\(([^()]*)\)$/, "$1").replace(/ ?, ?/g, ",").replace(/\.$/, "").trim().toLowerCase();
}

const name = /^(?:[a-zA-Z]|\\[a-zA-Z]+ ?)(?:_(?:[a-zA-Z0-9]|\{[a-zA-Z0-9]+\}))?(?:\([a-z]\))?$/;

function readRelation(text: string, inner: (part: string) => Answer): Answer | null {
  const signs = [...text.matchAll(/=|<|>|\\(?:le|ge|ne|in)(?![a-zA-Z]) ?/g)].filter(({ index }) =>
    depthAt(text, index) === 0
  );
  const [sign] = signs;
  if (sign === undefined || signs.length > 1) return null;
  const relation = sign[0].trim(), left = text.slice(0, sign.index).trim();
  const right = text.slice(sign.index + sign[0].length).trim();
  if (left === "" || right === "") return null;
  if ((relation === "=" || relation === "\\in") && name.test(left)) {
    const value = inner(right);
    return value.name === null ? { ...value, name: left.replace(/[ {}]/g, "") } : null;
  }
  return { text, name: null, kind: "relation", relation, left: inner(left), right: inner(right) };
}

/** Units by the names that people write; what is not here is a unit only inside \text. */
const units: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ["cm", "centimeter centimeters centimetre centimetres"],
    ["mm", "millimeter millimeters"],
    ["km", "kilometer kilometers"],
    ["m", "meter meters metre metres"],
    ["in", "inch inches"],
    ["ft", "foot feet"],
    ["yd", "yard yards"],
    ["mi", "mile miles"],
    ["s", "sec second seconds"],
    ["min", "minute minutes"],
    ["h", "hr hour hours"],
    ["day", "days"],
    ["week", "weeks"],
    ["year", "years"],
    ["g", "gram grams"],
    ["kg", "kilogram kilograms"],
    ["lb", "pound pounds"],
    ["unit", "units"],
    ["cent", "cents"],
    ["$", "dollar dollars"],
    ["deg", "degree degrees"],
    ["%", "percent"],
  ].flatMap(([unit = "", names = ""]) => [unit, ...names.split(" ")].map((written) => [written, unit]))
    .concat([["miles per hour", "mph"], ["mph", "mph"]]),
);

/** Names of units that can stand beside a number without \text; single letters are variables there. */
const bareUnit = new RegExp(
  `(?<=[\\d})°]) ?((?:square |cubic |sq )?(?:${
    Object.keys(units).filter((unit) => /^[a-z ]{2,}$/.test(unit)).sort((a, b) => b.length - a.length).join("|")
  }))(?:\\^\\{?([23])\\}?)?$`,
);

function unitName(written: string, power: string): string {
  const lower = written.trim().toLowerCase().replace(/\.$/, "");
  const area = /^(?:square|sq\.?) /.test(lower) ? "2" : /^cubic /.test(lower) ? "3" : power;
  const single = lower.replace(/^(?:square|sq\.?|cubic) /, "");
  return (units[single] ?? single) + (area === "" ? "" : `^${area}`);
}

function readValue(text: string): Content {
  let rest = text, unit: string | null = null;
  const cut = (pattern: RegExp, name: (written: string, power: string) => string) => {
    const found = unit === null ? pattern.exec(rest) : null;
    if (found === null || found.index === 0) return;
    unit = name(found[1] ?? "", found[2] ?? "");
    rest = rest.slice(0, found.index).trim();
  };
  if (rest.startsWith("$") && rest.length > 1 || rest.startsWith("-$")) {
    unit = "$";
    rest = rest.replace("$", "");
  }
  cut(/ ?\\text\{([^{}]*)\}(?:\^\{?([23])\}?)?$/, unitName);
  cut(/%$/, () => "%");
  // The degrees of "\tan 15^\circ" belong to its argument.
  if (!/(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])/.test(rest)) cut(/\^\\circ ?$/, () => "deg");
  cut(bareUnit, unitName);
  const value = parseExpression(rest);
  return value === null ? { kind: "unread" } : { kind: "value", value, unit };
}

/** Whether a text is one number whose commas group its digits. */
function isGrouped(text: string): boolean {
  return /^[-+]?\$?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])[^,]*$/.test(text);
}

const opening = "([{«", closingMarks = ")]}»";

function depthAt(text: string, end: number): number {
  let depth = 0;
  for (let i = 0; i < end; i++) {
    if (opening.includes(text[i]!)) depth++;
    else if (closingMarks.includes(text[i]!)) depth--;
  }
  return depth;
}

/** Where the bracket at `start` closes, whatever its kind: an interval may open and close differently. */
function closes(text: string, start: number): number {
  for (let i = start, depth = 0; i < text.length; i++) {
    if (opening.includes(text[i]!)) depth++;
    else if (closingMarks.includes(text[i]!) && --depth === 0) return i;
  }
  return -1;
}

/** The pieces between separators that stand in no bracket and no matrix. */
function split(text: string, ...separators: readonly string[]): string[] {
  if (text.includes("\\begin")) return [text];
  const pieces: string[] = [];
  let depth = 0, start = 0;
  for (let i = 0; i < text.length; i++) {
    if (opening.includes(text[i]!)) depth++;
    else if (closingMarks.includes(text[i]!)) depth--;
    const separator = depth === 0 ? separators.find((mark) => text.startsWith(mark, i)) : undefined;
    if (separator === undefined) continue;
    pieces.push(text.slice(start, i));
    start = i + separator.length;
    i = start - 1;
  }
  return [...pieces, text.slice(start)];
}
