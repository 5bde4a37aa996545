// Hostile text must reach the terminal as text.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { visibleLines, visiblePage, visibleText } from "../../harness/base/visible_text.ts";

Deno.test("visibleText() shows what a terminal would obey or hide", () => {
  equal(visibleText("a\x1b[31mred\x1b[0m"), "a\\x1b[31mred\\x1b[0m");
  equal(visibleText("one\rtwo\n\tthree\0\x07\x7f\x9b1m"), "one\\rtwo\\n\\tthree\\x00\\x07\\x7f\\x9b1m");
  equal(visibleText("a\u202eb\u2066c\u200bd\ufeffe\u2028f"), "a\\u{202e}b\\u{2066}c\\u{200b}d\\u{feff}e\\u{2028}f");
  equal(visibleText("\ud83d lone \udc00"), "\\u{d83d} lone \\u{dc00}");
  equal(visibleText("tags \u{e0041}"), "tags \\u{e0041}");
  equal(visibleText("\ue000\ufffe é 漢 👍"), "\\u{e000}\\u{fffe} é 漢 👍");
});

Deno.test("visibleText() leaves letters of all scripts, emoji and quotes", () => {
  const text = `שלום 12 مرحبا – "Ärger" 漢字 🍎 <script>&amp;`;
  equal(visibleText(text), text);
});

Deno.test("visibleText() never lets a control or format character through, whatever the code", () => {
  for (let code = 0; code < 0x3000; code++) {
    const shown = visibleText(String.fromCodePoint(code));
    ok(!/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u.test(shown), `U+${code.toString(16)} came through`);
  }
});

Deno.test("visibleText() clips a megabyte and says how long it is", () => {
  const shown = visibleText("x".repeat(1_000_000), 50);
  equal(shown, `${"x".repeat(50)}… (1000000 characters)`);
  equal(visibleText("exactly", 7), "exactly");
  equal(visibleText("🍎🍎", 3), "🍎… (4 characters)", "no half of a pair stays");
});

Deno.test("visibleLines() keeps line ends as lines, so many of them", () => {
  deepEqual(visibleLines("a\nb\x1b\nc", 9, 9), ["a", "b\\x1b", "c"]);
  deepEqual(visibleLines("a\nb\nc", 1, 9), ["a", "… (2 more lines)"]);
  deepEqual(visibleLines("a\nb", 1, 9), ["a", "… (1 more line)"]);
  match(visibleLines("y".repeat(2_000_000), 3, 10)[0] ?? "", /^y{10}… \(2000000 characters\)$/);
});

Deno.test("visiblePage() keeps line ends and nothing else", () => {
  equal(visiblePage("a\nb\r\x1b[2J\u202e"), "a\nb\\r\\x1b[2J\\u{202e}");
});
