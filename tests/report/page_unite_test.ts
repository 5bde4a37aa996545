import { deepEqual, equal, throws } from "node:assert/strict";
import { MisuseError } from "../../harness/base/errors.ts";
import type { Results } from "../../harness/records/results.ts";
import { unite } from "../../harness/report/unite.ts";
import { studyOf } from "../../harness/stats/study.ts";
import { fakeResults } from "../fakes/results.ts";
import { withCells } from "./page_results.ts";

const first = fakeResults({ scores: { plain: [[1, 0]], other: [[1, 1]] } });
const later = (seed: number): Results => ({
  ...withCells(fakeResults({ scores: { plain: [[0, 0]], third: [[1, 1]] } }), (cell) => ({
    ...cell,
    entry: { ...cell.entry, seed },
  })),
  origin: "results/later",
});
const refused = (parts: readonly Results[], message: RegExp) =>
  throws(() => unite(parts), (error) => error instanceof MisuseError && message.test(error.message));

Deno.test("unite() of one alone is that one", () => {
  equal(unite([first]), first);
});

Deno.test("unite() keeps the first plan and adds the others' cells as amendments", () => {
  const { plan, experiment, cells } = unite([first, later(1)]);
  equal(plan, first.plan);
  deepEqual(experiment.seeds, [0, 1].filter((seed) => experiment.seeds.includes(seed)));
  deepEqual(cells.map(({ entry: { arm, seed, amendment } }) => [arm, seed, amendment]), [
    ["plain", 0, 0],
    ["other", 0, 0],
    ["plain", 1, 1],
    ["third", 1, 1],
  ]);
  deepEqual(experiment.arms.map(({ name }) => name), ["plain", "other", "third"]);
  equal(experiment.match.cells, 4);
  const study = studyOf(unite([first, later(1)]));
  deepEqual(study.comparisons.filter(({ registered }) => registered).map(({ arm }) => arm), ["other"]);
});

Deno.test("unite() refuses an arm and seed that come twice, with both paths", () => {
  refused([first, later(0)], /arm "plain" with seed 0 is in "results\/fake" and in "results\/later"/);
});

Deno.test("unite() refuses another task, other data, an arm defined otherwise, and cells that do not match", () => {
  const other = later(1);
  const changed = (task: object): Results => ({
    ...other,
    experiment: { ...other.experiment, task: { ...other.experiment.task, ...task } },
  });
  refused([first, changed({ name: "gsm8k" })], /tasks are "arithmetic" version 1 and "gsm8k" version 1/);
  refused([first, changed({ data: "0".repeat(64) })], /the data of task "arithmetic" differ/);
  const arms = other.experiment.arms.map((arm) => ({ ...arm, overrides: { "rl.loss": "dr_grpo" } }));
  refused([first, { ...other, experiment: { ...other.experiment, arms } }], /arm "plain" is not defined alike/);
  const unmatched = withCells(other, (cell) => {
    const outcome = cell.record!.outcome!;
    const match = { ...outcome.match, weights: "f".repeat(64) };
    return { ...cell, record: { ...cell.record!, outcome: { ...outcome, match } } };
  });
  refused([first, unmatched], /differ in initial weights/);
});
