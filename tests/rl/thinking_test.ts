import { deepEqual, equal } from "node:assert/strict";
import type { Grade, TaskItem } from "../../harness/contract.ts";
import { answerEnd, reflections, thinkingOf } from "../../harness/rl/thinking.ts";
import { gsm8k } from "../../tasks/gsm8k.ts";

Deno.test("reflections() counts listed words and phrases, each place once, in any case", () => {
  const counts: [string, number][] = [
    ["12+7=19", 0],
    ["Wait, that is wrong. Let me check: 3. Alternatively, 4.", 3],
    ["WAIT wait", 2],
    ["Let's double-check this; another way is to add.", 2],
    ["I should verify. On second thought, hmm, hold on.", 4],
    ["She waits for the waiter and checks in.", 0],
    ["I'll recheck it, rechecking helps.", 2],
  ];
  for (const [text, count] of counts) equal(reflections(text), count, text);
});

Deno.test("answerEnd() finds the first number of the value, whole, with its sign and commas", () => {
  const first = (text: string, answer: string) => {
    const end = answerEnd(text, answer);
    return end === null ? null : text.slice(0, end);
  };
  equal(first("12+7=19; 19-5=14", "19"), "12+7=19");
  equal(first("12+7=19; 19-5=14", "5"), "12+7=19; 19-5");
  equal(first("12+7=19; 19-5=14", "1"), null);
  equal(first("it is -5 or 5", "-5"), "it is -5");
  equal(first("9 - 5 = 4, so 4-5=-1", "-5"), null);
  equal(first("9 - 5 = 4, so 4-5=-1", "-1"), "9 - 5 = 4, so 4-5=-1");
  equal(first("in all 1,234 pens", "1234"), "in all 1,234");
  equal(first("1,2,3 and 4", "2"), "1,2");
  equal(first("the price is $18.00.", "18"), "the price is $18.00");
  equal(first("about 3.5 or .5", "0.5"), "about 3.5 or .5");
  equal(first("36 is 3 and 6", "3"), "36 is 3");
  equal(first("thus \\frac{1} {2} it is", "\\frac{1}{2}"), "thus \\frac{1} {2}");
  equal(first("(5 + 7)*2", "(5+7)*2"), "(5 + 7)*2");
  equal(first("nothing", ""), null);
});

/** A token for each character. */
const letters = { decode: (ids: Iterable<number>) => String.fromCharCode(...ids) };
const tokensOf = (text: string) => Int32Array.from(text, (letter) => letter.charCodeAt(0));
const item: TaskItem = { id: "q", question: "?", gold: "14" };

function measured(text: string) {
  const completion = { tokens: tokensOf(text), text };
  return thinkingOf(gsm8k, letters, item, completion, gsm8k.grade(item, text, false));
}

Deno.test("thinkingOf() counts tokens up to the first right answer, and regrades at each budget below the length", () => {
  const answer = "<answer>14</answer>";
  deepEqual(measured(`${answer} wait`), { firstCorrect: 10, reflections: 1, correctAt: [] });
  const long = `${answer}${" ".repeat(50)}`; // 69 tokens: right from the 19th on
  deepEqual(measured(long).correctAt, [32, 64]);
  deepEqual(measured(`I say 14 <answer>15</answer>`), { firstCorrect: 8, reflections: 0, correctAt: [] });
  deepEqual(measured("<answer>14</answer> or, as she may say, <answer>15</answer>").correctAt, [32]);
  equal(measured("I do not know").firstCorrect, null);
});

Deno.test("thinkingOf() of a right completion has a place for its answer, whatever its spelling", () => {
  const grade: Grade = { status: "correct", extracted: "fourteen", rewards: [1] };
  const of = (text: string, extracted: string | null) =>
    thinkingOf(gsm8k, letters, item, { tokens: tokensOf(text), text }, { ...grade, extracted }).firstCorrect;
  equal(of("It is fourteen.", "fourteen"), 14);
  equal(of("It is XIV.", null), 10);
  equal(of("", null), 0);
});
