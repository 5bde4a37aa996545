import { equal } from "node:assert/strict";
import { extractAnswer, extractLeniently, lastBoxed } from "../../../tasks/math/extract.ts";

Deno.test("extractAnswer() takes the last closed <answer>, and the box in it", () => {
  equal(extractAnswer("<answer>\n1\n</answer>\n<answer>\n\\frac{1}{2}\n</answer>\n"), "\\frac{1}{2}");
  equal(extractAnswer("<answer>So it is $\\boxed{\\{1\\}}$.</answer>"), "\\{1\\}");
  equal(extractAnswer("<answer>1"), null);
  equal(extractAnswer("1</answer>"), null);
  equal(extractAnswer("<answer> </answer>"), null);
  equal(extractAnswer(""), null);
});

Deno.test("lastBoxed() finds where the brace closes", () => {
  equal(lastBoxed("\\boxed{1} and \\boxed{\\frac{1}{\\sqrt{2}}}."), "\\frac{1}{\\sqrt{2}}");
  equal(lastBoxed("\\boxed{\\{1, 2\\}}"), "\\{1, 2\\}");
  equal(lastBoxed("\\boxed 2"), "2");
  equal(lastBoxed("\\boxed{1"), null);
  equal(lastBoxed("none"), null);
});

Deno.test("extractLeniently() takes a box, what follows a mark, or the last number", () => {
  equal(extractLeniently("<answer>3</answer> but \\boxed{4}"), "3");
  equal(extractLeniently("3 or \\boxed{4}, not 5"), "4");
  equal(extractLeniently("work 1\n#### 1,234"), "1,234");
  equal(extractLeniently("The answer is 7.\nThank you 2 all"), "7.");
  equal(extractLeniently("It makes 12, or 1,300 in all"), "1,300");
  equal(extractLeniently("no idea"), null);
  equal(extractLeniently("It makes 12, then", true), null);
  equal(extractLeniently("\\boxed{4} and then", true), "4");
});
