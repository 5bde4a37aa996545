// findCollapses() on courses that are drawn by hand: each rule where it must hold, and where it must not.

import { deepEqual, throws } from "node:assert/strict";
import type { Config } from "../../harness/config.ts";
import type { StepRecord } from "../../harness/contract.ts";
import { type CollapseSample, collapseSample, findCollapses } from "../../harness/rl/collapse.ts";

const limits: Config["collapse"] = {
  window: 4,
  solved: 0.7,
  correctnessRise: 0.02,
  formatRise: 0.15,
  flatFor: 10,
  shortShare: 0.25,
  capShare: 0.8,
  distinct: 0.25,
  similarity: 0.9,
  entropy: 0.1,
};

/** A step of a run in which nothing happens. */
const calm: CollapseSample = {
  correctness: 0.2,
  others: 1,
  spread: 0.5,
  length: 40,
  truncated: 0,
  distinct: 0.4,
  similarity: 0.3,
  entropy: 0.4,
};

/** A run: so many calm steps, then so many with other numbers. */
const course = (calmly: number, then: Partial<CollapseSample>, steps: number) => [
  ...Array.from({ length: calmly }, () => calm),
  ...Array.from({ length: steps }, () => ({ ...calm, ...then })),
];
const kindsOf = (samples: readonly CollapseSample[]) => findCollapses(samples, limits).map(({ kind }) => kind);

Deno.test("findCollapses() finds nothing in a calm run, nor in one shorter than the window", () => {
  deepEqual(findCollapses(course(50, {}, 0), limits), []);
  deepEqual(findCollapses(course(0, { length: 0, entropy: 0 }, 3), limits), []);
  deepEqual(findCollapses([], limits), []);
});

Deno.test("findCollapses() finds each kind once, at the first update whose window's mean crosses the threshold", () => {
  // Of 4 values, so many must be fallen ones for the mean to reach the threshold.
  deepEqual(findCollapses(course(10, { length: 0 }, 40), limits), [{ kind: "length-short", step: 13 }]); // 40/4 <= 10
  deepEqual(findCollapses(course(10, { truncated: 1 }, 40), limits), [{ kind: "length-cap", step: 14 }]); // 3/4 < 0.8
  deepEqual(findCollapses(course(10, { distinct: 0 }, 40), limits), [{ kind: "diversity", step: 13 }]);
  deepEqual(findCollapses(course(10, { similarity: 1 }, 40), limits), [{ kind: "diversity", step: 14 }]);
  deepEqual(findCollapses(course(10, { entropy: 0 }, 40), limits), [{ kind: "entropy", step: 14 }]);
});

Deno.test("findCollapses() finds a reward-mode collapse in the mean over flatFor updates after the first window", () => {
  const risen = { others: 1.2 };
  deepEqual(findCollapses(course(4, risen, 10), limits), [{ kind: "reward-mode", step: 14 }]);
  deepEqual(findCollapses(course(4, risen, 9), limits), []);
  // A rise of 0.075 is asked: 4 of the 10 updates must have the new value.
  deepEqual(findCollapses(course(20, risen, 30), limits), [{ kind: "reward-mode", step: 24 }]);
});

Deno.test("findCollapses() takes correctness for flat only where it is so over flatFor updates and in the last window", () => {
  const risen = { others: 1.2 }, once = { ...risen, correctness: 0.3 };
  const long = [...course(4, once, 3), ...course(0, risen, 7)]; // 3/10 of 0.1 over ten updates; none in the last four
  deepEqual(kindsOf(long), []);
  const now = [...course(4, risen, 9), { ...calm, ...once }]; // 0.01 over ten updates, 0.025 in the last four
  deepEqual(kindsOf(now), []);
  deepEqual(kindsOf([...now, ...course(0, risen, 4)]), ["reward-mode"]);
});

Deno.test("findCollapses() takes a rise of the other rewards by their first spread, and none for a collapse without one", () => {
  deepEqual(kindsOf(course(10, { others: 1.07 }, 40)), []);
  const still = course(10, { others: 1.07 }, 40).map((sample) => ({ ...sample, spread: 0.4 }));
  deepEqual(kindsOf(still), ["reward-mode"]);
  deepEqual(kindsOf(course(50, {}, 0).map((sample) => ({ ...sample, others: 0, spread: 0 }))), []);
  deepEqual(kindsOf(course(10, { others: 0.5 }, 40)), []);
});

Deno.test("findCollapses() takes neither rising rewards nor brevity for a collapse where correctness has risen", () => {
  deepEqual(kindsOf(course(10, { others: 2, length: 5 }, 40)), ["reward-mode", "length-short"]);
  deepEqual(kindsOf(course(10, { others: 2, length: 5, correctness: 0.25 }, 40)), []);
  deepEqual(kindsOf(course(10, { others: 2, length: 5, correctness: 0.21 }, 40)), ["reward-mode", "length-short"]);
});

Deno.test("findCollapses() finds nothing in a policy that has learned, however certain", () => {
  const certain = { entropy: 0, distinct: 0, similarity: 1, truncated: 1 };
  deepEqual(kindsOf(course(10, certain, 40)), ["diversity", "length-cap", "entropy"]);
  deepEqual(kindsOf(course(10, { ...certain, correctness: 0.6 }, 40)), ["diversity", "length-cap", "entropy"]);
  deepEqual(kindsOf(course(10, { ...certain, correctness: 0.9 }, 40)), []);
});

Deno.test("findCollapses() does not call what was so from the start a collapse", () => {
  deepEqual(kindsOf(course(0, { truncated: 1, similarity: 1, length: 1 }, 40)), []);
});

Deno.test("findCollapses() of the beginning of a run is the beginning of what it finds", () => {
  const run = [...course(10, { entropy: 0 }, 20), ...course(0, { entropy: 0, length: 1, others: 2 }, 30)];
  const all = findCollapses(run, limits);
  deepEqual(all.map(({ kind }) => kind), ["entropy", "reward-mode", "length-short"]);
  for (let n = 0; n <= run.length; n++) {
    deepEqual(findCollapses(run.slice(0, n), limits), all.filter(({ step }) => step <= n));
  }
});

Deno.test("collapseSample() reads correctness and the task's other rewards, no bonus, and refuses a name that is not there", () => {
  const tokens = { prompt: 0, completion: 0 };
  const record: StepRecord = {
    step: 3,
    rewards: {
      right: { mean: 0.25, std: 0.4 },
      tidy: { mean: 0.5, std: 0.125 },
      short: { mean: 0.25, std: 0.25 },
      novelty: { mean: 9, std: 9 },
      total: { mean: 10, std: 9 },
    },
    zeroVarianceTotal: 0,
    zeroVarianceCorrectness: 0,
    loss: 0,
    entropy: 0.7,
    kl: null,
    clipShare: 0,
    gradientNorm: 0,
    learningRate: 0,
    completionLength: 21,
    truncatedShare: 0.125,
    samplerTrainerGap: 0,
    distinct: 0.3,
    similarity: 0.6,
    gauges: {},
    tokens,
    discarded: tokens,
    timing: { rolloutSeconds: 0, updateSeconds: 0, rolloutTokensPerSecond: 0, updateTokensPerSecond: 0 },
  };
  deepEqual(collapseSample(record, "right", ["tidy", "short"]), {
    correctness: 0.25,
    others: 0.75,
    spread: 0.375,
    length: 21,
    truncated: 0.125,
    distinct: 0.3,
    similarity: 0.6,
    entropy: 0.7,
  });
  throws(() => collapseSample(record, "right", ["neat"]), /"neat".*step 3/);
  throws(() => collapseSample({ ...record, distinct: null }, "right", ["tidy"]), /distinct: step 3 does not say it/);
});
