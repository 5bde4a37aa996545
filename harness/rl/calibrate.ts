// How fast this machine is at a cell's own work: the graphs of the sampler and the learner at their real widths and rows,
// with fewer layers and a smaller vocabulary, run a few times. Time is linear in both, so that two points each tell what
// the whole model takes. A small model is measured as it is. Weights are arbitrary: speed does not depend on them.

import type { Config } from "../config.ts";
import type { Graph } from "../graph/ir.ts";
import type { ModelConfig } from "../model/config.ts";
import { type Layout, parameterLayout, type Weights } from "../model/layout.ts";
import type { AdapterOptions } from "../model/lora.ts";
import { MergedAdapter } from "../model/merged_adapter.ts";
import { residentWeights } from "../model/transformer.ts";
import { isLarge } from "../runtime/choose.ts";
import {
  type Device,
  LocalRuntime,
  release,
  type Resident,
  type Session,
  type Tensor,
  type Tensors,
} from "../runtime/session.ts";
import { cacheNames, decodeGraph, type DecodeOptions, prefillGraph } from "./decode_graph.ts";
import { type CompletionShape, layOut, type SampleGroup } from "./learner.ts";
import { AdamW } from "./optimizer.ts";
import { decodeProducts, promptFeeds, runLength, SEGMENT } from "./run_shapes.ts";
import { gradientName, type Objective, type PassShape, type SequenceShape, trainGraph } from "./train_graph.ts";
import type { Shard } from "./workload.ts";

/** What is measured. */
export interface Probe {
  readonly model: ModelConfig;
  readonly rl: Config["rl"];
  /** What is trained in place of the weights; null: they are. */
  readonly adapter: AdapterOptions | null;
  readonly device: Device;
  readonly threads: number;
  readonly tokens: number;
  /** Shards to generate: their prompts are read in the first alone. */
  readonly shards: readonly Shard[];
  /** Null where nothing is trained. */
  readonly pass: CompletionShape | null;
  /** A pass of the supervised warm-up; null without one. */
  readonly warmUp: SequenceShape | null;
}

/** Seconds of training. */
export interface TrainingSpeed {
  /** One pass, its gradients handed over; and the same for the reference of the KL penalty. */
  readonly pass: number;
  readonly reference: number;
  /** Adding the gradients of a further pass. */
  readonly add: number;
  /** The optimizer's step, and what is trained merged into the weights. */
  readonly step: number;
  /** Making the session of a pass. */
  readonly session: number;
}

/** Seconds. */
export interface Speed {
  /** Reading the prompts of the first shard. */
  readonly prefill: number;
  /** Making the sessions of a shard. */
  readonly shardSessions: number;
  /** All further tokens of each shard. */
  readonly decode: readonly number[];
  readonly training: TrainingSpeed;
  readonly warmUp: TrainingSpeed;
}

/** Weights of so many bytes do not stay in a processor's caches from one token to the next. */
const BEYOND_CACHES = 96 * 2 ** 20;
/** Passes read theirs for many rows: so many make a model a large one, whose graphs differ from a small one's. */
const STILL_LARGE = 65 * 2 ** 20;
const VOCABULARIES = [4096, 32768] as const;
/** Tokens of a segment that is run. */
const PROBE_STEPS = 9;
const ONE_STEP: Tensor = { data: BigInt64Array.of(1n), shape: [1] };

/** Sizes to measure at: the model as it is, or with few layers, twice as many, and a larger vocabulary. */
export function probeSizes(model: ModelConfig, few: number): ModelConfig[] {
  const { layers, vocabSize } = model, [small, large] = VOCABULARIES;
  if (!isLarge(parameterLayout(model).size) || 2 * few > layers) return [model];
  const first = { ...model, layers: few, vocabSize: Math.min(small, vocabSize) };
  const wider = { ...first, vocabSize: Math.min(large, vocabSize) };
  return [first, { ...first, layers: 2 * few }, ...(vocabSize > small ? [wider] : [])];
}

/** Layers that have so many bytes of weights. */
function layersOf(model: ModelConfig, bytes: number): number {
  const floats = (layers: number) => parameterLayout({ ...model, layers }).size;
  return Math.ceil(bytes / (4 * (floats(2) - floats(1))));
}

/** @throws as sessions do: MisuseError for a device that is not there */
export async function calibrate(probe: Probe): Promise<Speed> {
  const { model, pass, warmUp, adapter, rl } = probe;
  const [prefill = 0, shardSessions = 0, ...decode] = await extrapolated(
    model,
    layersOf(model, BEYOND_CACHES),
    (size) => generation(probe, size),
  );
  const trained = async (work: Training | null): Promise<TrainingSpeed> => {
    const [pass = 0, reference = 0, add = 0, step = 0, session = 0] = work
      ? await extrapolated(model, layersOf(model, STILL_LARGE), (size) => training(probe, work, size))
      : [];
    return { pass, reference, add, step, session };
  };
  const { clipLow, clipHigh, klBeta } = rl,
    objective: Objective = { kind: "policy-gradient", clipLow, clipHigh, klBeta: 0 };
  return {
    ...{ prefill, shardSessions, decode },
    training: await trained(
      pass && { shape: pass, feeds: layOut(groupsOf(pass), pass, null), objective, adapter, scored: klBeta > 0 },
    ),
    warmUp: await trained(
      warmUp && {
        ...{ shape: warmUp, feeds: demonstrationFeeds(warmUp), objective: { kind: "supervised" }, adapter: null },
        scored: false,
      },
    ),
  };
}

/** Training to be measured. */
interface Training {
  readonly shape: PassShape;
  readonly feeds: Record<string, Tensor>;
  readonly objective: Objective;
  readonly adapter: AdapterOptions | null;
  /** A reference scores what is trained on. */
  readonly scored: boolean;
}

/** What numbers that are measured at smaller sizes come to at the model's own: they are linear in layers and words. */
async function extrapolated(
  model: ModelConfig,
  few: number,
  measure: (size: ModelConfig) => Promise<readonly number[]>,
): Promise<number[]> {
  const sizes = probeSizes(model, few), points: (readonly number[])[] = [];
  for (const size of sizes) points.push(await measure(size));
  const [at, deep, wide] = sizes, [first, deeper, wider] = points;
  return first!.map((value, i) => {
    const layer = deeper ? Math.max(0, deeper[i]! - value) / (deep!.layers - at!.layers) : 0;
    const word = wider ? Math.max(0, wider[i]! - value) / (wide!.vocabSize - at!.vocabSize) : 0;
    return value + layer * (model.layers - at!.layers) + word * (model.vocabSize - at!.vocabSize);
  });
}

/** Runtime of a probe: runs of a small model have one thread each. */
function runtimeOf({ model, device, threads }: Probe): LocalRuntime {
  return new LocalRuntime({ device, threads: isLarge(parameterLayout(model).size) ? threads : 1 });
}

/** Seconds of the first shard's prefill, of making its sessions, and of each shard's further tokens. */
async function generation(probe: Probe, model: ModelConfig): Promise<number[]> {
  const { rl, tokens, shards } = probe, layout = parameterLayout(model), runtime = runtimeOf(probe);
  const resident = residentWeights(arbitraryWeights(layout)), decode: number[] = [];
  let prefill = 0, making = 0;
  const load = async (graph: Graph) => {
    const start = performance.now(), session = await runtime.load(graph);
    making += (performance.now() - start) / 1000;
    return session;
  };
  for (const [i, shard] of shards.entries()) {
    const options: DecodeOptions = {
      ...{ config: model, layout, ...shard, endTokens: [-1], products: decodeProducts(parameterLayout(probe.model)) },
      length: runLength(rl.maxPromptTokens, rl.maxCompletionTokens),
      sampling: { greedy: false, temperature: rl.temperature, topK: rl.topK, topP: rl.topP },
    };
    if (i === 0) {
      const session = await load(prefillGraph(options)), feeds = prefillFeeds(shard);
      prefill = await timed(async () => release(await session.run(feeds, { resident })));
      await session.dispose();
    }
    const session = i === 0 ? await load(decodeGraph(options)) : await runtime.load(decodeGraph(options));
    decode.push(await decodeSeconds(session, resident, model, shard, tokens));
    await session.dispose();
  }
  return [prefill, making, ...decode];
}

/** Seconds of a pass, of one for the reference, of adding its gradients, of the optimizer's step, of making its session. */
async function training(
  probe: Probe,
  { shape, feeds, objective, adapter, scored }: Training,
  model: ModelConfig,
): Promise<number[]> {
  const { rl, threads } = probe, layout = parameterLayout(model), weights = arbitraryWeights(layout);
  const runtime = runtimeOf(probe),
    merged = adapter && await MergedAdapter.create(model, weights, adapter, { seed: 0, threads });
  const trained = merged?.weights ?? weights, resident = merged?.resident ?? residentWeights(weights);
  const load = (objective: Objective) =>
    runtime.load(trainGraph({
      ...{ config: model, layout, adapter, shape, objective, temperature: rl.temperature, kept: false },
      length: shape.kind === "sequences" ? shape.length : runLength(rl.maxPromptTokens, rl.maxCompletionTokens),
      logitsBytes: Math.ceil(2 ** 28 * model.vocabSize / probe.model.vocabSize), // chunks of as many rows as they will have
    }));
  const adding: number[] = [], optimizer = await AdamW.create(trained, rl, runtime.options.threads);
  const begun = performance.now(), session = await load(objective);
  const making = (performance.now() - begun) / 1000;
  await optimizer.add(await session.run(feeds, { resident })); // and the warm-up
  const both = await timed(async () => {
    const results = await session.run(feeds, { resident }), start = performance.now();
    await optimizer.add(results);
    adding.push((performance.now() - start) / 1000);
  }, null);
  await session.dispose();
  const add = median(adding),
    gradient = (): Tensors =>
      Object.fromEntries(
        trained.layout.parameters.map((
          { name, shape, size },
        ) => [gradientName(name), { data: new Float32Array(size), shape }]),
      );
  const step = await timed(async () => {
    await optimizer.step(1e-9);
    await merged?.merge();
    await optimizer.add(gradient());
  });
  await Promise.all([optimizer.dispose(), merged?.dispose()]);
  if (!scored) return [both - add, 0, add, step, making];
  const scorer = await load({ kind: "none" }), { weight: _w, advantage: _a, counted: _c, old: _o, ...asked } = feeds;
  const reference = await timed(async () => release(await scorer.run(asked, { resident })));
  await scorer.dispose();
  return [both - add, reference, add, step, making];
}

/** Median seconds of a few runs, after one that does not count; of a long run, that of one. */
async function timed(run: () => Promise<void>, warm: (() => Promise<void>) | null = run): Promise<number> {
  await warm?.();
  const seconds: number[] = [], begun = performance.now();
  do {
    const start = performance.now();
    await run();
    seconds.push((performance.now() - start) / 1000);
  } while (seconds.length < 9 && performance.now() - begun < 300);
  return median(seconds);
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** All tokens after the first, from a segment at the beginning and one at the end: time grows with the cache. */
async function decodeSeconds(
  session: Session,
  resident: Resident,
  model: ModelConfig,
  shard: Shard,
  tokens: number,
): Promise<number> {
  const steps = tokens - 1;
  if (steps < 1) return 0;
  const long = Math.min(PROBE_STEPS, steps);
  const segment = async (held: number) => { // what a run costs, and each of its tokens
    const feeds = decodeFeeds(model, shard, held, long), one = { ...feeds, steps: ONE_STEP };
    const run = async (feeds: Record<string, Tensor>) => release(await session.run(feeds, { resident }));
    const seconds = await timed(() => run(feeds), () => run(one));
    if (long === 1) return seconds;
    const each = Math.max(0, seconds - await timed(() => run(one), null)) / (long - 1);
    return seconds + (Math.min(SEGMENT, steps) - long) * each;
  };
  const segments = steps / Math.min(SEGMENT, steps), first = await segment(0);
  return segments * (segments > 1 ? (first + await segment(steps - long)) / 2 : first);
}

/** Weights that keep activations and gradients of a usual size: numbers too small for float32 would slow down sums. */
function arbitraryWeights(layout: Layout): Weights {
  const data = new Float32Array(layout.size);
  for (let i = 0; i < data.length; i++) data[i] = (Math.imul(i, 0x9e3779b1) >> 8) * 2 ** -28;
  for (const { name, offset, size } of layout.parameters) {
    if (name.endsWith("norm.weight")) data.fill(1, offset, offset + size);
  }
  return { layout, data };
}

const filled = (shape: readonly number[]): Tensor => ({
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.01),
  shape,
});

function promptsOf({ prompts, promptLength }: Pick<Shard, "prompts" | "promptLength">): Int32Array[] {
  return Array.from({ length: prompts }, () => new Int32Array(promptLength).fill(1));
}

function prefillFeeds(shard: Shard): Record<string, Tensor> {
  const { promptTokens, promptLast } = promptFeeds(promptsOf(shard), shard.promptLength);
  return { promptTokens, promptLast, uniform: filled([shard.prompts * shard.group]) };
}

/** Feeds of a segment after `held` tokens. */
function decodeFeeds(
  { layers, kvHeads, headDim }: ModelConfig,
  shard: Shard,
  held: number,
  steps: number,
): Record<string, Tensor> {
  const { prompts, promptLength, group } = shard, rows = prompts * group, feeds: Record<string, Tensor> = {};
  const prompt = filled([prompts, kvHeads, promptLength, headDim]);
  const own = filled([prompts, kvHeads, group, held, headDim]);
  for (let layer = 0; layer < layers; layer++) {
    const names = cacheNames(layer);
    // Arrays of their own: one that all layers share would stay in the processor's caches.
    const copy = ({ data, shape }: Tensor): Tensor => ({ data: data.slice(), shape });
    Object.assign(feeds, { [names.promptK]: copy(prompt), [names.promptV]: copy(prompt) });
    Object.assign(feeds, { [names.k]: copy(own), [names.v]: copy(own) });
  }
  return {
    ...feeds,
    promptMask: promptFeeds(promptsOf(shard), promptLength).promptMask,
    token: { data: new BigInt64Array(rows).fill(1n), shape: [rows] },
    done: { data: new Uint8Array(rows), shape: [rows] },
    position: { data: new BigInt64Array(rows).fill(BigInt(promptLength + held)), shape: [rows] },
    steps: { data: BigInt64Array.of(BigInt(steps)), shape: [1] },
    uniform: { data: new Float32Array(steps * rows).fill(0.5), shape: [steps, rows] },
  };
}

/** Demonstrations that fill a pass. */
function demonstrationFeeds({ length, batch }: SequenceShape): Record<string, Tensor> {
  const rows = length * batch, tokens = new BigInt64Array(rows).fill(1n);
  return {
    tokens: { data: tokens, shape: [rows] },
    targets: { data: tokens, shape: [rows, 1] },
    weight: { data: new Float32Array(rows).fill(1 / rows), shape: [rows, 1] },
  };
}

/** A batch that fills a pass. */
function groupsOf({ prompts, promptLength, length, group }: CompletionShape): SampleGroup[] {
  return promptsOf({ prompts, promptLength }).map((prompt) => ({
    prompt,
    samples: Array.from({ length: group }, (_, i) => ({
      tokens: new Int32Array(length).fill(1),
      probabilities: new Float32Array(length).fill(1e-3),
      kept: null,
      advantage: i % 2 === 0 ? 1 : -1,
      weight: 1 / (group * length),
    })),
  }));
}
