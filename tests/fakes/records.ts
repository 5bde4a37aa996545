// Records with plausible numbers, for tests that need one and not its making.

import { sha256 } from "../../harness/base/digest.ts";
import { defaultConfig } from "../../harness/config_options.ts";
import type { EvaluationRecord, Outcome, StepRecord } from "../../harness/contract.ts";
import { type CellRecord, SCHEMA_VERSION } from "../../harness/records/schema.ts";
import { outcomeDigest } from "../../harness/records/store.ts";

/** A greedy evaluation on n test questions. */
export function fakeEvaluation(step: number, accuracy: number, n = 8): EvaluationRecord {
  const correct = Math.round(accuracy * n);
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

/** What a matched cell of that arm and seed comes to. */
export function fakeOutcome(evaluations: readonly EvaluationRecord[], arm = "grpo", seed = 0): Outcome {
  return {
    match: {
      weights: sha256("before"),
      data: sha256("data"),
      template: sha256("template"),
      order: sha256(`order ${seed}`),
      items: sha256("items"),
      streams: "streams",
      config: sha256("config"),
      firstRollouts: [[`${seed} a`, `${seed} b`], [`${seed} c`, `${seed} d`]],
    },
    finalWeights: sha256(`after ${arm} ${seed}`),
    evaluatedStep: 10,
    asked: { count: 80, digest: sha256("asked") },
    updates: 10,
    endedBy: "updates",
    tokens: { prompt: 100, completion: 200 },
    evaluations,
    collapses: [],
    embedder: null,
    steps: sha256("steps"),
    samples: sha256("samples"),
    samplerTrainerGap: 0,
  };
}

/** A finished cell with those evaluations. @param more of its outcome */
export function fakeCellRecord(
  evaluations: readonly EvaluationRecord[],
  arm = "grpo",
  seed = 0,
  more: Partial<Outcome> = {},
): CellRecord {
  const outcome = { ...fakeOutcome(evaluations, arm, seed), ...more };
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
    timing: { startedAt: "2026-01-02T03:04:05.678Z", seconds: 3, rolloutSeconds: 1, updateSeconds: 1, resumes: 0 },
    environment: null,
    peakMemoryBytes: null,
  };
}

/** A step in which nothing happens. */
export function fakeStep(step: number): StepRecord {
  return {
    step,
    rewards: { total: { mean: 1.5, std: 0 } },
    zeroVarianceTotal: 0,
    zeroVarianceCorrectness: 0,
    loss: 0,
    entropy: 0,
    kl: null,
    clipShare: 0,
    gradientNorm: 0,
    learningRate: 0,
    completionLength: 1,
    truncatedShare: 0,
    samplerTrainerGap: 0,
    distinct: 0,
    similarity: 0,
    gauges: {},
    tokens: { prompt: 1, completion: 1 },
    discarded: { prompt: 0, completion: 0 },
    timing: { rolloutSeconds: 1.5, updateSeconds: 0.5, rolloutTokensPerSecond: 8123, updateTokensPerSecond: 1 },
  };
}
