import { equal } from "node:assert/strict";
import { answerText } from "../../harness/report/answer.ts";
import { studyOf } from "../../harness/stats/study.ts";
import { fakeResults } from "../fakes/results.ts";

const run = (right: number) => Array.from({ length: 20 }, (_, item) => item < right ? 1 : 0);
const low = [run(4), run(5), run(4), run(5)], high = [run(15), run(16), run(15), run(16)];
const answer = (scores: Record<string, number[][]>) => answerText(studyOf(fakeResults({ scores })));

Deno.test("answerText() says what a comparison comes to, with interval, seeds and questions", () => {
  const interval = /\d+\.\d to \d+\.\d/;
  equal(
    answer({ grpo: low, "memory-r+": high }).replace(interval, "A to B"),
    "In test accuracy (4 seeds, 20 questions), memory-r+ is better than grpo by 55.0 points (95 % interval A to B).",
  );
  equal(
    answer({ grpo: high, "memory-r+": low }).replace(interval, "A to B"),
    "In test accuracy (4 seeds, 20 questions), memory-r+ is worse than grpo by 55.0 points (95 % interval A to B).",
  );
  equal(
    answer({ grpo: low, other: low }),
    "In test accuracy (4 seeds, 20 questions), other and grpo differ by less than 2 points " +
      "(0.0, 95 % interval 0.0 to 0.0).",
  );
  equal(
    answer({ grpo: [run(20)], other: [run(2)] }).replace(/−\d+\.\d to −\d+\.\d/, "A to B"),
    "In test accuracy (1 seed, 20 questions), whether other and grpo differ is undecided " +
      "(−90.0 points, 95 % interval A to B).",
  );
});

Deno.test("answerText() names seeds and questions of each comparison where they are not the same", () => {
  const text = answer({ grpo: low, a: high, b: low.slice(0, 2) });
  equal(
    /a is better than grpo .* with 4 seeds, 20 questions; b and grpo .* with 2 seeds, 20 questions\.$/.test(text),
    true,
  );
});

Deno.test("answerText() tells the first of many arms apart, and the others by what they come to", () => {
  const higher = [run(17), run(18), run(17), run(18)], wild = [run(1), run(20), run(1), run(9)];
  const text = answer({ grpo: low, first: high, b: high, c: higher, d: high, e: high, f: low, g: wild });
  equal(
    text.replace(/\d+\.\d to \d+\.\d/, "A to B"),
    "In test accuracy, first is better than grpo by 55.0 points (95 % interval A to B); of 6 other arms compared, " +
      "4 better (most c, by 65.0 points), 1 no different by what matters (f), 1 undecided (g).",
  );
});

Deno.test("answerText() says when there is nothing to compare, and when cells are not matched", () => {
  const results = fakeResults({ scores: { grpo: low, other: high } });
  equal(
    answerText(studyOf({ ...results, plan: null })),
    "Nothing was to be compared: there is no arm to compare with.",
  );
  equal(answer({ grpo: low }), "The plan compares nothing with grpo.");
  const pending = results.cells.map(({ entry, ...cell }) =>
    entry.arm === "grpo"
      ? { entry, ...cell }
      : { entry: { ...entry, status: "pending" as const }, record: null, steps: null, answers: null }
  );
  equal(
    answerText(studyOf({ ...results, cells: pending })),
    "Nothing can be compared with grpo yet: no other arm has finished.",
  );
  const { experiment } = results, match = { ...experiment.match, matched: false, problems: ["they differ"] };
  const doubtful = answerText(studyOf({ ...results, experiment: { ...experiment, match } }));
  equal(doubtful.endsWith("The cells are not matched, so that a difference may have other causes."), true);
});
