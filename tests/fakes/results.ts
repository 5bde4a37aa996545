// Results of an experiment with given scores, for tests that need some and not their making.

import { sha256 } from "../../harness/base/digest.ts";
import type { EvaluationRecord } from "../../harness/contract.ts";
import { sampleLines } from "../../harness/records/bundle.ts";
import { proveMatch } from "../../harness/records/match.ts";
import { METRICS } from "../../harness/records/metrics.ts";
import { sealPlan } from "../../harness/records/plan_schema.ts";
import type { Answer, CellResults, Results } from "../../harness/records/results.ts";
import { SCHEMA_VERSION } from "../../harness/records/schema.ts";
import { cellNumbers } from "../../harness/experiment/summary.ts";
import { defaultConfig } from "../../harness/config_options.ts";
import { fakeCellRecord, fakeEvaluation } from "./records.ts";

/** What the results are to say. */
export interface FakeResults {
  /** 1 for a right answer: [seeds][questions] by arm. Seeds are 0, 1, 2 … */
  readonly scores: Readonly<Record<string, readonly (readonly number[])[]>>;
  /** @default the first arm */
  readonly against?: string;
  /** A share. @default 0.02 */
  readonly margin?: number;
  /** Arms that were added later. */
  readonly added?: readonly string[];
}

/** A finished experiment. */
export function fakeResults({ scores, against, margin = 0.02, added = [] }: FakeResults): Results {
  const names = Object.keys(scores), reference = against ?? names[0] ?? "grpo";
  const cells = names.flatMap((arm) => scores[arm]!.map((run, seed) => fakeCell(arm, seed, run, added.includes(arm))));
  const record = cells[0]!.record!;
  const plan = sealPlan({
    schemaVersion: SCHEMA_VERSION,
    kind: "matchbox.plan",
    matchbox: "0.3.0",
    task: { ...record.task, file: null },
    policy: { name: "embedded", files: {} },
    profile: "quick",
    device: "cpu",
    config: defaultConfig,
    arms: names.map((name) => ({ name, summary: `what ${name} is`, overrides: {}, file: null })),
    seeds: [...new Set(cells.map(({ entry }) => entry.seed))],
    budget: "10 updates",
    claim: {
      metric: "accuracy",
      checkpoint: "last",
      against: reference,
      margin,
      family: names.filter((name) => name !== reference && !added.includes(name)),
      stopping: "after 10 updates",
    },
    sweep: null,
  });
  const proven = cells.map(({ entry: { arm, seed }, record }) => ({ arm, seed, outcome: record!.outcome! }));
  return {
    origin: "results/fake",
    plan,
    experiment: {
      schemaVersion: SCHEMA_VERSION,
      kind: "matchbox.experiment",
      status: "finished",
      plan: plan.digest,
      command: ["bench"],
      startedAt: "2026-01-02T03:04:05.678Z",
      seconds: 3,
      task: record.task,
      policy: "embedded",
      profile: "quick",
      device: "cpu",
      jobs: 1,
      threads: 1,
      config: defaultConfig,
      arms: plan.arms.map(({ name, summary, overrides }) => ({ name, summary, overrides })),
      seeds: plan.seeds,
      cells: cells.map(({ entry }) => entry),
      tuning: null,
      metrics: METRICS,
      match: proveMatch(proven, reference),
      summary: [],
    },
    cells,
  };
}

function fakeCell(arm: string, seed: number, run: readonly number[], added: boolean): CellResults {
  const accuracy = run.reduce((sum, value) => sum + value, 0) / run.length;
  const validation = (step: number, value: number): EvaluationRecord => ({
    ...fakeEvaluation(step, value, run.length),
    split: "validation",
  });
  const answers = run.map((value, item): Answer => ({
    id: `q${item}`,
    question: `question ${item}`,
    gold: String(item),
    sample: 0,
    status: value === 1 ? "correct" : "wrong",
    said: {
      completion: `completion of ${arm} ${seed} ${item}`,
      extracted: value === 1 ? String(item) : "-1",
      rewards: { correctness: value },
      tokens: 5,
    },
  }));
  const record = fakeCellRecord(
    [
      validation(0, 0),
      fakeEvaluation(0, 0, run.length),
      validation(10, accuracy),
      fakeEvaluation(10, accuracy, run.length),
    ],
    arm,
    seed,
    { samples: sha256(sampleLines(answers)) },
  );
  const entry = {
    arm,
    seed,
    folder: `${arm}/seed-${seed}`,
    amendment: added ? 1 : 0,
    status: "finished" as const,
    digest: record.digest ?? sha256(""),
    failure: null,
    ...cellNumbers(record),
    resumes: 0,
  };
  return { entry, record, steps: null, answers };
}
