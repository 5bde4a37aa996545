// What the times of gpu_bench.ts come to: tokens a second, shares of what the card can do, and the lines of the table.

import { alignColumns } from "../../harness/cli/format.ts";
import type { ModelConfig } from "../../harness/model/config.ts";
import { parameterLayout } from "../../harness/model/layout.ts";
import type { Device } from "../../harness/runtime/devices.ts";
import type { Card } from "./gpu_cards.ts";
import { modelShape, type ShapeName } from "./shapes.ts";

/** How products are computed; TF32 rounds their factors to 10 bits and sums in float32. */
export type Precision = "fp32" | "tf32" | "bf16" | "fp16";

/** How much a step is. */
export interface Sizes {
  /** Of the adapter that is trained; null: all weights are. */
  readonly rank: number | null;
  readonly prompts: number;
  readonly completions: number;
  readonly promptTokens: number;
  readonly tokens: number;
  /** Completions in a backward pass. */
  readonly microBatch: number;
}

/** A shape, and steps of it. */
export interface Case extends Sizes {
  readonly name: string;
  readonly title: string;
  readonly shape: ShapeName;
}

/** Who runs, where and how. */
export interface Side {
  readonly title: string;
  readonly device: Device;
  readonly precision: Precision;
}

/** The peak that a precision is held against. */
const PEAK = { fp32: "fp32", tf32: "tf32", bf16: "half", fp16: "half" } as const;

/** What a process said. */
export interface Measured {
  /** Seconds of each step that counts. */
  readonly rollout: readonly number[];
  readonly update: readonly number[];
  readonly microBatch: number;
  /** MiB that the card's used memory rose by; null: nobody tells. */
  readonly deviceMib: number | null;
  readonly hostBytes: number | null;
  readonly configuration: string | null;
  readonly versions: Readonly<Record<string, string>>;
  /** What went wrong; the steps before that stand. */
  readonly error: string | null;
}

/** Where and how a case was run. */
export interface Row {
  readonly entry: Case;
  readonly side: Side;
  readonly rounds: Measured[];
}

/**
 * What a step needs at least, however it is done: FLOP of the update, and numbers that the rollout reads. Prompts are read
 * once for all of their completions.
 */
export function needs(config: ModelConfig, sizes: Sizes): { update: number; bytes: number } {
  const { layers, heads, kvHeads, headDim, vocabSize, hiddenSize } = config, { size } = parameterLayout(config);
  const { prompts, completions, promptTokens, tokens, rank } = sizes, rows = prompts * completions;
  const head = vocabSize * hiddenSize, wide = 4 * layers * heads * headDim; // attention, two products for each position
  const read = prompts * promptTokens * (2 * (size - head) + wide * promptTokens / 2);
  const forward = read + rows * tokens * (2 * size + wide * (promptTokens + tokens / 2));
  const caches = 2 * layers * kvHeads * headDim * (prompts * promptTokens + rows * tokens / 2); // in the mean
  return { update: forward * (rank === null ? 3 : 2), bytes: tokens * (size + caches) };
}

/** NaN of none. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length / 2;
  return (sorted[Math.ceil(middle - 1)]! + sorted[Math.floor(middle)]!) / 2;
}
const largest = (values: readonly (number | null)[]) => Math.max(...values.map((value) => value ?? NaN));

/** The numbers of a row; NaN where there is none. */
export function figures({ entry, side, rounds }: Row, card: Card | undefined) {
  const rollout = median(rounds.flatMap((round) => round.rollout));
  const update = median(rounds.flatMap((round) => round.update));
  const { prompts, completions, promptTokens, tokens } = entry, drawn = prompts * completions * tokens;
  const needed = needs(modelShape(entry.shape), entry), onCard = side.device !== "cpu";
  const flops = 1e12 * (onCard ? card?.tflops[PEAK[side.precision]] ?? card?.tflops.fp32 ?? NaN : NaN); // no TF32: float32
  const bytes = 1e9 * (onCard ? card?.gigabytes ?? NaN : NaN), width = PEAK[side.precision] === "half" ? 2 : 4;
  return {
    stepSeconds: rollout + update,
    rolloutSeconds: rollout,
    updateSeconds: update,
    drawnPerSecond: drawn / rollout,
    trainedPerSecond: (drawn + prompts * promptTokens) / update,
    flopsShare: needed.update / update / flops,
    bandwidthShare: needed.bytes * width / rollout / bytes,
    deviceMib: largest(rounds.map((round) => round.deviceMib)),
    hostBytes: largest(rounds.map((round) => round.hostBytes)),
    microBatch: Math.min(...rounds.map((round) => round.microBatch)),
    error: rounds.find(({ error }) => error !== null)?.error ?? null,
  };
}

export const HEAD = [
  "shape",
  "side",
  "step, s",
  "rollout, s",
  "update, s",
  "drawn tokens/s",
  "trained tokens/s",
  "of peak FLOP/s",
  "of bandwidth",
  "device, GiB",
  "host, GiB",
  "pass",
  "",
];

export function cells(row: Row, card: Card | undefined): string[] {
  const f = figures(row, card), { entry, side } = row;
  const number = (value: number, digits: number) => Number.isFinite(value) ? value.toFixed(digits) : "-";
  const share = (value: number) => Number.isFinite(value) ? `${(100 * value).toPrecision(2)} %` : "-";
  const seconds = [f.stepSeconds, f.rolloutSeconds, f.updateSeconds].map((value) => number(value, 3));
  const rates = [f.drawnPerSecond, f.trainedPerSecond].map((value) => number(value, 0));
  const memory = [f.deviceMib / 2 ** 10, f.hostBytes / 2 ** 30].map((value) => number(value, 2));
  const shares = [share(f.flopsShare), share(f.bandwidthShare)];
  return [entry.title, side.title, ...seconds, ...rates, ...shares, ...memory, `${f.microBatch}`, f.error ?? ""];
}

/** What went wrong stands behind the columns: it may be long. */
export function table(rows: readonly string[][]): string {
  const notes = [HEAD, [], ...rows].map((row) => row[HEAD.length - 1] ?? "");
  const columns = [HEAD, [], ...rows].map((row) => row.slice(0, HEAD.length - 1));
  return alignColumns(columns, 2).split("\n").map((line, i) => `${line}  ${notes[i]}`.trimEnd()).join("\n");
}
