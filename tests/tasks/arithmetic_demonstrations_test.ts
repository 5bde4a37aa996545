import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { itemOf, problem } from "../../tasks/arithmetic.ts";
import { demonstrate, demonstrationWords, type Habit } from "../../tasks/arithmetic_demonstrations.ts";
import { questionWords } from "../../tasks/arithmetic_wording.ts";
import { gradeLayout } from "../../tasks/rewards.ts";

const size = 400;

/** Demonstrations of a habit with their problems and grades. */
function demonstrations(habit: Habit, level = 2) {
  return Array.from({ length: size }, (_, i) => {
    const asked = problem("train", i, level);
    const completion = demonstrate(asked, habit, stream(0, "test", i));
    return { problem: asked, completion, grade: gradeLayout(itemOf(asked), completion, false) };
  });
}

/** Steps of a completion: those that compute rightly, and all. */
function countSteps(completion: string): { right: number; all: number } {
  const steps = [...completion.matchAll(/(\d+)([-+*/])(\d+)=(\d+)/g)];
  const right = steps.filter(([, a, operation, b, result]) => {
    const [x, y] = [Number(a), Number(b)];
    return { "+": x + y, "-": x - y, "*": x * y, "/": x / y }[operation!] === Number(result);
  });
  return { right: right.length, all: steps.length };
}

Deno.test('demonstrate() "clean" writes every step rightly and earns every reward that goes together', () => {
  for (const { problem: { steps }, completion, grade } of demonstrations("clean")) {
    deepStrictEqual(grade.rewards, [1, 0.5, 0.5, 0, 0.5]);
    strictEqual(grade.status, "correct");
    deepStrictEqual(countSteps(completion), { right: steps.length, all: steps.length });
  }
});

Deno.test('demonstrate() "clean" needs at most 40 tokens at level 2 and 60 at level 3, one a tag, digit, mark or space', () => {
  for (const [level, most] of [[2, 40], [3, 60]] as const) {
    for (const { completion } of demonstrations("clean", level)) {
      ok((completion.match(/<\/?\w+>|[^]/g) ?? []).length <= most, completion);
    }
  }
});

Deno.test('demonstrate() "sloppy" keeps the layout, slips in a step and ends at a wrong answer', () => {
  for (const { problem: { steps }, completion, grade } of demonstrations("sloppy")) {
    deepStrictEqual(grade.rewards, [0, 0.5, 0.5, 0, 0.5]);
    strictEqual(grade.status, "wrong");
    const { right, all } = countSteps(completion);
    strictEqual(all, steps.length);
    ok(right < all, completion);
    ok(completion.includes(`=${grade.extracted}\n</reasoning>`), "the answer follows the chain");
  }
});

Deno.test('demonstrate() "guess" keeps the layout without steps and is right once in 25', () => {
  const guesses = demonstrations("guess");
  for (const { completion, grade } of guesses) {
    strictEqual(grade.rewards[2], 0.5);
    strictEqual(countSteps(completion).all, 0);
  }
  const right = guesses.filter(({ grade }) => grade.status === "correct").length;
  ok(right > 0 && right < size * 0.08, `${right} of ${size} right`);
});

Deno.test('demonstrate() "broken" leaves no answer to be found and earns nothing for the layout or correctness', () => {
  const kinds = new Set<string>();
  for (const { completion, grade } of demonstrations("broken")) {
    strictEqual(grade.status, "unparseable");
    deepStrictEqual(grade.rewards.slice(0, 4), [0, 0, 0, 0]);
    kinds.add((completion.match(/<\/?\w+>/g) ?? []).join(""));
  }
  ok(kinds.size >= 4, [...kinds].join(" "));
});

Deno.test("demonstrate() is the same for the same stream, ends in a line break and keeps to its words", () => {
  const words = new Set([...demonstrationWords, ...questionWords]);
  for (const habit of ["clean", "sloppy", "guess", "broken"] as const) {
    for (let i = 0; i < size; i++) {
      const asked = problem("train", i, 3);
      const completion = demonstrate(asked, habit, stream(1, "test", i));
      strictEqual(completion, demonstrate(asked, habit, stream(1, "test", i)));
      ok(completion.endsWith("\n"));
      for (const word of completion.replace(/<\/?\w+>/g, "").match(/[A-Za-z]+/g) ?? []) ok(words.has(word), word);
    }
  }
});
