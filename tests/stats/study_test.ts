import { deepEqual, equal, ok } from "node:assert/strict";
import type { Answer, CellResults, Results } from "../../harness/records/results.ts";
import { cautiousP } from "../../harness/stats/cautious_test.ts";
import { holm } from "../../harness/stats/holm.ts";
import { differences, pairScores } from "../../harness/stats/scores.ts";
import { type Comparison, studyOf } from "../../harness/stats/study.ts";
import { tiersOf } from "../../harness/stats/tiers.ts";
import { twoWay } from "../../harness/stats/two_way.ts";
import { fakeStep } from "../fakes/records.ts";
import { fakeResults } from "../fakes/results.ts";

/** Scores of 20 questions with so many right ones, of which the first `shift` are wrong instead. */
const run = (right: number, shift = 0) =>
  Array.from({ length: 20 }, (_, item) => item >= shift && item < right + shift ? 1 : 0);

const only = (comparisons: readonly Comparison[]) => {
  equal(comparisons.length, 1);
  return comparisons[0]!;
};

const close = (found: number | undefined | null, expected: number) =>
  ok(Math.abs((found ?? NaN) - expected) < 1e-12, `${found} is not ${expected}`);

/** The same results with a cell changed. */
function withCell(results: Results, arm: string, seed: number, change: (cell: CellResults) => CellResults): Results {
  const cells = results.cells.map((cell) => cell.entry.arm === arm && cell.entry.seed === seed ? change(cell) : cell);
  return { ...results, cells, experiment: { ...results.experiment, cells: cells.map(({ entry }) => entry) } };
}

Deno.test("studyOf() has the numbers of two arms that can be counted by hand", () => {
  const study = studyOf(fakeResults({
    scores: { grpo: [[1, 0, 0, 0], [0, 0, 0, 0]], other: [[1, 1, 1, 0], [1, 1, 0, 0]] },
  }));
  const [grpo, other] = study.arms;
  close(grpo?.score?.value, 0.125);
  close(other?.score?.value, 0.625);
  deepEqual([other?.least, other?.most, other?.median], [0.5, 0.75, 0.625]);
  close(other?.optimalityGap, 0.375);
  deepEqual(other?.statuses, { correct: 0.625, wrong: 0.375, unparseable: 0, truncated: 0 });
  const { effect, differences, signFlip, questions, items, registered } = only(study.comparisons);
  equal(registered, true);
  equal(items, 4);
  close(effect.value, 0.5);
  deepEqual(differences, [{ seed: 0, difference: 0.5 }, { seed: 1, difference: 0.5 }]);
  deepEqual(signFlip, { p: 0.5, smallest: 0.5, exact: true });
  deepEqual([questions?.onlyArm, questions?.onlyAgainst], [2, 0]);
  close(questions?.p, 0.5);
});

Deno.test("studyOf() concludes better, worse, same and undecided by the stated rule", () => {
  const conclusion = (scores: Record<string, number[][]>, margin?: number) =>
    only(studyOf(fakeResults({ scores, ...(margin === undefined ? {} : { margin }) })).comparisons).conclusion;
  const low = [run(4), run(5), run(4), run(5)], high = [run(15), run(16), run(15), run(16)];
  equal(conclusion({ grpo: low, other: high }), "better");
  equal(conclusion({ grpo: high, other: low }), "worse");
  equal(conclusion({ grpo: high, other: high }), "same");
  equal(conclusion({ grpo: low, other: high }, 1), "same");
  equal(conclusion({ grpo: [run(4), run(12)], other: [run(9), run(8)] }), "undecided");
  equal(conclusion({ grpo: [run(2)], other: [run(20)] }), "undecided"); // one seed decides nothing
  equal(conclusion({ grpo: [run(5)], other: [run(5)] }), "undecided");
});

Deno.test("studyOf() pairs by seed and question, and names what has no partner", () => {
  const results = fakeResults({ scores: { grpo: [run(4), run(5), run(6)], other: [run(9), run(9), run(9)] } });
  const failed = withCell(results, "other", 1, ({ entry }) => ({
    entry: { ...entry, status: "failed", failure: "the disk was full" },
    record: null,
    steps: null,
    answers: null,
  }));
  const study = studyOf(failed), { seeds, unpaired } = only(study.comparisons);
  deepEqual(seeds, [0, 2]);
  deepEqual(unpaired.map(({ kind, side, seed }) => [kind, side, seed]), [["seed", "b", 1]]);
  deepEqual(study.arms[1]?.missing, [{ seed: 1, status: "failed", failure: "the disk was full" }]);
  ok(study.notes.some((note) => note.includes("other seed 1 (failed)")), study.notes.join("\n"));
});

Deno.test("studyOf() keeps what the plan registered apart from what came later", () => {
  const scores = { grpo: [run(4), run(5)], planned: [run(9), run(9)], later: [run(9), run(9)] };
  const { comparisons, arms } = studyOf(fakeResults({ scores, added: ["later"] }));
  deepEqual(comparisons.map(({ arm, registered }) => [arm, registered]), [["planned", true], ["later", false]]);
  deepEqual(arms.map(({ added }) => added), [false, false, true]);
});

Deno.test("studyOf() compares an arm again where seeds were added to it, as exploratory", () => {
  const results = fakeResults({ scores: { grpo: [run(4), run(5), run(4)], other: [run(9), run(9), run(2)] } });
  const amend = ({ entry, ...cell }: CellResults) => ({ ...cell, entry: { ...entry, amendment: 1 } });
  const grown = withCell(withCell(results, "grpo", 2, amend), "other", 2, amend);
  const { comparisons } = studyOf(grown);
  deepEqual(comparisons.map(({ registered, seeds }) => [registered, seeds]), [[true, [0, 1]], [false, [0, 1, 2]]]);
});

Deno.test("studyOf() corrects p by Holm within the registered family and within the others", () => {
  const scores = {
    grpo: [run(4), run(5), run(7)],
    a: [run(9), run(8), run(9)],
    b: [run(5, 3), run(7, 2), run(6)],
    c: [run(9), run(9), run(2)],
    d: [run(19), run(3), run(2)],
  };
  const results = fakeResults({ scores, added: ["c", "d"] }), { comparisons } = studyOf(results);
  for (const registered of [true, false]) {
    const family = comparisons.filter((comparison) => comparison.registered === registered);
    equal(family.length, 2);
    deepEqual(family.map(({ adjustedP }) => adjustedP), holm(family.map(({ p }) => p)));
  }
  const { arms } = studyOf(results), [grpo, a] = arms;
  equal(comparisons[0]?.p, cautiousP(twoWay(differences(pairScores(a!.scores, grpo!.scores)))));
});

Deno.test("studyOf() takes the evaluations where answers were not kept", () => {
  const results = fakeResults({ scores: { grpo: [run(4), run(6)], other: [run(9), run(9)] } });
  const cells = results.cells.map((cell) => ({ ...cell, answers: null }));
  const { arms, comparisons } = studyOf({ ...results, cells });
  close(arms[0]?.score?.value, 0.25);
  deepEqual(arms[0]?.scores.items, ["all"]);
  close(only(comparisons).effect.value, 0.2);
  equal(only(comparisons).questions, null);
});

Deno.test("studyOf() compares by evaluations where only one of two arms has its answers", () => {
  const results = fakeResults({ scores: { grpo: [run(4), run(6)], other: [run(9), run(9)] } });
  const cells = results.cells.map((cell) => cell.entry.arm === "grpo" ? { ...cell, answers: null } : cell);
  const { effect, items } = only(studyOf({ ...results, cells }).comparisons);
  equal(items, 1);
  close(effect.value, 0.2);
});

Deno.test("studyOf() has nothing to compare without a plan, a reference, or finished cells", () => {
  const results = fakeResults({ scores: { grpo: [run(4)], other: [run(9)] } });
  deepEqual(studyOf({ ...results, plan: null }).comparisons, []);
  const none = results.cells.map((cell) => ({
    ...cell,
    entry: { ...cell.entry, status: "pending" as const },
    record: null,
    answers: null,
  }));
  const { arms, comparisons } = studyOf({ ...results, cells: none });
  deepEqual(comparisons, []);
  deepEqual(arms.map(({ score, tier, curve }) => [score, tier, curve]), [[null, null, []], [null, null, []]]);
});

Deno.test("studyOf() makes learning curves of the seeds, by tokens only where steps were kept", () => {
  const { arms } = studyOf(fakeResults({ scores: { grpo: [run(4), run(8)] } }));
  deepEqual(arms[0]?.curve.map(({ updates, tokens, seeds }) => [updates, tokens, seeds]), [[0, null, 2], [
    10,
    null,
    2,
  ]]);
  close(arms[0]?.curve[1]?.value, 0.3);
  close(arms[0]?.area?.value, 0.15); // a straight line from 0 to 0.3
});

Deno.test("studyOf() says how soon arms are halfway to the best, and how many seeds never are", () => {
  const study = studyOf(fakeResults({ scores: { grpo: [run(4), run(8)], other: [run(12), run(16)] } }));
  close(study.halfway, 0.35); // other ends at 0.7
  const [grpo, other] = study.arms;
  deepEqual([grpo?.reach?.reached.value, other?.reach?.reached.value], [0.5, 1]);
  close(grpo?.reach?.updates, 10 * 0.35 / 0.4);
  close(other?.reach?.updates, 10 * 0.35 / 0.8); // half of two seeds: the first
  equal(other?.reach?.tokens, null);
});

Deno.test("studyOf() counts tokens where steps were kept", () => {
  const results = fakeResults({ scores: { grpo: [run(8)] } });
  const steps = Array.from({ length: 10 }, (_, i) => fakeStep(i + 1)); // two tokens each
  const { arms } = studyOf({ ...results, cells: results.cells.map((cell) => ({ ...cell, steps })) });
  deepEqual(arms[0]?.curve.map(({ tokens }) => tokens), [0, 20]);
  close(arms[0]?.reach?.tokens, 10);
});

Deno.test("studyOf() makes pass@k and maj@k of what was drawn at temperature 1", () => {
  const results = fakeResults({ scores: { grpo: [[1]] } }), said = { rewards: {}, tokens: 1 };
  const drawn = ["0", "0", "7", null].map((extracted, i): Answer => ({
    id: "q0",
    question: "question 0",
    gold: "0",
    sample: i + 1,
    status: extracted === "0" ? "correct" : extracted === null ? "unparseable" : "wrong",
    said: { ...said, completion: `${extracted}`, extracted },
  }));
  const cells = results.cells.map((cell) => ({ ...cell, answers: [...cell.answers ?? [], ...drawn] }));
  const { arms } = studyOf({ ...results, cells });
  deepEqual(arms[0]?.sampled.map(({ k }) => k), [1, 2, 4]);
  close(arms[0]?.sampled[0]?.pass, 0.5);
  close(arms[0]?.sampled[1]?.pass, 1 - 1 / 6);
  close(arms[0]?.sampled[0]?.maj, 0.5);
  close(arms[0]?.sampled[2]?.maj, 1);
  equal(arms[0]?.score?.value, 1); // the greedy answer alone
  const mute = cells.map((cell) => ({ ...cell, answers: cell.answers.map((answer) => ({ ...answer, said: null })) }));
  deepEqual(studyOf({ ...results, cells: mute }).arms[0]?.sampled.map(({ maj }) => maj), [null, null, null]);
});

Deno.test("tiersOf() parts what is known to differ, and nothing else", () => {
  const scores = (...values: number[][]) => ({
    scores: {
      seeds: values.map((_, seed) => seed),
      items: values[0]?.map((_, item) => `q${item}`) ?? [],
      values: values.map((row) => Float64Array.from(row)),
    },
  });
  const low = scores(run(3), run(4), run(3), run(4)), high = scores(run(17), run(18), run(17), run(18));
  const near = scores(run(17), run(17), run(18), run(17));
  deepEqual(tiersOf([low, high, near]), [2, 1, 1]);
  deepEqual(tiersOf([scores(run(3)), scores(run(19))]), [1, 1]); // one seed each
  const scattered = scores(run(17), run(1), run(17), run(2)), highest = scores(run(19), run(20), run(19), run(20));
  deepEqual(tiersOf([low, highest, scattered]), [2, 1, 1]); // whom nobody is known to beat
  deepEqual(tiersOf([scores(), high]), [null, 1]);
  deepEqual(tiersOf([]), []);
});

Deno.test("studyOf() keeps the intervals of shares within 0 and 1", () => {
  const { arms } = studyOf(fakeResults({ scores: { grpo: [run(0), run(20)] } }));
  deepEqual([arms[0]?.score?.lower, arms[0]?.score?.upper], [0, 1]);
  deepEqual([arms[0]?.curve[1]?.lower, arms[0]?.curve[1]?.upper], [0, 1]);
});

Deno.test("studyOf() says where all arms are near the ceiling or the floor", () => {
  const notes = (right: number) => studyOf(fakeResults({ scores: { grpo: [run(right)], other: [run(right)] } })).notes;
  const told = (right: number) => notes(right).filter((note) => note.startsWith("All arms compared end"));
  deepEqual(told(20).map((note) => note.slice(0, 33)), ["All arms compared end above 95 %:"]);
  deepEqual(told(0).map((note) => note.slice(0, 33)), ["All arms compared end below 5 %: "]);
  deepEqual(told(10), []);
});
