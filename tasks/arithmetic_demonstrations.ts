// Completions that a policy can be pre-trained on: the skill (clean written steps) and the bad habits of a tiny
// pretrained model. Only "clean" is reliably right, so that its share in a mixture sets how often the policy succeeds.
// A guess is right once in 25; a sloppy or broken completion never is, for the rewards and for the accuracy alike.

import type { Prng } from "../harness/base/prng.ts";
import { apply, type Problem } from "./arithmetic.ts";
import { layOut } from "./rewards.ts";

/** Ways to answer: see {@linkcode demonstrate}. */
export type Habit = "clean" | "sloppy" | "guess" | "broken";

const fillers = ["let me think", "it is not many", "I am not sure", "I think it is so", "the answer is near"];

/** Words of demonstrations; questions have words of their own. */
export const demonstrationWords: readonly string[] = [...new Set([...fillers, "the answer is"].join(" ").split(" "))]
  .sort();

/**
 * A completion of the problem, always with a line break at its end.
 * - clean: the layout, every step right: `5+3=8; 8-2=6`
 * - sloppy: the layout, steps that go wrong, the answer that they lead to
 * - guess: the layout, a phrase instead of steps, an answer within 12 of the right one
 * - broken: tags missing or around the wrong thing, no answer to be found
 */
export function demonstrate(problem: Problem, habit: Habit, random: Prng): string {
  switch (habit) {
    case "clean": {
      const { line, answer } = work(problem, problem.steps.map(() => 0));
      return layOut(line, String(answer));
    }
    case "sloppy": {
      const { line, answer } = slip(problem, random);
      return layOut(line, String(answer));
    }
    case "guess":
      return layOut(random.pick(fillers), String(guess(problem, random)));
    case "broken":
      return breakLayout(random.int(2) === 0 ? slip(problem, random).line : random.pick(fillers), problem, random);
  }
}

/** Works the steps in order; `slips[i]` is added to the result of step i and carried on. */
function work({ start, steps }: Problem, slips: readonly number[]): { line: string; answer: number } {
  let value = start;
  const written = steps.map(({ operation, operand }, i) => {
    // After a slip a division need not come out even, nor a difference positive.
    const result = Math.max(0, Math.floor(apply(value, operation, operand)) + slips[i]!);
    const text = `${value}${operation}${operand}=${result}`;
    value = result;
    return text;
  });
  return { line: written.join("; "), answer: value };
}

/** Works the steps with at least one slip, ending at a wrong answer. */
function slip(problem: Problem, random: Prng): { line: string; answer: number } {
  for (;;) {
    const certain = random.int(problem.steps.length);
    const slips = problem.steps.map((_, i) =>
      i === certain || random.int(4) === 0 ? random.pick([-10, -3, -2, -1, 1, 2, 3, 10]) : 0
    );
    const worked = work(problem, slips);
    if (worked.answer !== problem.answer) return worked;
  }
}

/** A number within 12 of the answer, each as likely as the others. */
function guess({ answer }: Problem, random: Prng): number {
  const lowest = Math.max(0, answer - 12);
  return lowest + random.int(25);
}

function breakLayout(line: string, problem: Problem, random: Prng): string {
  const said = `the answer is ${guess(problem, random)}`;
  switch (random.int(5)) {
    case 0:
      return `${line}\n${said}\n`;
    case 1:
      return `<reasoning>\n${line}\n</reasoning>\n`;
    case 2:
      return `<reasoning>\n${line}\n${said}\n`;
    case 3:
      return `<answer>\n${line}\n</answer>\n`;
    default:
      return Array.from({ length: 2 + random.int(4) }, () => random.pick(fillers)).join(". ") + ".\n";
  }
}
