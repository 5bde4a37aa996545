// What passes between an experiment and the process of one cell: a CellSpec goes in as the first line of standard input,
// CellEvents (harness/contract.ts) come out as lines on standard output. A later line "stop" asks the cell to come to its
// end; the end of standard input says that the experiment is gone. Both sides check what they read.

import { z } from "zod";
import { configSchema } from "../config.ts";
import type { CellEvent } from "../contract.ts";
import type { Device } from "../runtime/session.ts";
import { environmentSchema, evaluationSchema, outcomeSchema, sampleSchema, stepSchema } from "../records/schema.ts";

/** Where graphs run. The runtime's own list would load onnxruntime-node, which only workers need. */
export const devices = ["cpu", "webgpu", "cuda"] as const satisfies readonly Device[];

/** Everything that a cell is a function of, by names and paths, and where it keeps what it resumes from. */
export const cellSpecSchema = z.strictObject({
  /** The cell's folder, absolute. */
  folder: z.string(),
  task: z.string(),
  taskOptions: z.strictObject({ dataDir: z.string().nullable(), level: z.int() }),
  /** File that defines the task; null for one of Matchbox. */
  taskFile: z.string().nullable(),
  /** Folder of the policy. */
  policy: z.string(),
  arm: z.string(),
  /** File that defines the arm; null for one of Matchbox. */
  armFile: z.string().nullable(),
  seed: z.int().min(0),
  config: configSchema,
  /** What goes into the match proof: the digest of the config before the arm's fields, places of the question order. */
  matched: z.strictObject({ config: z.string(), places: z.int().min(1) }),
  device: z.enum(devices),
  threads: z.int().min(1),
  checkpoints: z.strictObject({ folder: z.string(), every: z.int().min(1), keep: z.int().min(1) }).nullable(),
  /** Whole lines in steps.jsonl: the newest checkpoint that may be taken up. */
  resumeAt: z.int().min(0),
  /** It serves to choose a setting, and sees no test question. */
  validationOnly: z.boolean(),
});
export type CellSpec = z.output<typeof cellSpecSchema>;

/** A line of a cell's standard output. */
export const cellEventSchema: z.ZodType<CellEvent> = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("phase"), phase: z.string() }),
  z.strictObject({ type: z.literal("resumed"), step: z.int().min(0), evaluations: z.array(evaluationSchema) }),
  z.strictObject({ type: z.literal("warning"), message: z.string() }),
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
  z.strictObject({
    type: z.literal("failed"),
    message: z.string(),
    misuse: z.boolean(),
    stack: z.string().nullable(),
  }),
]);

/** A reader of what a process says, by the schema of its events. It throws Error for what looks like an event and is none. */
export function eventReader<Event>(schema: z.ZodType<Event>): (value: unknown) => Event {
  return (value) => {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    throw new Error(`Cannot read an event of the cell's process: ${issue?.path.join(".")}: ${issue?.message}`);
  };
}

/** What a cell's process says. */
export const readCellEvent = eventReader(cellEventSchema);
