// What passes between an experiment and the process of one cell: a CellSpec goes in as one line of JSON on standard
// input, CellEvents (harness/contract.ts) come out as lines on standard output. Both sides check what they read.

import { z } from "zod";
import { configSchema } from "../config.ts";
import type { CellEvent } from "../contract.ts";
import type { Device } from "../runtime/session.ts";
import { environmentSchema, evaluationSchema, outcomeSchema, sampleSchema, stepSchema } from "../records/schema.ts";

/** Where graphs run. The runtime's own list would load onnxruntime-node, which only workers need. */
export const devices = ["cpu", "webgpu", "cuda"] as const satisfies readonly Device[];

/** Everything that a cell is a function of, by names and paths. */
export const cellSpecSchema = z.strictObject({
  task: z.string(),
  taskOptions: z.strictObject({ dataDir: z.string().nullable(), level: z.int() }),
  /** Folder of the policy. */
  policy: z.string(),
  arm: z.string(),
  seed: z.int().min(0),
  config: configSchema,
  device: z.enum(devices),
  threads: z.int().min(1),
});
export type CellSpec = z.output<typeof cellSpecSchema>;

/** A line of a cell's standard output. */
export const cellEventSchema: z.ZodType<CellEvent> = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("phase"), phase: z.string() }),
  z.strictObject({ type: z.literal("step"), record: stepSchema, updates: z.int().min(0) }),
  z.strictObject({ type: z.literal("evaluation"), record: evaluationSchema }),
  z.strictObject({ type: z.literal("sample"), record: sampleSchema }),
  z.strictObject({
    type: z.literal("finished"),
    outcome: outcomeSchema,
    environment: environmentSchema,
    peakMemoryBytes: z.int().min(0),
  }),
  z.strictObject({
    type: z.literal("failed"),
    message: z.string(),
    misuse: z.boolean(),
    stack: z.string().nullable(),
  }),
]);
