// The sampler's two graphs, over the layers that training runs. `prefillGraph` reads prompts and leaves their caches and
// the distribution of the first token; `decodeGraph` draws up to N tokens for each row inside one ONNX Loop: the caches
// never leave the runtime, the completions of a prompt share its cache, and the loop ends when every row has ended.
// Where caches stay on a device between runs another graph draws (staying_decode_graph.ts).
//
// Sampling is inside as well, from one uniform number a row and token: the token is the first whose running sum of
// probability exceeds u times the total (inverse transform), so a draw depends on its own coordinates only.

import type { Precision } from "../base/device_names.ts";
import { type Dim, dimension, Graph, type Value } from "../graph/ir.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import {
  causal,
  declareModel,
  decoder,
  fusedWeights,
  headWeight,
  type LayerCache,
  type Model,
} from "../model/transformer.ts";

/** How tokens are drawn. Greedy takes the likeliest; its probability is that of temperature 1. */
export interface Sampling {
  readonly greedy: boolean;
  readonly temperature: number;
  /** 0 keeps all. */
  readonly topK: number;
  /** 1 keeps all. */
  readonly topP: number;
}

export interface DecodeOptions {
  readonly config: ModelConfig;
  readonly layout: Layout;
  /** Longest sequence, prompt and completion together. */
  readonly length: number;
  readonly sampling: Sampling;
  readonly endTokens: readonly number[];
  readonly prompts: number;
  readonly promptLength: number;
  /** Completions of each prompt. */
  readonly group: number;
  readonly products: Model["products"];
  /** For a device that keeps caches, and weights, which are the trainer's then. @default null */
  readonly staying?: Staying | null;
}

/** How caches stay on a device. */
export interface Staying {
  /** Tokens that a run draws for each row. */
  readonly tokens: number;
  /** Tokens that a row's cache has room for, its prompt's among them. */
  readonly capacity: number;
  /** What caches hold: what products take. */
  readonly precision: Precision;
}

/** True where a distribution's support is limited. */
export const limitsSupport = ({ greedy, topK, topP }: Sampling): boolean => !greedy && (topK > 0 || topP < 1);

export interface Draw {
  readonly token: Value; // [R] int64, or [R, 1] as a column
  readonly probability: Value; // [R]
  /** Support of the distribution [R, V] bool, where it is limited. */
  readonly kept: Value | null;
}

/**
 * Probability at or above which a token is kept, [R, 1]; equal probabilities stay together. Top-p looks at what top-k
 * leaves, renormalised, as in transformers and vLLM: the likeliest tokens until their mass reaches `topP`.
 */
function threshold(g: Graph, distribution: Value, { topK, topP }: Sampling): Value {
  const vocabulary = dimension(distribution, 1), count = topK > 0 ? Math.min(topK, vocabulary) : vocabulary;
  const sorted = g.apply("TopK", [distribution], { k: count })[0]!; // [R, count], largest first
  if (topP === 1) return g.slice(sorted, 1, count - 1, count);
  const running = g.op("CumSum", [sorted]), total = g.slice(running, 1, count - 1, count);
  const inside = g.op("Less", [g.sub(running, sorted), g.mul(total, g.scalar(topP))]); // by the mass of what is likelier
  return g.op("ReduceMin", [g.op("Where", [inside, sorted, g.scalar(2)])], { axes: [-1], keepDims: true });
}

/**
 * Draws one token a row from hidden states [R, D] with uniform numbers [R], which greedy decoding does not ask for.
 * @param column tokens are [R, 1], and float32 before they are int64: WebGPU makes int64 and takes it for indices, but
 *   all else it does not know of int64 and would leave to the CPU, at the price of waiting for every token
 */
export function draw(
  g: Graph,
  model: Model,
  hidden: Value,
  uniform: () => Value,
  sampling: Sampling,
  column = false,
): Draw {
  const rows = dimension(hidden, 0), vocabulary = model.config.vocabSize;
  const raw = model.products === "rows"
    ? g.op("Linear", [hidden, headWeight(model)])
    : g.transpose(g.matmul(headWeight(model), g.transpose(hidden, [1, 0])), [1, 0]);
  const scale = sampling.greedy ? 1 : 1 / sampling.temperature;
  const logits = scale === 1 ? raw : g.mul(raw, g.scalar(scale));
  const full = g.softmax(logits); // [R, V]
  const kept = limitsSupport(sampling) ? g.op("Not", [g.op("Less", [full, threshold(g, full, sampling)])]) : null;
  const distribution = kept ? g.softmax(g.op("Where", [kept, logits, g.scalar(-1e9)])) : full;
  const token = !sampling.greedy
    ? inverseTransform(g, distribution, uniform(), vocabulary, column)
    : column
    ? likeliest(g, distribution)
    : g.op("ArgMax", [distribution]);
  const probability = g.op("GatherElements", [distribution, g.reshape(token, [rows, 1])]);
  return { token, probability: g.reshape(probability, [rows]), kept };
}

function inverseTransform(g: Graph, distribution: Value, u: Value, vocabulary: number, column: boolean): Value {
  const rows = dimension(distribution, 0), running = g.op("CumSum", [distribution]); // [R, V]
  const total = g.slice(running, 1, vocabulary - 1, vocabulary);
  const below = g.op("LessOrEqual", [running, g.mul(g.reshape(u, [rows, 1]), total)]);
  return g.cast(g.sum(g.cast(below, "float32"), [1], column), "int64");
}

/** The first of the likeliest tokens, [R, 1]: how many come before it. */
function likeliest(g: Graph, distribution: Value): Value {
  const most = g.op("ReduceMax", [distribution], { axes: [-1], keepDims: true });
  const reached = g.op("CumSum", [g.cast(g.op("Not", [g.op("Less", [distribution, most])]), "float32")]);
  return g.cast(g.sum(g.cast(g.op("LessOrEqual", [reached, g.scalar(0)]), "float32"), [1], true), "int64");
}

function ended(g: Graph, token: Value, endTokens: readonly number[]): Value {
  return endTokens.map((id) => g.op("Equal", [token, g.constant(BigInt64Array.of(BigInt(id)), [1])]))
    .reduce((a, b) => g.op("Or", [a, b]));
}

/**
 * The weights as a decoder takes them: query, key and value as one product, unless that changes bits. The CPU's kernel
 * sums 128 products at a time for more than 64 columns and more at a time for fewer, so narrow keys stay apart.
 */
export const decodeWeights = ({ config: { hiddenSize, kvHeads, headDim }, layout, staying = null }: DecodeOptions) =>
  staying || (hiddenSize > 128 && kvHeads * headDim <= 64) ? layout.parameters : fusedWeights(layout);

/** Names of the cache tensors of a layer. */
export const cacheNames = (layer: number) => ({
  promptK: `promptK.${layer}`,
  promptV: `promptV.${layer}`,
  k: `k.${layer}`,
  v: `v.${layer}`,
});

/** Whether an output is a cache. */
export const isCache = (name: string): boolean => /^(prompt[KV]|[kv]|grown\.[kv])\.\d+$/.test(name);

/**
 * Prompts [S, P] (time-major, padded at the end) to caches `promptK.l` and `promptV.l` [P, KV, S, hd], and the first
 * token of each row (p, g): `token` [R], `drawn` [R] (its probability), and `kept` [R, V]. Caches that stay on a device are
 * the rows' own, `k.l` and `v.l`, as `stayingDecodeGraph` takes them.
 */
export function prefillGraph(options: DecodeOptions): Graph {
  const { config, length, prompts, promptLength, group, staying = null } = options, width = config.hiddenSize;
  const g = new Graph(), model = declareModel(g, config, decodeWeights(options), length, "rows");
  const positions = g.constant(
    BigInt64Array.from({ length: promptLength * prompts }, (_, i) => BigInt(Math.floor(i / prompts))),
    [promptLength * prompts, 1],
  );
  const { attend, caches } = causal(g, model, promptLength, prompts);
  const hidden = decoder(g, model, g.input("promptTokens", "int64", [promptLength * prompts]), positions, attend);
  const last = g.gather(hidden, g.input("promptLast", "int64", [prompts])); // [P, D]
  const rows = g.reshape(g.expand(g.reshape(last, [prompts, 1, width]), [prompts, group, width]), [
    prompts * group,
    width,
  ]);
  const first = draw(
    g,
    { ...model, products: options.products },
    rows,
    () => g.input("uniform", "float32", [prompts * group]),
    options.sampling,
    staying !== null,
  );
  g.output("token", first.token);
  g.output("drawn", first.probability);
  if (first.kept) g.output("kept", first.kept);
  caches.forEach(({ k, v }, layer) => {
    const names = cacheNames(layer);
    for (const [value, shared, own] of [[k, names.promptK, names.k], [v, names.promptV, names.v]] as const) {
      const cache = g.transpose(value, [1, 2, 0, 3]);
      g.output(staying ? own : shared, staying ? roomyCache(g, cache, group, staying) : cache);
    }
  });
  return g;
}

/** A prompt's cache [P, KV, S, hd] for each of its rows, with room for what they draw: [R, KV, C, hd]. */
function roomyCache(g: Graph, cache: Value, group: number, { capacity, precision }: Staying): Value {
  const [prompts, heads, length, width] = cache.shape as [number, number, number, number];
  const each = g.expand(g.reshape(g.cast(cache, precision), [prompts, 1, heads, length, width]), [
    ...[prompts, group, heads, length, width],
  ]);
  const rows = g.reshape(each, [prompts * group, heads, length, width]);
  const room = g.expand(g.cast(g.scalar(0), precision), [prompts * group, heads, capacity - length, width]);
  return g.concat([rows, room], 2);
}

/**
 * Up to `steps` further tokens. Inputs: the last `token` [R] and `done` [R] of each row, `position` [R] of that token,
 * `uniform` [steps, R], `steps` [1], prompt caches and mask [P, 1, 1, 1, S], and the rows' own caches `k.l`, `v.l`
 * [P, KV, G, t, hd]. Outputs: `tokens` and `drawn` [n, R] with n <= steps, `kept` [n, R, V], and the caches `grown.k.l`,
 * `grown.v.l`.
 */
export function decodeGraph(options: DecodeOptions): Graph {
  const { config, length, prompts, promptLength, group, products } = options;
  const { kvHeads, headDim, layers } = config, rows = prompts * group;
  const g = new Graph(), model = declareModel(g, config, decodeWeights(options), length, products);
  const promptCaches: LayerCache[] = [],
    grown: Value[] = [],
    suffixShape: Dim[] = [prompts, kvHeads, group, "?", headDim];
  for (let layer = 0; layer < layers; layer++) {
    const names = cacheNames(layer), shape = [prompts, kvHeads, promptLength, headDim];
    promptCaches.push({ k: g.input(names.promptK, "float32", shape), v: g.input(names.promptV, "float32", shape) });
    grown.push(g.input(names.k, "float32", suffixShape), g.input(names.v, "float32", suffixShape));
  }
  const mask = g.input("promptMask", "float32", [prompts, 1, 1, 1, promptLength]);
  const start = g.reshape(g.input("position", "int64", [rows]), [rows, 1]);

  const iteration = g.parameter("iteration", "int64", []), running = g.parameter("running", "bool", []);
  const token = g.parameter("token", "int64", [rows]), done = g.parameter("done", "bool", [rows]);
  const own = grown.map((_, i) => g.parameter(`cache${i}`, "float32", suffixShape)), next: Value[] = [];
  const attend = oneRow(g, model, options, promptCaches, mask, (layer, k, v) => {
    const keys = g.concat([own[2 * layer]!, k], 3), values = g.concat([own[2 * layer + 1]!, v], 3);
    next.push(keys, values);
    return { k: keys, v: values };
  });
  const hidden = decoder(g, model, token, g.add(start, iteration), attend);
  const uniform = () => g.gather(g.input("uniform", "float32", ["?", rows]), iteration);
  const drawn = draw(g, model, hidden, uniform, options.sampling);
  const over = g.op("Or", [done, ended(g, drawn.token, options.endTokens)]);
  const some = g.op("ReduceMax", [g.cast(g.op("Not", [over]), "float32")], { axes: [0], keepDims: false });
  const proceed = g.op("Less", [g.scalar(0), some]);

  const carried = [drawn.token, over, ...next],
    scans = [drawn.token, drawn.probability, ...(drawn.kept ? [drawn.kept] : [])];
  const body = {
    parameters: [iteration, running, token, done, ...own],
    results: [proceed, ...carried, ...scans],
  };
  const steps = g.reshape(g.input("steps", "int64", [1]), []), always = g.constant(Uint8Array.of(1), []);
  const inputs = [g.input("token", "int64", [rows]), g.input("done", "bool", [rows]), ...grown];
  const outputs = g.apply("Loop", [steps, always, ...inputs], { body });
  for (let layer = 0; layer < layers; layer++) {
    g.output(`grown.k.${layer}`, outputs[2 + 2 * layer]!);
    g.output(`grown.v.${layer}`, outputs[3 + 2 * layer]!);
  }
  const [tokens, probabilities, kept] = outputs.slice(carried.length);
  g.output("tokens", tokens!);
  g.output("drawn", probabilities!);
  if (kept) g.output("kept", kept);
  return g;
}

/**
 * One new row for each completion, rows (p, g): scores against the prompt's cache as one product for the whole group and
 * against the row's own cache, one softmax over both. The value products carry alpha = -1 and the sum is negated: exact,
 * and it keeps a product with one row on the kernel that the trainer's many rows take.
 */
function oneRow(
  g: Graph,
  model: Model,
  { prompts, group, promptLength }: DecodeOptions,
  promptCaches: readonly LayerCache[],
  mask: Value,
  grow: (layer: number, k: Value, v: Value) => LayerCache,
): (layer: number, q: Value, k: Value, v: Value) => Value {
  const { heads, kvHeads, headDim } = model.config, rep = heads / kvHeads, alpha = 1 / Math.sqrt(headDim);
  const grouped = (rows: Value, width: number) =>
    g.transpose(g.reshape(rows, [prompts, group, kvHeads, width]), [0, 2, 1, 3]); // [P, KV, G, width]
  const one = (rows: Value) => g.reshape(grouped(rows, headDim), [prompts, kvHeads, group, 1, headDim]);
  return (layer, q, k, v) => {
    const prompt = promptCaches[layer]!, own = grow(layer, one(k), one(v));
    const query = grouped(q, rep * headDim);
    const ofGroup = g.reshape(query, [prompts, kvHeads, group * rep, headDim]);
    const ofRow = g.reshape(query, [prompts, kvHeads, group, rep, headDim]);
    const product = (a: Value, b: Value) => g.op("FusedMatMul", [a, b], { transposeB: true, alpha });
    const onPrompt = g.add(g.reshape(product(ofGroup, prompt.k), [prompts, kvHeads, group, rep, promptLength]), mask);
    const weights = g.softmax(g.concat([onPrompt, product(ofRow, own.k)], 4)); // [P, KV, G, rep, S+t]
    const values = (a: Value, b: Value) => g.op("FusedMatMul", [a, b], { alpha: -1 });
    const fromPrompt = values(
      g.reshape(g.slice(weights, 4, 0, promptLength), [prompts, kvHeads, group * rep, promptLength]),
      prompt.v,
    );
    const fromOwn = values(g.op("SliceFrom", [weights], { axis: 4, start: promptLength }), own.v);
    const o = g.neg(g.add(g.reshape(fromPrompt, [prompts, kvHeads, group, rep, headDim]), fromOwn));
    return g.reshape(g.transpose(g.reshape(o, [prompts, kvHeads, group, rep * headDim]), [0, 2, 1, 3]), [
      prompts * group,
      heads * headDim,
    ]);
  };
}
