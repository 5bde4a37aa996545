// Text of others on a terminal: what a terminal would obey (escape sequences, carriage returns, bidi overrides) or would
// not show (zero-width characters, lone surrogates) becomes a visible escape, and what is too long is clipped and says
// how long it is. Letters of right-to-left scripts stay as they are.

/** Control and format characters, lone surrogates, private and unassigned ones, line and paragraph separators. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** On one line, with at most so many characters (UTF-16 units) of the text. */
export function visibleText(text: string, most = Infinity): string {
  const shown = text.length <= most ? text : text.slice(0, most).replace(/[\ud800-\udbff]$/, "");
  const clipped = shown === text ? "" : `… (${text.length} characters)`;
  return shown.replace(HIDDEN, escapeOf) + clipped;
}

/** The text line by line, at most so many of them, each as {@linkcode visibleText}. */
export function visibleLines(text: string, lines: number, most: number): string[] {
  const all = text.split("\n"), left = all.length - lines;
  const shown = all.slice(0, lines).map((line) => visibleText(line, most));
  return left > 0 ? [...shown, `… (${left} more ${left === 1 ? "line" : "lines"})`] : shown;
}

/** A finished page of text: only its line ends stay. */
export function visiblePage(text: string): string {
  return text.replace(HIDDEN, (character) => character === "\n" ? character : escapeOf(character));
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0, hex = code.toString(16);
  return SHORT[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`);
}
