import { deepEqual, equal } from "node:assert/strict";
import { gradeMath, gradeMathLeniently, mathRewardNames } from "../../../tasks/math/grade.ts";
import { layOut } from "../../../tasks/rewards.ts";

const item = { id: "half", question: "What is half of one?", gold: "\\frac{1}{2}" };

Deno.test("gradeMath() pays an answer of the same value in the layout in full", () => {
  const grade = gradeMath(item, layOut("Half of 1.", "0.5"), false);
  deepEqual(grade, { status: "correct", extracted: "0.5", rewards: [1, 0.5, 0, 0.5] });
  equal(grade.rewards.length, mathRewardNames.length);
});

Deno.test("gradeMath() calls what it does not find unparseable or truncated, and what it cannot read wrong", () => {
  equal(gradeMath(item, "\\boxed{0.5}", false).status, "unparseable");
  equal(gradeMath(item, "\\boxed{0.5}", true).status, "truncated");
  equal(gradeMath(item, layOut("", "0.5.5"), true).status, "wrong");
  equal(gradeMath(item, layOut("", "x".repeat(3000)), false).rewards[0], 0);
});

Deno.test("gradeMathLeniently() finds an answer without the layout", () => {
  deepEqual(gradeMathLeniently(item, "\\boxed{0.5}", false), { status: "correct", extracted: "0.5" });
  deepEqual(gradeMathLeniently(item, "The answer is \\frac12.", false), { status: "correct", extracted: "\\frac12." });
  deepEqual(gradeMathLeniently(item, "So 0.51", false), { status: "wrong", extracted: "0.51" });
  deepEqual(gradeMathLeniently(item, "no idea", true), { status: "truncated", extracted: null });
});

Deno.test("gradeMath() calls an answer that algebra left undecided a timeout, and pays it nothing", () => {
  const gold = { id: "x", question: "?", gold: "\\sqrt{2}+\\sqrt{3}" }, text = layOut("", "\\sqrt{5+2\\sqrt{6}}");
  equal(gradeMath(gold, text, false).status, "correct");
  const grade = gradeMath(gold, text, false, () => "undecided");
  deepEqual([grade.status, grade.rewards[0], grade.extracted], ["timeout", 0, "\\sqrt{5+2\\sqrt{6}}"]);
  equal(gradeMath(gold, text, false, () => "different").status, "wrong");
  const never = () => {
    throw new Error("asked");
  };
  equal(gradeMath(gold, layOut("", "0.5.5"), false, never).status, "wrong"); // what cannot be read was not timed
  equal(gradeMath(gold, layOut("", "9"), false, never).status, "wrong"); // floats tell
  const pair = { ...gold, gold: `(1, ${gold.gold})` };
  equal(gradeMath(pair, layOut("", "(2, \\sqrt{5+2\\sqrt{6}})"), false, () => "undecided").status, "wrong"); // 1 is not 2
  equal(gradeMath(pair, layOut("", "(1, \\sqrt{5+2\\sqrt{6}})"), false, () => "undecided").status, "timeout");
});
