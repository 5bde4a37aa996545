// Text of unknown origin (arm names, ids, failures, paths) as text and nothing else in what the gate writes: whatever has
// no shape of its own is shown as harness/base/visible_text.ts has it, and a line of a megabyte is cut.

import { visibleText } from "../../base/visible_text.ts";

/** Longer texts are cut. */
const MOST = 300;

/** As Markdown: no character that GitHub's dialect, or HTML within it, reads as more than itself. */
export function inMarkdown(text: string): string {
  return visibleText(text, MOST).replace(
    /[^\p{L}\p{M}\p{N} .,;%=+/'…·():-]|:(?! )/gu,
    (character) => `&#${character.codePointAt(0)};`,
  );
}

/** As XML, in an element or an attribute. */
export function inXml(text: string): string {
  return visibleText(text, MOST).replace(/[<>&"']/g, (character) => `&#${character.codePointAt(0)};`);
}
