// HTML as a tagged template. Every value that goes in is escaped and made visible (visible_text.ts), in texts and in
// quoted attributes alike; markup goes in only as the Html of another template. There is no way to pass raw markup in,
// except for the three kinds of content that HTML does not escape, each with its own guard: style, script and JSON.

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { visibleText } from "./visible_text.ts";

/** Markup that a template made. */
export class Html {
  #text: string;
  constructor(key: typeof ownKey, text: string) {
    if (key !== ownKey) throw new TypeError("Cannot make markup: it is made by html`…` alone");
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}
const ownKey = Symbol("html.ts");

/** What may stand in a template; null and false stand for nothing. */
export type Part = string | number | Html | null | false | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Markup with escaped values. Attributes must be quoted. Line breaks where a template begins and ends are not its own. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  const last = strings.length - 1;
  const text = strings.reduce((text, string, i) => {
    const begun = i === 0 ? string.replace(/^\n\s*/, "") : text + textOf(values[i - 1] ?? null) + string;
    return i === last ? begun.replace(/\n\s*$/, "") : begun;
  }, "");
  return new Html(ownKey, text);
}

function textOf(part: Part): string {
  if (part === null || part === false) return "";
  if (part instanceof Html) return part.toString();
  if (typeof part === "object") return part.map(textOf).join("");
  return visibleText(String(part)).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

/** A page's first line and its root. */
export function documentText(root: Html): string {
  return `<!doctype html>\n${root}\n`;
}

/** A value as JSON in a script element that is never run: nothing in it can end the element or a line of it. */
export function jsonScript(id: string, value: unknown): Html {
  const json = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return new Html(ownKey, `${html`<script type="application/json" id="${id}">`}${json}</script>`);
}

/** Bytes in a script element that is never run, in base64. */
export function bytesScript(id: string, bytes: Uint8Array): Html {
  return new Html(
    ownKey,
    `${html`<script type="application/octet-stream" id="${id}">`}${Buffer.from(bytes).toString("base64")}</script>`,
  );
}

/** A script or style of ours, as the page holds it, and the source that a content security policy admits it by. */
export interface Inlined {
  readonly element: Html;
  readonly source: string;
}

/** @throws RangeError for a text that would end its element */
export function inlineScript(text: string, kind: "module" | "classic" = "module"): Inlined {
  return inlined(kind === "module" ? '<script type="module">' : "<script>", text, "script");
}

/** @throws RangeError for a text that would end its element */
export function inlineStyle(text: string): Inlined {
  return inlined("<style>", text, "style");
}

function inlined(open: string, text: string, name: "script" | "style"): Inlined {
  if (/<\/(?:script|style)|<!--/i.test(text)) throw new RangeError(`Cannot inline a ${name}: its text would end it`);
  const element = new Html(ownKey, `${open}${text}</${name}>`);
  return { element, source: `'sha256-${createHash("sha256").update(text).digest("base64")}'` };
}
