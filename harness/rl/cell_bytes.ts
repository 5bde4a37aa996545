// The memory that a cell will take at its peak, from shapes alone: arrays that are counted, graphs that are built and
// walked but never run (harness/graph/peak_bytes.ts), and two measured numbers, which tests/peers/check_estimate.ts holds
// against real cells: what a process takes before it has a model, and what ONNX Runtime's arenas keep beyond the walk.

import type { Config } from "../config.ts";
import { lower } from "../graph/lower.ts";
import { bytesOfValue, peakBytes } from "../graph/peak_bytes.ts";
import type { Graph } from "../graph/ir.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import { isLarge, MANY_PASSES } from "../runtime/choose.ts";
import { decodeGraph, type DecodeOptions, prefillGraph } from "./decode_graph.ts";
import type { CompletionShape } from "./learner.ts";
import { EMBED_BATCH, EMBED_LENGTHS } from "./policy_embedder.ts";
import { bucketsOf, decodeProducts, roundUp, runLength } from "./sampler.ts";
import { trainGraph } from "./train_graph.ts";
import type { Workload } from "./workload.ts";

/** Bytes of a process with everything loaded but a policy, of what the garbage collector has not come to, of a worker. */
const PROCESS_BYTES = 150 * 2 ** 20, GARBAGE_BYTES = 200 * 2 ** 20, WORKER_BYTES = 60 * 2 ** 20;

/** An arena over what is live in it at once: regions that grow by doubling, and gaps between what is live. */
const ARENA = 1.22;

/** Decoders of a small model, in the largest one's arenas: as rows end, others of fewer rows take over. */
const EVALUATING = 3, ROLLING_OUT = 3;

/** What a cell takes, in bytes, by what it is for. */
export interface CellBytes {
  /** Deno, ONNX Runtime, tokenizer. */
  readonly process: number;
  readonly weights: number;
  /** Both moments of AdamW. */
  readonly optimizer: number;
  /** Weights beside the trained ones: the reference of the KL penalty, the best on validation, the embedder's. */
  readonly copies: number;
  /** Of a batch: what a pass hands over, and the sum where there are several. */
  readonly gradients: number;
  /** Activations, logits and whatever else a pass makes. */
  readonly passes: number;
  /** Prompts' and completions' caches and logits. */
  readonly decoding: number;
  /** Vectors of texts by the initial policy, for arms that ask for them. */
  readonly embedding: number;
  /** All of it at once. */
  readonly total: number;
}

/** What decides beside the shapes. */
export interface CellSetting {
  readonly model: ModelConfig;
  readonly layout: Layout;
  readonly config: Pick<Config, "rl" | "evaluation">;
  readonly trains: boolean;
  /** The arm embeds texts with the policy. */
  readonly embeds: boolean;
  readonly threads: number;
}

/** @param work with the longest prompts, since the peak is theirs */
export function cellBytes(setting: CellSetting, work: Workload): CellBytes {
  const { layout, config: { rl, evaluation }, embeds, threads } = setting, large = isLarge(layout.size);
  const workers = large || threads === 1 ? 0 : threads, weights = 4 * layout.size, trained = work.updates > 0;
  const copies = weights * (Number(rl.klBeta > 0) + Number(evaluation.checkpoint === "best") + Number(embeds));
  const pass = trained ? passBytes(setting, work, large) : { arena: 0, handed: 0 },
    decode = decodeBytes(setting, work, large);
  // One process, or one and its workers, each with weights and sessions of its own.
  const process = PROCESS_BYTES + (trained ? GARBAGE_BYTES : 0) + workers * (WORKER_BYTES + weights);
  const parts = {
    process,
    weights,
    optimizer: trained ? 2 * weights : 0, // first touched by the first update
    copies,
    gradients: pass.handed * Math.min(2, work.passes.length), // what a pass hands over, and the sum
    passes: Math.max(1, workers) * pass.arena,
    decoding: Math.max(1, workers) * decode.arena,
    embedding: embeds && trained ? Math.max(1, workers) * embedBytes(setting, work) : 0,
  };
  const handed = Math.max(parts.gradients, decode.handed); // not at the same time
  const total = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) - parts.gradients + handed;
  return { ...parts, decoding: parts.decoding + handed - parts.gradients, total: Math.round(total) };
}

/** Arenas of the learner's sessions, and the gradients that a pass hands over. */
function passBytes({ model, layout, config: { rl } }: CellSetting, work: Workload, large: boolean) {
  const graph = trainGraph({
    config: model,
    layout,
    shape: largest(work.passes, rowsOf)!,
    objective: { kind: "policy-gradient", clipLow: rl.clipLow, clipHigh: rl.clipHigh, klBeta: rl.klBeta },
    temperature: rl.temperature,
    kept: rl.topK > 0 || rl.topP < 1,
    length: runLength(rl.maxPromptTokens, rl.maxCompletionTokens),
  });
  const shapes = Math.ceil(rl.maxCompletionTokens / bucketsOf(layout.size).completion);
  const sessions = large ? 1 : Math.min(MANY_PASSES, shapes);
  return { arena: sessions * ARENA * peakBytes(lower(graph, "cpu")), handed: outputBytes(graph) };
}

/** Arenas of the sampler's sessions, and the caches that a decoder is given and hands over at its longest. */
function decodeBytes({ model, layout, config: { rl } }: CellSetting, work: Workload, large: boolean) {
  const { tokens } = work, shards = [...work.rollout, ...work.validation, ...work.test, ...work.sampled];
  const shard = largest(shards, ({ prompts, group, promptLength }) => prompts * (group * tokens + promptLength));
  if (!shard) return { arena: 0, handed: 0 };
  const options: DecodeOptions = {
    ...{ config: model, layout, ...shard, endTokens: [0], products: decodeProducts(layout) },
    length: runLength(rl.maxPromptTokens, rl.maxCompletionTokens),
    sampling: { greedy: false, temperature: rl.temperature, topK: rl.topK, topP: rl.topP },
  };
  const prefill = prefillGraph(options), decode = decodeGraph(options);
  const live = peakBytes(lower(prefill, "cpu")) + peakBytes(lower(decode, "cpu"), tokens);
  const sessions = large ? 1 : EVALUATING + (work.updates > 0 ? ROLLING_OUT : 0);
  return { arena: sessions * ARENA * live, handed: outputBytes(prefill) + 2 * outputBytes(decode, tokens) };
}

/** Arenas of the policy embedder's sessions: half of the layers read texts as a prefill would. */
function embedBytes({ model, layout, config: { rl } }: CellSetting, { tokens }: Workload): number {
  const promptLength = roundUp(tokens, bucketsOf(layout.size).completion);
  const graph = prefillGraph({
    ...{
      config: { ...model, layers: Math.ceil(model.layers / 2) },
      layout,
      prompts: EMBED_BATCH,
      promptLength,
      group: 1,
    },
    ...{ endTokens: [0], products: "rows" as const, length: Math.max(promptLength, rl.maxCompletionTokens) },
    sampling: { greedy: true, temperature: 1, topK: 0, topP: 1 },
  });
  const sessions = Math.min(EMBED_LENGTHS, promptLength / bucketsOf(layout.size).completion);
  return sessions * ARENA * (peakBytes(lower(graph, "cpu")) - outputBytes(graph));
}

const outputBytes = (graph: Graph, dynamic = 1) =>
  [...graph.outputs.values()].reduce((sum, value) => sum + bytesOfValue(value, dynamic), 0);

const rowsOf = ({ promptLength, prompts, length, group }: CompletionShape) => prompts * (promptLength + length * group);

function largest<T>(items: readonly T[], size: (item: T) => number): T | null {
  return items.reduce<T | null>((most, item) => most === null || size(item) > size(most) ? item : most, null);
}
