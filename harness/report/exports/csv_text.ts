// Comma-separated values after RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180), safe to open in a spreadsheet: a text
// that one would take for a formula gets an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection),
// and a control character becomes its escape. Numbers are written as ECMAScript writes them.

/** null is an empty field. */
export type CsvValue = string | number | boolean | null;

/** The table as text; every line ends in CR LF. @throws TypeError for a number that is not finite */
export function csvText(header: readonly string[], rows: Iterable<readonly CsvValue[]>): string {
  const lines = [header.map(field).join(",")];
  for (const row of rows) lines.push(row.map(field).join(","));
  return lines.map((line) => `${line}\r\n`).join("");
}

function field(value: CsvValue): string {
  if (value === null) return "";
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`Cannot write ${value} as CSV`);
  if (typeof value !== "string") return String(value);
  const tame = value.toWellFormed().replaceAll(control, escape);
  const text = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/.test(tame) ? `'${tame}` : tame;
  return /[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Control characters other than tab and line ends, and those that change the direction of text. */
// deno-lint-ignore no-control-regex
const control = /[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
