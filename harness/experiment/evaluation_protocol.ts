// What passes between an evaluation and the process that samples for it: an EvaluationSpec goes in, EvaluationEvents come
// out, as of a cell (protocol.ts).

import { z } from "zod";
import { DEVICES } from "../base/device_names.ts";
import type { Environment } from "../contract.ts";
import { type EvaluationSample, evaluationSampleSchema } from "../records/evaluation_record.ts";
import { acceleratorSchema, environmentSchema, halfSchema, taskStyle } from "../records/schema.ts";

const count = () => z.int().min(0);

/** Everything that the samples are a function of, by names and paths, and which of them are wanted. */
export const evaluationSpecSchema = z.strictObject({
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
  split: z.enum(["validation", "test"]),
  /** Number of worked examples in every prompt. */
  shots: count(),
  seed: count(),
  sampling: z.strictObject({ temperature: z.number(), topK: count(), topP: z.number() }),
  maxTokens: z.int().min(1),
  jobs: z.array(z.strictObject({ places: z.array(count()), first: count(), count: z.int().min(1) })),
  device: z.enum(DEVICES),
  /** Which one, and what it is; absent on the CPU. */
  accelerator: acceleratorSchema.exactOptional(),
  precision: halfSchema,
  threads: z.int().min(1),
  /** Completions side by side; null: as suits the model. */
  batch: z.int().min(1).nullable(),
});
export type EvaluationSpec = z.output<typeof evaluationSpecSchema>;

/** What the process says while it runs. */
export type EvaluationEvent =
  | { readonly type: "phase"; readonly phase: string }
  | { readonly type: "environment"; readonly environment: Environment }
  | { readonly type: "sample"; readonly sample: EvaluationSample }
  /** All samples of a batch have been told. */
  | { readonly type: "batch" }
  | { readonly type: "finished"; readonly peakMemoryBytes: number }
  | { readonly type: "stopped" }
  | { readonly type: "failed"; readonly message: string; readonly misuse: boolean; readonly stack: string | null };

/** A line of its standard output. */
export const evaluationEventSchema: z.ZodType<EvaluationEvent> = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("phase"), phase: z.string() }),
  z.strictObject({ type: z.literal("environment"), environment: environmentSchema }),
  z.strictObject({ type: z.literal("sample"), sample: evaluationSampleSchema }),
  z.strictObject({ type: z.literal("batch") }),
  z.strictObject({ type: z.literal("finished"), peakMemoryBytes: count() }),
  z.strictObject({ type: z.literal("stopped") }),
  z.strictObject({
    type: z.literal("failed"),
    message: z.string(),
    misuse: z.boolean(),
    stack: z.string().nullable(),
  }),
]);
