// What passes between an experiment and the process of one cell: a CellSpec goes in as the first line of standard input,
// CellEvents (harness/contract.ts) come out as lines on standard output. A later line "stop" asks the cell to come to its
// end; the end of standard input says that the experiment is gone. Both sides check what they read.

import { z } from "zod";
import { DEVICES } from "../base/device_names.ts";
import { configSchema } from "../config.ts";
import type { CellEvent } from "../contract.ts";
import { adapterSchema } from "../records/plan_schema.ts";
import {
  acceleratorSchema,
  environmentSchema,
  evaluationSchema,
  halfSchema,
  outcomeSchema,
  sampleSchema,
  stepSchema,
  taskStyle,
} from "../records/schema.ts";

/** The shape of what one side sends, as the other checks it. */
export type Shape<T> = z.ZodType<T>;

/** Everything that a cell is a function of, by names and paths, and where it keeps what it resumes from. */
export const cellSpecSchema = z.strictObject({
  /** The cell's folder, absolute. */
  folder: z.string(),
  task: z.string(),
  taskOptions: z.strictObject({ dataDir: z.string().nullable(), level: z.int() }),
  /** File that defines the task; null for one of Matchbox. */
  taskFile: z.string().nullable(),
  /** How it asks and grades; absent: its first way. */
  taskStyle: z.strictObject(taskStyle).exactOptional(),
  /** Folder of the policy. */
  policy: z.string(),
  /** Folder of an adapter that is merged into its weights. */
  merged: z.string().exactOptional(),
  /** What is trained in place of the policy's weights. */
  adapter: adapterSchema.exactOptional(),
  arm: z.string(),
  /** File that defines the arm; null for one of Matchbox. */
  armFile: z.string().nullable(),
  seed: z.int().min(0),
  config: configSchema,
  /** What goes into the match proof: the digest of the config before the arm's fields, places of the question order. */
  matched: z.strictObject({ config: z.string(), places: z.int().min(1) }),
  device: z.enum(DEVICES),
  /** Which one, and what it is; absent on the CPU. */
  accelerator: acceleratorSchema.exactOptional(),
  precision: halfSchema,
  threads: z.int().min(1),
  /** Passes are made smaller where the device has not the memory for them; absent: no. */
  autoMicroBatch: z.literal(true).exactOptional(),
  checkpoints: z.strictObject({ folder: z.string(), every: z.int().min(1), keep: z.int().min(1) }).nullable(),
  /** Whole lines in steps.jsonl: the newest checkpoint that may be taken up. */
  resumeAt: z.int().min(0),
  /** It serves to choose a setting, and sees no test question. */
  validationOnly: z.boolean(),
});
export type CellSpec = z.output<typeof cellSpecSchema>;

/** Everything that a warm-up is a function of, and where it goes. */
export const warmUpSpecSchema = z.strictObject({
  ...cellSpecSchema.pick({
    task: true,
    taskOptions: true,
    taskFile: true,
    taskStyle: true,
    policy: true,
    merged: true,
    device: true,
    accelerator: true,
    threads: true,
    folder: true,
  }).shape,
  checkpoints: cellSpecSchema.shape.checkpoints.unwrap(),
  caps: z.strictObject({ maxPromptTokens: z.int(), maxCompletionTokens: z.int() }),
  warmUp: z.strictObject({ updates: z.int().min(1), questions: z.int().min(1), learningRate: z.number() }),
});
export type WarmUpSpec = z.output<typeof warmUpSpecSchema>;

const failed = z.strictObject({
  type: z.literal("failed"),
  message: z.string(),
  misuse: z.boolean(),
  stack: z.string().nullable(),
});
const phase = z.strictObject({ type: z.literal("phase"), phase: z.string() });
const warning = z.strictObject({ type: z.literal("warning"), message: z.string() });

/** A line of a warm-up's standard output. `warmed` comes when its policy is written. */
export const warmUpEventSchema = z.discriminatedUnion("type", [
  phase,
  warning,
  z.strictObject({ type: z.literal("step"), step: z.int(), updates: z.int(), loss: z.number() }),
  z.strictObject({
    type: z.literal("warmed"),
    weights: z.string(),
    asked: z.string(),
    losses: z.array(z.number()),
  }),
  failed,
]);
export type WarmUpEvent = z.output<typeof warmUpEventSchema>;

/** A line of a cell's standard output. */
export const cellEventSchema: z.ZodType<CellEvent> = z.discriminatedUnion("type", [
  phase,
  z.strictObject({ type: z.literal("resumed"), step: z.int().min(0), evaluations: z.array(evaluationSchema) }),
  warning,
  z.strictObject({ type: z.literal("step"), record: stepSchema, updates: z.int().min(0) }),
  z.strictObject({ type: z.literal("evaluation"), record: evaluationSchema }),
  z.strictObject({ type: z.literal("sample"), record: sampleSchema }),
  z.strictObject({
    type: z.literal("finished"),
    outcome: outcomeSchema,
    environment: environmentSchema,
    peakMemoryBytes: z.int().min(0),
  }),
  z.strictObject({ type: z.literal("stopped"), step: z.int().min(0) }),
  failed,
]);
