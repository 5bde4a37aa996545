// The graders beside the reference: what Memory-R's released code takes for the answer (utils_gsm8k.py: what stands after
// the last <answer>, compared character for character with what follows "####"). On answers in the layout they agree; where
// they do not, the case is named here. The reward is the released one always, the accuracy is ours.

import { deepEqual, equal } from "node:assert/strict";
import { correctnessReward, gradeLayout, gradeLayoutLeniently, layOut } from "../../tasks/rewards.ts";

/** extract_xml_answer(text) == gold of the released code, in its own words. */
function released(text: string, gold: string): boolean {
  const answer = text.split("<answer>").at(-1)!;
  return answer.split("</answer>")[0]!.trim() === gold;
}

const item = (gold: string) => ({ id: "x", question: "?", gold });
const strict = (text: string, gold: string) => gradeLayout(item(gold), text, false).status === "correct";
const lenient = (text: string, gold: string) => gradeLayoutLeniently(item(gold), text, false).status === "correct";

Deno.test("strict grading agrees with the released extraction on answers in the layout, right and wrong", () => {
  const answers = ["18", "-3", "0", "1080", "2.5", "7", "10", "100000"];
  for (const gold of answers) {
    for (const answer of answers) {
      for (const reasoning of ["18 eggs at $2", "so 3 + 4 = 7", "<answer> is a tag"]) {
        const text = layOut(reasoning, answer);
        equal(strict(text, gold), released(text, gold), `${answer} for ${gold}`);
        equal(lenient(text, gold), released(text, gold), `${answer} for ${gold}`);
      }
    }
  }
});

Deno.test("strict grading differs from the released extraction in these cases, and in them alone", () => {
  // text, gold, released, strict, lenient
  const cases: readonly [string, string, boolean, boolean, boolean][] = [
    ["<answer>18.0</answer>", "18", false, true, true], // by value
    ["<answer>$18</answer>", "18", false, true, true], // without currency
    ["<answer>1,080</answer>", "1080", false, true, true], // without commas
    ["<answer>18.</answer>", "18", false, true, true], // without a final point
    ["<answer>18", "18", true, false, true], // cut off before the tag is closed
    ["18", "18", true, false, true], // no layout at all
    ["<answer>18 eggs</answer>", "18", false, false, true], // words beside the number
    ["<answer>9 + 9 = 18</answer>", "18", false, false, true],
    ["The answer is 18.", "18", false, false, true],
    ["#### 18", "18", false, false, true],
    ["so \\boxed{18}", "18", false, false, true],
    ["<answer>eighteen</answer>", "18", false, false, false],
    ["<answer>19</answer> or 18", "18", false, false, false], // the tag decides
    ["<answer>18</answer><answer>19</answer>", "18", false, false, false], // the last one
    ["", "18", false, false, false],
  ];
  for (const [text, gold, theirs, ours, leniently] of cases) {
    deepEqual([released(text, gold), strict(text, gold), lenient(text, gold)], [theirs, ours, leniently], text);
  }
});

Deno.test("correctnessReward() is the released comparison, whatever the accuracy says", () => {
  for (
    const text of [
      "<answer>18</answer>",
      "<answer>18.0</answer>",
      "18",
      "<answer>18",
      "<answer>1</answer><answer> 18 \n",
      "",
    ]
  ) {
    equal(correctnessReward(text, "18") === 1, released(text, "18"), text);
  }
});
