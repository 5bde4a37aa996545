// The versioned shapes of everything that lands in a results folder, as zod schemas. results/schema holds the JSON
// Schemas made from them (json_schemas.ts). Shapes that harness/contract.ts names are checked against it by the compiler
// at the end of this file. An object with an unknown key is refused: what is not understood is not passed on.

import { z } from "zod";
import { DEVICES, PRECISIONS } from "../base/device_names.ts";
import type { Environment, EvaluationRecord, Outcome, SampleRecord, StepRecord } from "../contract.ts";

/** Raised whenever a reader of the files must change; then migrate.ts gets a step to the new version. */
export const SCHEMA_VERSION = 3;

/** Stands for a digest that a file of an older schema version does not have. */
export const UNKNOWN = "unknown";

const count = () => z.int().min(0);
const share = () => z.number().min(0).max(1);
const sha256Hex = () => z.string().regex(/^[0-9a-f]{64}$/);
const sha256OrUnknown = () =>
  z.string().regex(/^([0-9a-f]{64}|unknown)$/).describe("SHA-256; unknown: a file of schema version 1 does not say it");
const split = z.enum(["train", "validation", "test"]);
const gradeStatus = z.enum(["correct", "wrong", "unparseable", "truncated", "timeout"]);
const tokens = z.strictObject({ prompt: count(), completion: count() });
const moments = z.strictObject({ mean: z.number(), std: z.number() });

/** A line of steps.jsonl. */
export const stepSchema = z.strictObject({
  step: z.int().min(1),
  rewards: z.record(z.string(), moments),
  zeroVarianceTotal: share(),
  zeroVarianceCorrectness: share(),
  loss: z.number(),
  entropy: z.number(),
  kl: z.number().nullable(),
  clipShare: share(),
  gradientNorm: z.number().min(0),
  learningRate: z.number().min(0),
  completionLength: z.number().min(0),
  truncatedShare: share(),
  samplerTrainerGap: z.number().min(0),
  distinct: share().nullable().describe("null: a file of schema version 1 does not say it"),
  similarity: share().nullable().describe("null: as distinct"),
  gauges: z.record(z.string(), z.number()),
  tokens,
  discarded: tokens,
  timing: z.strictObject({
    rolloutSeconds: z.number().min(0),
    updateSeconds: z.number().min(0),
    rolloutTokensPerSecond: z.number().min(0),
    updateTokensPerSecond: z.number().min(0),
  }),
});

/** A line of samples.jsonl. */
export const sampleSchema = z.strictObject({
  id: z.string(),
  split,
  sample: count().describe("0: the greedy one; 1 and up: those drawn at temperature 1"),
  question: z.string(),
  gold: z.string(),
  completion: z.string(),
  extracted: z.string().nullable(),
  status: gradeStatus,
  rewards: z.record(z.string(), z.number()),
  tokens: count(),
});

/** One evaluation; part of {@linkcode outcomeSchema}. */
export const evaluationSchema = z.strictObject({
  step: count(),
  split,
  mode: z.enum(["greedy", "sample"]),
  n: z.int().min(1),
  samples: z.int().min(1),
  accuracy: share(),
  passAtSamples: share(),
  statuses: z.strictObject({
    ...{ correct: count(), wrong: count(), unparseable: count(), truncated: count() },
    timeout: z.int().min(1).exactOptional().describe("left undecided by the grader; counts as wrong"),
  }),
  rewards: z.record(z.string(), z.number()),
  completionLength: z.number().min(0),
});

/** What matched cells share. */
export const matchSchema = z.strictObject({
  weights: sha256Hex(),
  data: sha256Hex(),
  template: sha256OrUnknown(),
  order: sha256OrUnknown(),
  items: sha256OrUnknown(),
  streams: z.string(),
  config: sha256OrUnknown(),
  firstRollouts: z.array(z.array(z.string())),
});

/** What a rerun must reproduce. */
export const outcomeSchema = z.strictObject({
  match: matchSchema,
  finalWeights: sha256Hex(),
  evaluatedStep: count(),
  asked: z.strictObject({ count: count(), digest: sha256OrUnknown() }),
  updates: count(),
  endedBy: z.enum(["updates", "tokens"]),
  tokens,
  evaluations: z.array(evaluationSchema),
  collapses: z.array(z.strictObject({
    kind: z.enum(["reward-mode", "length-short", "length-cap", "diversity", "entropy"]),
    step: count(),
  })),
  embedder: z.strictObject({ name: z.string(), digest: sha256Hex(), dimensions: z.int().min(1) }).nullable(),
  steps: sha256OrUnknown(),
  samples: sha256Hex(),
  samplerTrainerGap: z.number().min(0),
});

/** The device that computed; part of an environment and of what a worker is told. */
export const acceleratorSchema = z.strictObject({
  provider: z.string().describe("ONNX Runtime's execution provider"),
  adapter: z.string().nullable().describe("name of the device; null: not known"),
  driver: z.string().nullable().describe("version of its driver; null: not known"),
  index: count().nullable().describe("which of several; null: none was named"),
});

/** Of plans, and of what workers are told: absent where a policy computes in float32. */
export const halfSchema = z.literal("float16").exactOptional()
  .describe("what the policy's products compute in; absent: float32");

/** Where a cell ran. */
export const environmentSchema = z.strictObject({
  matchbox: z.string(),
  deno: z.string(),
  onnxruntime: z.string(),
  os: z.string(),
  arch: z.string(),
  cpu: z.string(),
  vectors: z.array(z.string()).nullable()
    .describe("vector extensions of the processor by which kernels are chosen; null: not known"),
  cores: z.int().min(1),
  memoryBytes: count(),
  device: z.string(),
  accelerator: acceleratorSchema.exactOptional().describe("absent: the processor computed"),
  precision: z.enum(PRECISIONS).exactOptional().describe("of what the accelerator computed; absent without one"),
  threads: z.int().min(1),
  gitCommit: z.string().nullable(),
  gitDirty: z.boolean().nullable(),
});

/** Value of a config field, as data: a record outlives the knobs of the version that wrote it. */
const fieldValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const recordedConfig = z.record(z.string(), z.record(z.string(), fieldValue)).describe("by group and field");

/** How a task asked and graded, as far as it was not its first way; part of a plan's task and of a record's. */
export const taskStyle = {
  prompt: z.string().exactOptional().describe("name of the task's prompt; absent: its own, paper"),
  grading: z.literal("lenient").exactOptional().describe("absent: strict, an answer counts in the task's layout alone"),
};

const recordedTask = z.strictObject({ name: z.string(), version: count(), data: sha256Hex(), ...taskStyle });

/** record.json of a cell. */
export const cellRecordSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  kind: z.literal("matchbox.cell"),
  status: z.enum(["finished", "failed", "interrupted"]),
  task: recordedTask,
  policy: z.string().describe("embedded, embedded-cold, or the folder as it was given"),
  arm: z.string(),
  seed: count(),
  config: recordedConfig,
  outcome: outcomeSchema.nullable().describe("what a rerun must reproduce; null unless finished"),
  digest: sha256Hex().nullable().describe("SHA-256 of the outcome's canonical JSON (RFC 8785)"),
  failure: z.string().nullable().describe("why the cell failed, in one sentence"),
  partial: z.strictObject({ updates: count(), evaluations: z.array(evaluationSchema) }).nullable()
    .describe("how far a cell came that did not finish"),
  timing: z.strictObject({
    startedAt: z.iso.datetime(),
    seconds: z.number().min(0),
    rolloutSeconds: z.number().min(0),
    updateSeconds: z.number().min(0),
    resumes: count().describe("how often it was taken up again"),
  }),
  environment: environmentSchema.nullable().describe("null unless finished"),
  peakMemoryBytes: count().nullable().describe("largest resident memory of the cell's process; null unless finished"),
});

/** Values before and after training, and how much they rose. */
const change = z.strictObject({ before: z.number(), after: z.number(), gain: z.number() });

/** A cell's row in experiment.json: where it stands, and its numbers once it has them. */
export const cellEntrySchema = z.strictObject({
  arm: z.string(),
  seed: count(),
  folder: z.string().describe("relative to experiment.json"),
  amendment: count().describe("0: a cell of the plan; n: one of its n-th amendment, added later"),
  status: z.enum(["pending", "running", "finished", "failed", "interrupted"]),
  digest: sha256Hex().nullable(),
  failure: z.string().nullable(),
  n: count().nullable().describe("test questions"),
  accuracy: change.nullable().describe("greedy, on test questions"),
  samples: count().nullable().describe("completions a question of passAtSamples"),
  passAtSamples: change.nullable().describe("test questions with a correct one among `samples` sampled completions"),
  reward: z.number().nullable().describe("mean total reward in the last greedy evaluation on test questions"),
  updates: count(),
  tokens: count().describe("prompt and completion tokens of training"),
  seconds: z.number().min(0).nullable(),
  resumes: count().describe("how often it was taken up again"),
});

/** Means over the finished cells of an arm. */
export const armSummarySchema = z.strictObject({
  arm: z.string(),
  cells: count().describe("finished cells"),
  accuracy: change.nullable(),
  passAtSamples: change.nullable(),
  reward: z.number().nullable(),
  updates: z.number().nullable(),
  tokens: z.number().nullable(),
  seconds: z.number().nullable(),
});

/** Whether the finished cells share what they must to be compared. */
export const matchingSchema = z.strictObject({
  matched: z.boolean(),
  cells: count().describe("finished cells, which it is about"),
  problems: z.array(z.string()).describe("what cells do not share"),
  uneven: z.array(z.string()).describe("trained arms that ended with other updates or tokens than the others"),
});

/** What was tried for each arm before its reported cells were run, and what was chosen. */
const tuning = {
  field: z.string().describe("the config field that was tuned"),
  arms: z.array(z.strictObject({
    arm: z.string(),
    tried: z.array(z.strictObject({
      value: fieldValue,
      accuracy: share().nullable().describe("mean over the cells of greedy validation accuracy; null: one is missing"),
      cells: z.array(z.strictObject({
        ...cellEntrySchema.pick({ seed: true, folder: true, status: true, digest: true, failure: true }).shape,
        ...cellEntrySchema.pick({ updates: true, tokens: true, seconds: true, resumes: true }).shape,
        accuracy: share().nullable().describe("greedy, on validation questions, of the weights that would be tested"),
      })),
    })),
    chosen: fieldValue.describe("null: not yet, or a cell failed"),
  })),
};

/** tuning.json: all of it follows from the records of the tuning cells. */
export const tuningSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  kind: z.literal("matchbox.tuning"),
  plan: sha256Hex().describe("digest of the plan in plan.json, which has the tuning seeds and the rule"),
  ...tuning,
});

/** warmup.json. */
export const warmUpRecordSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  kind: z.literal("matchbox.warmup"),
  plan: sha256Hex().describe("digest of the plan in plan.json"),
  updates: z.int().min(1),
  questions: z.int().min(1).describe("demonstrations of an update"),
  learningRate: z.number().positive().describe("peak"),
  weights: sha256Hex().describe("SHA-256 of the warmed weights, which every cell begins with"),
  asked: sha256Hex().describe("chained SHA-256 over the ids of the questions that were shown"),
  losses: z.array(z.number()).describe("of each update, nats a token"),
});

/** What a number means, and which way is better. */
export const metricSchema = z.strictObject({
  name: z.string(),
  direction: z.enum(["higher", "lower"]).describe("which is better"),
  unit: z.string(),
  what: z.string(),
});

/** experiment.json. */
export const experimentSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  kind: z.literal("matchbox.experiment"),
  status: z.enum(["running", "finished", "failed", "interrupted"]),
  plan: sha256OrUnknown().describe("digest of the plan in plan.json; unknown in schema version 1, which had none"),
  command: z.array(z.string()).describe("the last one"),
  startedAt: z.iso.datetime().describe("of the first one"),
  seconds: z.number().min(0).describe("of all of them"),
  task: recordedTask,
  policy: z.string(),
  profile: z.string(),
  device: z.enum(DEVICES),
  jobs: z.int().min(1),
  threads: z.int().min(1),
  config: recordedConfig.describe("before the arms' own fields"),
  arms: z.array(z.strictObject({
    name: z.string(),
    summary: z.string(),
    overrides: z.record(z.string(), fieldValue),
  })),
  seeds: z.array(count()),
  metrics: z.array(metricSchema).describe("the numbers that cells and summary have"),
  cells: z.array(cellEntrySchema),
  tuning: z.strictObject(tuning).nullable().default(null).describe("what tuning.json says; null: nothing was tuned"),
  match: matchingSchema,
  summary: z.array(armSummarySchema),
});

/** Read-only through and through, as the contract's types are. */
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;
type Read<S extends z.ZodType> = Frozen<z.output<S>>;

export type CellRecord = Read<typeof cellRecordSchema>;
export type CellEntry = Read<typeof cellEntrySchema>;
export type TuningRecord = Read<typeof tuningSchema>;
export type WarmUpRecord = Read<typeof warmUpRecordSchema>;
export type Tuning = NonNullable<Read<typeof experimentSchema>["tuning"]>;
export type FieldValue = Read<typeof fieldValue>;
export type Metric = Read<typeof metricSchema>;
export type Matching = Read<typeof matchingSchema>;
export type ArmSummary = Read<typeof armSummarySchema>;
export type ExperimentRecord = Read<typeof experimentSchema>;

/** A type error here means that a schema and harness/contract.ts have parted. */
type Same<A, B> = [A, B] extends [B, A] ? true : never;
true satisfies
  & Same<Read<typeof stepSchema>, StepRecord>
  & Same<Read<typeof sampleSchema>, SampleRecord>
  & Same<Read<typeof evaluationSchema>, EvaluationRecord>
  & Same<Read<typeof outcomeSchema>, Outcome>
  & Same<Read<typeof environmentSchema>, Environment>;
