import { deepEqual, equal } from "node:assert/strict";
import { armSummaries, cellNumbers } from "../../harness/experiment/summary.ts";
import type { CellEntry } from "../../harness/records/schema.ts";
import { fakeCellRecord, fakeEvaluation } from "../fakes/records.ts";

function entry(arm: string, seed: number, before: number, after: number): CellEntry {
  const record = fakeCellRecord([fakeEvaluation(0, before), fakeEvaluation(10, after)], arm, seed);
  const { status, digest, failure } = record;
  const folder = `${arm}/seed-${seed}`;
  return { arm, seed, folder, amendment: 0, status, digest, failure, ...cellNumbers(record), resumes: 0 };
}

Deno.test("cellNumbers() takes the first and the last greedy test evaluation", () => {
  const sampled = {
    ...fakeEvaluation(10, 0.5),
    mode: "sample",
    samples: 16,
    accuracy: 0.1,
    passAtSamples: 0.9,
  } as const;
  const validation = { ...fakeEvaluation(5, 1), split: "validation" } as const;
  const record = fakeCellRecord([fakeEvaluation(0, 0.25), validation, fakeEvaluation(10, 0.5), sampled]);
  deepEqual(cellNumbers(record), {
    n: 8,
    accuracy: { before: 0.25, after: 0.5, gain: 0.25 },
    samples: 16,
    passAtSamples: { before: 0.9, after: 0.9, gain: 0 },
    reward: 1, // correctness 0.5 + format 0.5
    updates: 10,
    tokens: 300,
    seconds: 3,
  });
});

Deno.test("cellNumbers() of a cell that did not finish shows how far it came and no accuracy", () => {
  const partial = { updates: 4, evaluations: [fakeEvaluation(0, 0.25)] };
  const numbers = cellNumbers({ ...fakeCellRecord([]), status: "failed", outcome: null, digest: null, partial });
  deepEqual([numbers.updates, numbers.accuracy, numbers.n, numbers.reward], [4, null, null, null]);
  deepEqual([cellNumbers(null).updates, cellNumbers(null).seconds], [0, null]);
});

Deno.test("armSummaries() are means over finished cells, arms in the order of the cells", () => {
  const failed: CellEntry = { ...entry("grpo", 2, 0, 1), status: "failed" };
  const [grpo, base, none] = armSummaries([
    entry("grpo", 0, 0.25, 0.5),
    entry("base", 0, 0.25, 0.25),
    entry("grpo", 1, 0.25, 1),
    failed,
    { ...failed, arm: "none" },
  ]);
  deepEqual([grpo?.arm, grpo?.cells, grpo?.accuracy], ["grpo", 2, { before: 0.25, after: 0.75, gain: 0.5 }]);
  equal(grpo?.reward, 1.25);
  deepEqual([base?.arm, base?.accuracy?.gain, none?.cells, none?.accuracy], ["base", 0, 0, null]);
});
