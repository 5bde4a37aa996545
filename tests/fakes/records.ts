// Records with plausible numbers, for tests that need one and not its making.

import { sha256 } from "../../harness/base/digest.ts";
import { defaultConfig } from "../../harness/config_options.ts";
import type { EvaluationRecord, Outcome } from "../../harness/contract.ts";
import { type CellRecord, SCHEMA_VERSION } from "../../harness/records/schema.ts";
import { outcomeDigest } from "../../harness/records/store.ts";

/** A greedy evaluation on n test questions. */
export function fakeEvaluation(step: number, accuracy: number, n = 8): EvaluationRecord {
  const correct = accuracy * n;
  return {
    step,
    split: "test",
    mode: "greedy",
    n,
    samples: 1,
    accuracy,
    passAtSamples: accuracy,
    statuses: { correct, wrong: n - correct, unparseable: 0, truncated: 0 },
    rewards: { correctness: accuracy, format: 0.5 },
    completionLength: 12.5,
  };
}

/** A finished cell with those evaluations. */
export function fakeCellRecord(evaluations: readonly EvaluationRecord[], arm = "grpo", seed = 0): CellRecord {
  const outcome: Outcome = {
    initialWeights: sha256("before"),
    finalWeights: sha256("after"),
    taskData: sha256("data"),
    questionOrder: sha256("order"),
    updates: 10,
    tokens: { prompt: 100, completion: 200 },
    evaluations,
    samples: sha256("samples"),
    samplerTrainerGap: 0,
  };
  return {
    schemaVersion: SCHEMA_VERSION,
    kind: "matchbox.cell",
    status: "finished",
    task: { name: "arithmetic", version: 1, data: sha256("data") },
    policy: "embedded",
    arm,
    seed,
    config: defaultConfig,
    outcome,
    digest: outcomeDigest(outcome),
    failure: null,
    partial: null,
    timing: { startedAt: "2026-01-02T03:04:05.678Z", seconds: 3, rolloutSeconds: 1, updateSeconds: 1 },
    environment: null,
    peakMemoryBytes: null,
  };
}
