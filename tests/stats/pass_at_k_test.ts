import { equal, throws } from "node:assert/strict";
import { majAtK, passAtK } from "../../harness/stats/pass_at_k.ts";
import { near } from "./near.ts";

/** All ways to choose k of the values. */
function subsets<T>(values: readonly T[], k: number): T[][] {
  if (k === 0) return [[]];
  return values.flatMap((value, i) => subsets(values.slice(i + 1), k - 1).map((rest) => [value, ...rest]));
}

function vote(answers: readonly (string | null)[], gold: string): number {
  const counts = new Map<string, number>();
  for (const answer of answers) if (answer !== null) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const most = Math.max(0, ...counts.values()), winners = [...counts].filter(([, count]) => count === most);
  return winners.some(([answer]) => answer === gold) ? 1 / winners.length : 0;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

Deno.test("passAtK() is the share of k-subsets with a right one", () => {
  for (const [n, c] of [[5, 0], [5, 1], [6, 3], [6, 6], [1, 1]] as const) {
    const right = Array.from({ length: n }, (_, i) => i < c);
    for (let k = 1; k <= n; k++) {
      near(
        passAtK(n, c, k),
        mean(subsets(right, k).map((some) => some.includes(true) ? 1 : 0)),
      );
    }
  }
});

Deno.test("passAtK() is c / n at k = 1, does not overflow, and refuses counts that do not fit", () => {
  near(passAtK(200, 13, 1), 13 / 200);
  near(passAtK(1e6, 10, 1000), 0.009955, 3); // 1 - (1 - 1000 / 10^6)^10, nearly
  for (const [n, c, k] of [[5, 6, 1], [5, 1, 6], [5, 1, 0], [0, 0, 1], [5, NaN, 1], [5, -1, 1]] as const) {
    throws(() => passAtK(n, c, k), { name: "RangeError", message: /Cannot estimate pass@/ });
  }
});

Deno.test("majAtK() is the mean vote over all k-subsets: ties split, abstentions none", () => {
  const cases: (string | null)[][] = [
    ["1", "1", "2", "3", null],
    ["2", "2", "1", "1", "3", "3", null],
    ["1", "2", "3", "4"],
    ["2", "3", "3"],
    ["1", "1", "1"],
    [null, null, "1", "2"],
    [null, null],
  ];
  for (const answers of cases) {
    for (let k = 1; k <= answers.length; k++) {
      near(majAtK(answers, "1", k), mean(subsets(answers, k).map((some) => vote(some, "1"))));
    }
  }
});

Deno.test("majAtK() takes a hundred answers, and refuses a k that does not fit", () => {
  const answers = Array.from({ length: 100 }, (_, i) => i % 3 === 0 ? null : String(i % 7));
  equal(majAtK(answers, "nowhere", 50), 0);
  near(majAtK([...answers, ...new Array<string>(60).fill("gold")], "gold", 160), 1);
  for (const k of [0, 4, 1.5]) throws(() => majAtK(["1", "2", "3"], "1", k), { name: "RangeError", message: /maj@/ });
  throws(() => majAtK([], "1", 1), RangeError);
});
