// The memory that a cell will take at its peak, from shapes alone: arrays that are counted, graphs that are built and
// walked but never run (harness/graph/peak_bytes.ts), and two measured numbers, which tests/peers/check_estimate.ts holds
// against real cells: what a process takes before it has a model, and what ONNX Runtime's arenas keep beyond the walk.

import type { Config } from "../config.ts";
import { lower } from "../graph/lower.ts";
import { bytesOfValue, peakBytes } from "../graph/peak_bytes.ts";
import type { Graph } from "../graph/ir.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import { adapterLayout, type AdapterOptions } from "../model/lora.ts";
import { mergedSize } from "../model/merged_adapter.ts";
import { isLarge, MANY_DECODERS, passesKept } from "../runtime/choose.ts";
import { decodeGraph, type DecodeOptions, prefillGraph } from "./decode_graph.ts";
import type { CompletionShape } from "./learner.ts";
import { EMBED_BATCH, EMBED_LENGTHS } from "./policy_embedder.ts";
import { bucketsOf, decodeProducts, roundUp, runLength } from "./run_shapes.ts";
import { type Objective, trainGraph } from "./train_graph.ts";
import type { Shard, WarmUpWork, Workload } from "./workload.ts";

/** Bytes of a process with everything loaded but a policy, of what the garbage collector has not come to, of a worker. */
const PROCESS_BYTES = 150 * 2 ** 20, GARBAGE_BYTES = 200 * 2 ** 20, WORKER_BYTES = 60 * 2 ** 20;

/** An arena over what is live in it at once: regions that grow by doubling, and gaps between what is live. */
const ARENA = 1.22;

/** Where rows end before others: decoders that take over with fewer rows, and what all of them keep over the first. */
const DECODERS = 7, SHRINKING = 3;

/** What a cell takes, in bytes, by what it is for. */
export interface CellBytes {
  /** Deno, ONNX Runtime, tokenizer. */
  readonly process: number;
  readonly weights: number;
  /** What is merged, beside what it is merged into, and what is trained of it. */
  readonly adapter: number;
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
  /** What is trained in place of the weights; null: they are. */
  readonly adapter: AdapterOptions | null;
  readonly config: Pick<Config, "rl" | "evaluation">;
  readonly trains: boolean;
  /** The arm embeds texts with the policy. */
  readonly embeds: boolean;
  readonly threads: number;
}

/**
 * @param heaviest with the longest prompts and completions, since the peak is theirs
 * @param usual how many shapes occur
 */
export function cellBytes(setting: CellSetting, heaviest: Workload, usual: Workload): CellBytes {
  const { model, layout, adapter, config: { rl, evaluation }, embeds, threads } = setting, large = isLarge(layout.size);
  const workers = large || threads === 1 ? 0 : threads, weights = 4 * layout.size, trains = heaviest.updates > 0;
  const trained = adapter ? 4 * adapterLayout(model, adapter).size : weights;
  const adapted = adapter ? 4 * mergedSize(model, layout, adapter) + trained : 0;
  const frozen = weights * (Number(rl.klBeta > 0) + Number(embeds));
  const pass = trains ? passBytes(setting, heaviest, usual) : { arena: 0, handed: 0 };
  const decode = decodeBytes(setting, heaviest, usual);
  // One process, or one and its workers, each with weights and sessions of its own.
  const process = PROCESS_BYTES + (trains ? GARBAGE_BYTES : 0) + workers * (WORKER_BYTES + weights + adapted + frozen);
  const parts = {
    process,
    weights,
    adapter: adapted,
    optimizer: trains ? 2 * trained : 0, // first touched by the first update
    copies: (adapter ? 0 : frozen) + (evaluation.checkpoint === "best" ? trained : 0), // an adapter leaves the weights alone
    gradients: pass.handed * Math.min(2, heaviest.passes.length), // what a pass hands over, and the sum
    passes: Math.max(1, workers) * pass.arena,
    decoding: Math.max(1, workers) * decode.arena,
    embedding: embeds && trains ? Math.max(1, workers) * embedBytes(setting, heaviest) : 0,
  };
  const handed = Math.max(parts.gradients, decode.handed); // not at the same time
  const total = sumOf(Object.values(parts)) - parts.gradients + handed;
  return { ...parts, decoding: parts.decoding + handed - parts.gradients, total: Math.round(total) };
}

/** What a supervised warm-up takes: all weights are trained in it. */
export function warmUpBytes(
  { model, layout, threads }: Pick<CellSetting, "model" | "layout" | "threads">,
  { passes, passShapes }: WarmUpWork,
): number {
  const large = isLarge(layout.size), workers = large || threads === 1 ? 0 : threads, weights = 4 * layout.size;
  const shape = largest(passes, ({ length, batch }) => length * batch)!;
  const graph = trainGraph({
    ...{ config: model, layout, shape, objective: { kind: "supervised" }, temperature: 1, kept: false },
    length: shape.length,
  });
  const arena = Math.min(large ? 1 : passesKept(threads), passShapes) * arenaOf(graph);
  const handed = outputBytes(graph) * Math.min(2, passes.length), process = PROCESS_BYTES + workers * WORKER_BYTES;
  return process + (3 + workers) * weights + handed + Math.max(1, workers) * arena; // few objects: hardly any garbage
}

/** Arenas of the learner's sessions, and the gradients that a pass hands over. */
function passBytes(
  { model, layout, adapter, config: { rl }, threads }: CellSetting,
  heaviest: Workload,
  usual: Workload,
) {
  const build = (objective: Objective) =>
    trainGraph({
      ...{ config: model, layout, adapter, objective, temperature: rl.temperature },
      shape: largest(heaviest.passes, rowsOf)!,
      kept: rl.topK > 0 || rl.topP < 1,
      length: runLength(rl.maxPromptTokens, rl.maxCompletionTokens),
    });
  const { clipLow, clipHigh, klBeta } = rl, graph = build({ kind: "policy-gradient", clipLow, clipHigh, klBeta });
  const sessions = isLarge(layout.size) ? 1 : Math.min(passesKept(threads), usual.passShapes);
  const scoring = klBeta > 0 ? arenaOf(build({ kind: "none" })) : 0;
  return { arena: sessions * arenaOf(graph) + scoring, handed: outputBytes(graph) };
}

/** Arenas of the sampler's sessions, and the caches that a decoder is given and hands over at its longest. */
function decodeBytes({ model, layout, config: { rl } }: CellSetting, heaviest: Workload, usual: Workload) {
  const { tokens } = heaviest, large = isLarge(layout.size);
  const size = ({ prompts, group, promptLength }: Shard) => prompts * (group * tokens + promptLength);
  const of = (shard: Shard) => {
    const options: DecodeOptions = {
      ...{ config: model, layout, ...shard, endTokens: [0], products: decodeProducts(layout) },
      length: runLength(rl.maxPromptTokens, rl.maxCompletionTokens),
      sampling: { greedy: false, temperature: rl.temperature, topK: rl.topK, topP: rl.topP },
    };
    const prefill = prefillGraph(options), decode = decodeGraph(options);
    return {
      arena: arenaOf(prefill) + arenaOf(decode, tokens),
      handed: outputBytes(prefill) + 2 * outputBytes(decode, tokens),
    };
  };
  const most = largest(heaviest.shardShapes, size);
  if (!most) return { arena: 0, handed: 0 };
  const { arena, handed } = of(most);
  if (large) return { arena, handed };
  const kept = Math.floor(MANY_DECODERS / (1 + (usual.shrinks ? DECODERS : 1))); // a prefill, and decoders
  const shapes = usual.shardShapes.toSorted((a, b) => size(b) - size(a)).slice(0, kept);
  return { arena: (usual.shrinks ? SHRINKING : 1) * sumOf(shapes.map((shard) => of(shard).arena)), handed };
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

/** What a session keeps of its largest run. */
const arenaOf = (graph: Graph, dynamic = 1) => ARENA * peakBytes(lower(graph, "cpu"), dynamic);

const outputBytes = (graph: Graph, dynamic = 1) =>
  [...graph.outputs.values()].reduce((sum, value) => sum + bytesOfValue(value, dynamic), 0);

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

const rowsOf = ({ promptLength, prompts, length, group }: CompletionShape) => prompts * (promptLength + length * group);

function largest<T>(items: readonly T[], size: (item: T) => number): T | null {
  return items.reduce<T | null>((most, item) => most === null || size(item) > size(most) ? item : most, null);
}
