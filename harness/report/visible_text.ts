// Text of others made harmless to the eye: what would hide, reorder or break a line is shown as a mark instead. Control
// characters become their pictures (U+2400 and up), everything of format (Unicode's Cf: bidi overrides, zero widths,
// tags) and lone surrogates become [U+202E]. Line feeds, tabs and the two joiners of scripts and emoji stay.

const HIDDEN = /(?![\n\t])\p{Cc}|(?![\u200c\u200d])\p{Cf}|[\p{Zl}\p{Zp}\p{Cs}]/gu;

/** The text with everything invisible in it made visible; a well-formed string. */
export function visibleText(text: string): string {
  return text.replace(HIDDEN, (hidden) => {
    const code = hidden.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}
