// One spelling for the many of LaTeX and of plain text: what a reader does not see is removed, and what means the same
// is written the same. It keeps meaning and undoes no mathematics; the output is for parse_answer.ts, not for people.
//
// In the output « and » are the braces of a set and ¶ ends a matrix row, so that "{" only groups and "\" only begins a
// command.

const unicode: Readonly<Record<string, string>> = {
  "−": "-",
  "–": "-",
  "×": "\\times ",
  "·": "\\cdot ",
  "÷": "\\div ",
  "°": "^\\circ ",
  "º": "^\\circ ",
  "π": "\\pi ",
  "θ": "\\theta ",
  "√": "\\sqrt ",
  "∞": "\\infty ",
  "∪": "\\cup ",
  "∈": "\\in ",
  "±": "\\pm ",
  "≤": "\\le ",
  "≥": "\\ge ",
  "≠": "\\ne ",
  "²": "^2",
  "³": "^3",
  "\u00a0": " ",
};

/** Commands that mean the same, or nothing: the pattern after the backslash, and what it becomes. */
const commands: readonly (readonly [RegExp, string])[] = [
  [/\\(?:[dtc]frac)(?![a-zA-Z])/g, "\\frac"],
  [/\\(?:[dt]binom)(?![a-zA-Z])/g, "\\binom"],
  [/\\(?:mbox|textbf|textit|textrm|textnormal|mathrm|mathbf|operatorname\*?|rm|bf)\s*\{/g, "\\text{"],
  [
    /\\(?:left|right|bigg?[lr]?|Bigg?[lr]?|displaystyle|textstyle|limits|quad|qquad|hspace\{[^{}]*\})(?![a-zA-Z])/g,
    " ",
  ],
  [/\\(?:leq|leqslant)(?![a-zA-Z])/g, "\\le"],
  [/\\(?:geq|geqslant)(?![a-zA-Z])/g, "\\ge"],
  [/\\neq(?![a-zA-Z])/g, "\\ne"],
  [/\\(?:lvert|rvert|vert)(?![a-zA-Z])/g, "|"],
  [/\\(?:lbrace|\{)/g, "«"],
  [/\\(?:rbrace|\})/g, "»"],
  [/\\degree(?![a-zA-Z])/g, "^\\circ"],
  [/\^\s*\{\s*\\circ\s*\}/g, "^\\circ"],
  [/\^\s*\\circ(?![a-zA-Z])/g, "^\\circ"],
];

/** Takes `$…$`, `\(…\)`, `\[…\]` and `\boxed{…}` from around a text, as often as they enclose all of it. */
function unwrap(text: string): string {
  for (let before = "";;) {
    before = text;
    text = text.trim();
    for (const [open, close] of [["$$", "$$"], ["$", "$"], ["\\(", "\\)"], ["\\[", "\\]"]] as const) {
      const inner = text.slice(open.length, text.length - close.length);
      if (text.length <= open.length + close.length || !text.startsWith(open) || !text.endsWith(close)) continue;
      if (text.at(-1 - close.length) === "\\" && close.startsWith("$")) continue;
      if (!inner.replaceAll("\\$", "").includes(close)) text = inner;
    }
    const box = /^\\(?:boxed|fbox)\s*\{/.exec(text)?.[0];
    if (box !== undefined && closingBrace(text, box.length - 1) === text.length - 1) {
      text = text.slice(box.length, -1);
    }
    if (text === before) return text;
  }
}

/** Where the brace that opens at `start` closes; -1 where it does not. Escaped braces do not count. */
export function closingBrace(text: string, start: number): number {
  for (let i = start, depth = 0; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return -1;
}

/** The text in one spelling. */
export function normaliseLatex(text: string): string {
  let result = text.replace(/[^\0-\x7e]/g, (character) => unicode[character] ?? character);
  result = result.replace(/\\\\(?:\[[^\]]*\])?/g, "¶");
  // A comma that groups digits is written ",\!" or "{,}"; after this it touches both.
  result = result.replace(/(\d)\s*(?:\{,\}|,\s*\\!)\s*(?=\d)/g, "$1,").replace(/\\!/g, "").replace(/\\[,;:> ]|~/g, " ");
  for (let before = ""; before !== result;) {
    before = result;
    result = unwrap(result.replace(/[.,;:\s]+$/, ""));
  }
  for (const [pattern, replacement] of commands) result = result.replace(pattern, replacement);
  return unspaced(result.replace(/\\%/g, "%").replace(/\\\$/g, "$").replace(/\\text\{\s*\}/g, ""));
}

/** Without the spaces that separate nothing. One stays between two letters or digits, and in "1, 080": two numbers. */
function unspaced(text: string): string {
  const squeezed = text.trim().replace(/\s+/g, " ");
  return squeezed.replace(/(.?) (?=(.))/g, (_, before: string, after: string) => {
    return /[a-zA-Z0-9.,]/.test(before) && /[a-zA-Z0-9.]/.test(after) ? `${before} ` : before;
  });
}
