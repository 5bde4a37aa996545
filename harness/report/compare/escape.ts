// Text of unknown origin (arm names, ids, failures, paths) as text and nothing else, wherever it is shown. Control
// characters, bidi overrides and whatever else has no shape of its own become \u{…}; a line of a megabyte is cut.

/** Longer texts are cut. */
const MOST = 300;

/** One line that a terminal shows as it is written. */
export function inTerminal(text: string): string {
  const cut = text.length > MOST ? `${text.slice(0, MOST)}…` : text;
  return cut.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** As Markdown: no character that GitHub's dialect, or HTML within it, reads as more than itself. */
export function inMarkdown(text: string): string {
  return inTerminal(text).replace(
    /[^\p{L}\p{M}\p{N} .,;%=+/'…·():-]|:(?! )/gu,
    (character) => `&#${character.codePointAt(0)};`,
  );
}

/** As XML, in an element or an attribute. */
export function inXml(text: string): string {
  return inTerminal(text).replace(/[<>&"']/g, (character) => `&#${character.codePointAt(0)};`);
}
