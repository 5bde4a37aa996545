// A typed line, taken apart.

import { deepEqual, throws } from "node:assert/strict";
import { wordsOf } from "../../../harness/cli/explore/words.ts";

const texts = (line: string) => wordsOf(line).map(({ text }) => text);

Deno.test("wordsOf() splits at blanks and keeps quoted words together", () => {
  deepEqual(texts("  show  memory-r+,order=as-released\t0 "), ["show", "memory-r+,order=as-released", "0"]);
  deepEqual(texts(`neighbours "How many \\ apples?" 'it "is"' x`), [
    "neighbours",
    "How many \\ apples?",
    'it "is"',
    "x",
  ]);
  deepEqual(texts(`samples text="two words" id='a b'`), ["samples", "text=two words", "id=a b"]);
  deepEqual(texts(""), []);
  deepEqual(texts(`""`), [""]);
});

Deno.test("wordsOf() takes a quote inside of a word for a letter", () => {
  deepEqual(texts(`find Paul's 5" pipe`), ["find", "Paul's", `5"`, "pipe"]);
});

Deno.test("wordsOf() tells quoted words from others, which alone can be options", () => {
  deepEqual(wordsOf(`@wrong "@wrong"`), [{ text: "@wrong", quoted: false }, { text: "@wrong", quoted: true }]);
});

Deno.test("wordsOf() refuses a quote that is not closed", () => {
  throws(
    () => wordsOf(`samples text="two words`),
    /^MisuseError: Cannot read the line: the quote at text="two is not closed/,
  );
  throws(() => wordsOf(`show 'x`), /is not closed/);
});
