// plot: which metrics there are, and that the chart's line is the mean over seeds.

import { deepEqual, equal, match, throws } from "node:assert/strict";
import { plotMetrics, plotText } from "../../../harness/cli/explore/plot.ts";
import type { StepRecord } from "../../../harness/contract.ts";
import { studyOf } from "../../../harness/stats/study.ts";
import { fakeStep } from "../../fakes/records.ts";
import { fakeResults } from "../../fakes/results.ts";

const plain = fakeResults({ scores: { "grpo": [[1, 0], [1, 1]], "memory-r+": [[1, 1], [1, 1]] } });
const display = { width: 60, unicode: false };

/** Steps with total = seed + step, and a gauge of the memory arm alone. */
const results = {
  ...plain,
  cells: plain.cells.map((cell) => {
    const { arm, seed } = cell.entry;
    const steps = [1, 2, 3].map((step): StepRecord => ({
      ...fakeStep(step),
      rewards: { total: { mean: seed + step, std: 0 } },
      gauges: arm === "memory-r+" ? { "memory.keys": 10 * step } : {},
    }));
    return { ...cell, steps };
  }),
};
const exploration = { results, study: studyOf(results) };

Deno.test("plotMetrics() lists the curve, rewards, numbers of steps and gauges", () => {
  const metrics = plotMetrics(exploration);
  deepEqual(metrics.slice(0, 2), ["accuracy", "total"]);
  for (const name of ["entropy", "kl", "completionLength", "memory.keys"]) equal(metrics.includes(name), true, name);
  deepEqual(plotMetrics({ results: plain, study: studyOf(plain) }), ["accuracy"]);
});

Deno.test("plotText() draws the mean over seeds, and says where each line begins and ends", () => {
  const text = plotText(exploration, "total", [], display);
  match(text, /^total, mean over seeds$/m);
  match(text, /a grpo: 1\.5 -> 3\.5$/m); // seeds 0 and 1: (1 + 2) / 2 -> (3 + 4) / 2
  match(text, /b memory-r\+: 1\.5 -> 3\.5$/m);
  match(plotText(exploration, "accuracy", ["grpo"], display), /grpo: 0\.0 % -> 75\.0 %/);
});

Deno.test("plotText() draws the arms that are named, and leaves out those without the metric", () => {
  match(plotText(exploration, "total", ["memory-r+"], display), /^ +memory-r\+: 1\.5 -> 3\.5$/m);
  const text = plotText(exploration, "memory.keys", [], display);
  match(text, /memory-r\+: 10 -> 30/);
  match(text, /\(1 more arm, or without values: name the arms to draw\)/);
  throws(() => plotText(exploration, "memory.keys", ["grpo"], display), /FailureError: Cannot plot memory\.keys: none/);
});

Deno.test("plotText() of many arms draws the best and the one they are compared with", () => {
  const run = (right: number) => [Array.from({ length: 10 }, (_, i) => i < right ? 1 : 0)];
  const scores = Object.fromEntries([0, 3, 9, 1, 8, 7, 2, 6, 5, 4].map((right) => [`arm-${right}`, run(right)]));
  const many = fakeResults({ scores }),
    text = plotText({ results: many, study: studyOf(many) }, "accuracy", [], display);
  deepEqual(text.match(/^ +[a-z] arm-\d/gm)?.map((line) => line.at(-1)), ["0", "9", "8", "7", "6", "5"]);
  match(text, /\(4 more arms, or without values/);
});

Deno.test("plotText() without a metric lists them, with a wrong one the nearest", () => {
  match(plotText(exploration, undefined, [], display), /^Metrics to plot: accuracy, total, /);
  throws(() => plotText(exploration, "totl", [], display), /did you mean "total"/);
  throws(() => plotText(exploration, "constructor", [], display), /Cannot plot "constructor"/);
  throws(() => plotText(exploration, "total", ["rloo"], display), /Cannot find arm "rloo"/);
});
