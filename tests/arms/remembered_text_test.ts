import { equal } from "node:assert/strict";
import { rememberedText } from "../../harness/arms/remembered_text.ts";

const cases: readonly [text: string, reasoning: string | null][] = [
  ["<reasoning>\n1+1=2\n</reasoning>\n<answer>\n2\n</answer>\n", "1+1=2"],
  ["<reasoning>a</reasoning><reasoning> b </reasoning>", "b"], // the last one that begins
  ["<reasoning>a</reasoning> c </reasoning>", "a"], // up to the next one that ends
  ["<reasoning>a <reasoning>b</reasoning>", "b"],
  ["</reasoning> a", "</reasoning> a"],
  ["<reasoning> a", "<reasoning> a"], // cut off: the whole
  ["a </reasoning> <reasoning> b", "a </reasoning> <reasoning> b"],
  ["<reasoning> \n </reasoning> 7", "<reasoning> \n </reasoning> 7"], // a blank part: the whole
  ["  plain text\n", "plain text"],
  ["", null],
  [" \n\t\u00a0", null],
];

Deno.test("rememberedText() is the last reasoning part, the whole where there is none, null where that is blank", () => {
  for (const [text, reasoning] of cases) equal(rememberedText(text, "reasoning"), reasoning, JSON.stringify(text));
});

Deno.test("rememberedText() of the whole is the text without outer white space, or null", () => {
  for (const [text] of cases) equal(rememberedText(text, "whole"), text.trim() === "" ? null : text.trim());
});
