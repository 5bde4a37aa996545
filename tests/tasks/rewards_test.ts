import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { TaskItem } from "../../harness/contract.ts";
import {
  correctnessReward,
  extractNumber,
  extractNumberLeniently,
  gradeLayout,
  gradeLayoutLeniently,
  integerReward,
  layOut,
  rewardNames,
  softFormatReward,
  strictFormatReward,
  tagCountReward,
} from "../../tasks/rewards.ts";

const item: TaskItem = { id: "x", question: "How many?", gold: "18" };

/** |a - b| within the rounding of a few additions. */
function close(a: number, b: number, text: string) {
  ok(Math.abs(a - b) < 1e-12, `${a} is not ${b}: ${JSON.stringify(text)}`);
}

Deno.test("gradeLayout() gives the layout with a right answer 1 + 0.5 + 0.5 + 0 + 0.5", () => {
  deepStrictEqual(rewardNames, ["correctness", "integer", "strictFormat", "softFormat", "tagCount"]);
  deepStrictEqual(gradeLayout(item, layOut("9+9=18", "18"), false), {
    status: "correct",
    extracted: "18",
    rewards: [1, 0.5, 0.5, 0, 0.5],
  });
});

Deno.test("correctnessReward() compares the stripped text after the last <answer>, character for character", () => {
  strictEqual(correctnessReward("<answer> 18\n</answer>", "18"), 1);
  strictEqual(correctnessReward("<answer>18", "18"), 1);
  strictEqual(correctnessReward("<answer>17</answer><answer>18</answer> so 19", "18"), 1);
  strictEqual(correctnessReward("<answer>18</answer><answer>17</answer>", "18"), 0);
  strictEqual(correctnessReward("<answer>1,800</answer>", "1800"), 0);
  strictEqual(correctnessReward("<answer>18.0</answer>", "18"), 0);
  strictEqual(correctnessReward("<answer>$18</answer>", "18"), 0);
});

Deno.test("correctnessReward() takes a text without tags whole, as the released code does", () => {
  strictEqual(correctnessReward(" 18 ", "18"), 1);
  strictEqual(correctnessReward("it is 18", "18"), 0);
  strictEqual(gradeLayout(item, "18", false).status, "unparseable");
});

Deno.test("integerReward() wants digits only, right or wrong", () => {
  for (const answer of ["18", "007", " 3\n", "٣"]) {
    strictEqual(integerReward(`<answer>${answer}</answer>`), 0.5, answer);
  }
  for (const answer of ["-3", "1,000", "2.5", "", "18 eggs", "$5"]) {
    strictEqual(integerReward(`<answer>${answer}</answer>`), 0, answer);
  }
});

Deno.test("strictFormatReward() wants one line of reasoning, one of answer and a line break at the end", () => {
  strictEqual(strictFormatReward(layOut("a", "b")), 0.5);
  strictEqual(strictFormatReward(layOut("", "")), 0.5);
  strictEqual(strictFormatReward(layOut("a", "b") + "\n"), 0.5, "Python's $ also stands before a last line break");
  const bad = [
    layOut("a", "b").trimEnd(),
    layOut("a\nb", "c"),
    layOut("a", "b\nc"),
    " " + layOut("a", "b"),
    layOut("a", "b") + "c",
    layOut("a", "b") + "\n\n",
    "<reasoning>a</reasoning><answer>b</answer>",
  ];
  for (const text of bad) strictEqual(strictFormatReward(text), 0, JSON.stringify(text));
});

Deno.test("softFormatReward() wants both pairs of tags at the start, each on one line", () => {
  strictEqual(softFormatReward("<reasoning>a</reasoning><answer>b</answer>"), 0.5);
  strictEqual(softFormatReward("<reasoning>a</reasoning>\n\n <answer>b</answer> and more"), 0.5);
  const bad = [
    layOut("a", "b"),
    "so <reasoning>a</reasoning><answer>b</answer>",
    "<reasoning>a</reasoning> so <answer>b</answer>",
    "<reasoning>a\n</reasoning><answer>b</answer>",
    "<answer>b</answer><reasoning>a</reasoning>",
  ];
  for (const text of bad) strictEqual(softFormatReward(text), 0, JSON.stringify(text));
});

Deno.test("strictFormatReward() and softFormatReward() are never paid together", () => {
  for (const text of [layOut("a", "b"), layOut("", ""), layOut("</reasoning><answer></answer>", "b")]) {
    ok(strictFormatReward(text) === 0 || softFormatReward(text) === 0, text);
  }
});

Deno.test("tagCountReward() charges every character when the last line break is missing", () => {
  const cases: readonly [string, number][] = [
    [layOut("x".repeat(100), "6"), 0.5],
    [layOut("x".repeat(600), "6"), 0.5],
    [layOut("x".repeat(100), "6").trimEnd(), 0.355], // 146 characters: 0.5 - 0.146 + 0.001
    [layOut("x".repeat(600), "6").trimEnd(), -0.145], // 646 characters: 0.5 - 0.646 + 0.001
  ];
  for (const [text, reward] of cases) close(tagCountReward(text), reward, text);
});

Deno.test("tagCountReward() counts each tag with its line breaks once and charges what follows", () => {
  const cases: readonly [string, number][] = [
    ["", 0],
    ["<reasoning>\na", 0.125],
    ["<reasoning>\na\n</reasoning>\n", 0.25],
    ["<reasoning>\n<reasoning>\na\n</reasoning>\n", 0.125],
    ["<reasoning>\na\n</reasoning>\n<answer>\n6", 0.375 - 0.037],
    [layOut("a", "6") + "and so on", 0.5 - 2 * 0.009],
    ["6\n</answer>", 0.125 + 0.001],
    ["<reasoning>a</reasoning><answer>6</answer>", 0],
    ["\n<answer>\n😀", 0.125 - 0.011], // Python counts code points
  ];
  for (const [text, reward] of cases) close(tagCountReward(text), reward, text);
});

Deno.test("extractNumber() reads the number in the last <answer>, which must be closed", () => {
  const cases: readonly [string, string | null][] = [
    ["<answer>18</answer>", "18"],
    ["<answer>\n $1,080. \n</answer>", "1080"],
    ["<answer>-3.50</answer>", "-3.50"],
    ["<answer>1</answer><answer>2</answer> 3</answer>", "2"],
    ["<answer>18", null],
    ["18</answer>", null],
    ["</answer>18<answer>", null],
    ["<answer></answer>", null],
    ["<answer>18 eggs</answer>", null],
    ["<answer>9+9=18</answer>", null],
    ["<answer>0x12</answer>", null],
    ["<answer>1e3</answer>", null],
    ["18", null],
  ];
  for (const [text, number] of cases) strictEqual(extractNumber(text), number, text);
});

Deno.test("extractNumberLeniently() takes <answer>, then a box, then what follows ####, then the last number", () => {
  const cases: readonly [string, string | null][] = [
    ["<answer>18</answer> and 3 more", "18"],
    ["<answer>18 eggs</answer> and 3 more", "18"],
    ["<answer>9 + 9 = 18</answer>", "18"],
    ["<answer>\n18", "18"],
    ["so \\boxed{18}, not 19", "18"],
    ["so \\boxed{\\$1,080.50} in all", "1080.50"],
    ["work 3*6=18\n#### 18\nThat took 5 minutes", "18"],
    ["#### 1\n#### 18", "18"],
    ["#### none", null],
    ["The answer is 18.", "18"],
    ["She makes $1,234,567.89, wow", "1234567.89"],
    ["1,2,3", "3"],
    ["1,0000", "0000"],
    ["it sinks to -5 degrees", "-5"],
    ["he owes -$5", "-5"],
    ["10-3", "3"],
    ["10 - 3", "3"],
    ["(4)-3", "3"],
    ["= -3", "-3"],
    ["x2 and B12", null],
    [".5 of it", ".5"],
    ["so...42", "42"],
    ["7.", "7"],
    ["25%", "25"],
    ["no number", null],
    ["", null],
  ];
  for (const [text, number] of cases) strictEqual(extractNumberLeniently(text), number, text);
});

Deno.test("gradeLayoutLeniently() moves the status alone", () => {
  const verdict = (text: string, truncated = false) => gradeLayoutLeniently(item, text, truncated);
  deepStrictEqual(verdict("It is 18."), { status: "correct", extracted: "18" });
  deepStrictEqual(verdict("It is 18.", true), { status: "truncated", extracted: null }); // where the steps stood
  deepStrictEqual(verdict("#### 18", true), { status: "correct", extracted: "18" });
  deepStrictEqual(verdict("It is 18 or 19"), { status: "wrong", extracted: "19" });
  deepStrictEqual(verdict("It is many", true), { status: "truncated", extracted: null });
});

Deno.test("gradeLayout() compares by value and reports what became of the completion", () => {
  const status = (text: string, truncated = false) => gradeLayout(item, text, truncated).status;
  strictEqual(status("<answer>18.0</answer>"), "correct");
  strictEqual(status("<answer>$18.</answer>"), "correct");
  strictEqual(status("<answer>19</answer>"), "wrong");
  strictEqual(status("<answer>many</answer>"), "unparseable");
  strictEqual(status("<reasoning>\n9+9", true), "truncated");
  strictEqual(status("<answer>18</answer> and", true), "correct");
  strictEqual(status("<answer>19</answer> and", true), "wrong");
});
