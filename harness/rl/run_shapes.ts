// The shapes that runs come in: prompts and completions are padded to a few lengths, and so many rows go side by side. They
// depend on the model and the kind of device alone, never on the machine, because sums of floats depend on them.

import type { Layout } from "../model/layout.ts";
import { MASKED, type Model } from "../model/transformer.ts";
import { isLarge } from "../runtime/choose.ts";
import type { Device } from "../runtime/devices.ts";
import type { Tensor } from "../runtime/session.ts";

/**
 * Prompts and completions are padded to multiples of these, so that few shapes occur; fewer of a large model, whose
 * sessions are costly to make and keep gigabytes.
 */
const BUCKETS = { small: { prompt: 16, completion: 16 }, large: { prompt: 64, completion: 32 } };

/** The buckets of a model with so many floats of weights. */
export const bucketsOf = (weights: number): { prompt: number; completion: number } =>
  isLarge(weights) ? BUCKETS.large : BUCKETS.small;

/** Tokens drawn between two looks at which rows have ended. A device looks once: its caches would have to come and go. */
export const SEGMENT = 24;
export const segmentOf = (device: Device): number => device === "cpu" ? SEGMENT : Infinity;

/** Tokens of a run where caches stay on the device: each run costs its feeds and its outputs, and nothing looks in between. */
export const STAYING_TOKENS = 8;

export const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Prompts [S, P] time-major, padded at the end, as both graphs and the trainer take them. */
export function promptFeeds(
  prompts: readonly Int32Array[],
  length: number,
): Record<"promptTokens" | "promptLast" | "promptMask", Tensor> {
  const count = prompts.length;
  const tokens = new BigInt64Array(length * count),
    last = new BigInt64Array(count),
    mask = new Float32Array(count * length);
  prompts.forEach((prompt, p) => {
    prompt.forEach((token, t) => tokens[t * count + p] = BigInt(token));
    last[p] = BigInt((prompt.length - 1) * count + p);
    mask.fill(MASKED, p * length + prompt.length, (p + 1) * length);
  });
  return {
    promptTokens: { data: tokens, shape: [length * count] },
    promptLast: { data: last, shape: [count] },
    promptMask: { data: mask, shape: [count, 1, 1, 1, length] },
  };
}

/** Positions of the longest sequence that a run can lay out: what rotary tables are made for. */
export const runLength = (maxPromptTokens: number, maxCompletionTokens: number): number =>
  roundUp(maxPromptTokens, BUCKETS.large.prompt) + roundUp(maxCompletionTokens, BUCKETS.large.completion);

/** Bucketed length of the longest of the prompts. */
export const promptBucket = (prompts: readonly Int32Array[], multiple: number = BUCKETS.small.prompt): number =>
  roundUp(Math.max(...prompts.map((prompt) => prompt.length)), multiple);

/**
 * Rows that go side by side in one run; constants, so that nothing depends on the number of workers. A large model's
 * products have the rows as columns, and the CPU kernel adds up in other blocks where these are more than 16. A device
 * reads its weights once a token for all rows: there they are as many as its memory may be thought to hold caches for.
 */
const SHARD_ROWS = { small: 32, large: 16, device: 128 };

/** Prompts with so many completions each that go side by side. */
export const shardPrompts = ({ size }: Layout, group: number, device: Device = "cpu"): number => {
  const rows = device !== "cpu" ? SHARD_ROWS.device : isLarge(size) ? SHARD_ROWS.large : SHARD_ROWS.small;
  return Math.max(1, Math.floor(rows / group));
};

/** How decoding multiplies: with few rows against weights that do not fit the CPU's cache, columns are faster. */
export const decodeProducts = ({ size }: Layout, device: Device = "cpu"): Model["products"] =>
  device === "cpu" && isLarge(size) ? "columns" : "rows";
