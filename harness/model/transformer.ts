// The decoder-only transformer as Hugging Face's Llama, Qwen2 and Qwen3 implement it, defined once. Training and decoding run
// the same layers; they differ only in how a row attends, which is an argument:
//   causal      rows of whole sequences see themselves and what came before (a prompt, a training text)
//   continued   rows of completions see their prompt's cache and what came before in their own completion
//   (decoding)  one new row for each completion, inside the sampler's Loop (harness/rl/decode_graph.ts)
// Rows are time-major [T * B, D], so that attention reads them without a transpose; weights keep their [out, in].

import { dimension, elements, type Graph, type Value } from "../graph/ir.ts";
import type { ModelConfig } from "./config.ts";
import type { Layout, Parameter, Weights } from "./layout.ts";
import { ropeTables } from "./rope.ts";
import { Resident } from "../runtime/session.ts";

/** Added to a score that must not be seen: its weight is exactly 0 in float32. */
export const MASKED = -1e9;

/** A weight as graphs take it: a tensor of the layout, or several that touch (query, key and value as one). */
export type WeightInput = Pick<Parameter, "name" | "shape" | "offset" | "size">;

/**
 * The weights with query, key and value of a layer as one: a decoder has one product where a trainer, whose backward
 * pass would cut the result apart and join it again, has three.
 */
export function fusedWeights(layout: Layout): readonly WeightInput[] {
  const inputs: WeightInput[] = [];
  for (const { name, shape, offset, size } of layout.parameters) {
    const fused = name.replace(/\.[qkv]_proj\./, ".qkv_proj."), last = inputs.at(-1);
    if (fused === name || last?.name !== fused) inputs.push({ name: fused, shape, offset, size });
    else {
      const rows = last.shape[0]! + shape[0]!;
      inputs[inputs.length - 1] = { ...last, shape: [rows, ...shape.slice(1)], size: last.size + size };
    }
  }
  return inputs;
}

/** Weights as tensors that stay beside the runs, without a copy: each by its name, and the fused ones. */
export function residentWeights(weights: Weights): Resident {
  const fused = fusedWeights(weights.layout).filter(({ name }) => name.includes(".qkv_proj."));
  return new Resident([{ data: weights.data, views: [...weights.layout.parameters, ...fused] }]);
}

/** The model inside a graph: its config, its weight inputs, its rotary tables. */
export interface Model {
  readonly config: ModelConfig;
  /** Longest sequence that the rotary tables reach. */
  readonly length: number;
  readonly weights: ReadonlyMap<string, Value>;
  /**
   * How a product reads memory: `rows` is x W^T; `columns` is W x^T with activations kept transposed, faster for a few
   * rows against weights that do not fit the cache. They differ in the last bits.
   */
  readonly products: "rows" | "columns";
  /** Whose A and B are trained in place of the weights that they are merged into; null or absent: none. */
  readonly adapter?: GraphAdapter | null;
  /** Cheap values of the feed-forward block are made again in the backward pass instead of kept. @default false */
  readonly sparing?: boolean;
}

/** An adapter's matrices as inputs of a graph, by the module's name ("model.layers.0.self_attn.q_proj"). */
export interface GraphAdapter {
  readonly scale: number;
  readonly modules: ReadonlyMap<string, { readonly a: Value; readonly b: Value }>;
}

/** Declares a model's weights as inputs of the graph. */
export function declareModel(
  g: Graph,
  config: ModelConfig,
  inputs: readonly WeightInput[],
  length: number,
  products: Model["products"] = "rows",
): Model {
  const weights = new Map(inputs.map(({ name, shape }) => [name, g.input(name, "float32", shape)]));
  return { config, length, weights, products };
}

/** How the rows of one layer attend: q [R, H*hd], k and v [R, KV*hd], all rotated -> [R, H*hd]. */
export type Attend = (layer: number, q: Value, k: Value, v: Value) => Value;

const weight = (model: Model, name: string): Value => {
  const value = model.weights.get(name);
  if (!value) throw new Error(`Cannot build the model: weight "${name}" is not in its layout`);
  return value;
};

/**
 * Hidden states after the final norm, [R, D], of tokens [R] or [R, 1] int64 at positions [R, 1] int64.
 */
export function decoder(g: Graph, model: Model, tokens: Value, positions: Value, attend: Attend): Value {
  const { config } = model, { heads, kvHeads, headDim } = config;
  const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
  const tables = ropeTables(config, model.length), half = headDim / 2;
  const cos = g.constant(tables.cos, [model.length, half]), sin = g.constant(tables.sin, [model.length, half]);
  const epsilon = config.normEpsilon, again = model.sparing ? { again: true } : {};
  const { enter, project, leave } = projections(g, model);
  const embedded = g.gather(weight(model, "model.embed_tokens.weight"), tokens);
  let hidden = g.reshape(embedded, [elements(tokens.shape), config.hiddenSize]); // [R, D]
  let branch: Value | null = null; // what the last block adds to the residual stream
  const norm = (name: string): Value => {
    const w = weight(model, name);
    if (!branch) return g.op("RmsNorm", [hidden, w], { epsilon });
    const [normed, , sum] = g.apply("SkipRmsNorm", [branch, hidden, w], { epsilon });
    hidden = sum!;
    return normed!;
  };
  for (let layer = 0; layer < config.layers; layer++) {
    const of = (name: string) => `model.layers.${layer}.${name}`;
    const x = enter(norm(of("input_layernorm.weight")));
    const rotate = (rows: Value, count: number) => g.op("Rotary", [rows, positions, cos, sin], { heads: count });
    const part = (name: string) => leave(project(x, of(`self_attn.${name}_proj`)));
    const normed = (rows: Value, name: string) => { // each head alone: [R, heads*hd] as [R*heads, hd]
      if (!config.headNorm) return rows;
      const heads = g.reshape(rows, [-1, headDim]), w = weight(model, of(`self_attn.${name}_norm.weight`));
      return g.reshape(g.op("RmsNorm", [heads, w], { epsilon }), rows.shape as readonly number[]);
    };
    const fused = model.weights.has(of("self_attn.qkv_proj.weight"));
    let q: Value, k: Value, v: Value;
    if (fused && !config.headNorm) {
      const [qk, value] = g.split(part("qkv"), [queryWidth + keyWidth, keyWidth], 1) as [Value, Value];
      [q, k] = g.split(rotate(qk, heads + kvHeads), [queryWidth, keyWidth], 1) as [Value, Value];
      v = value;
    } else {
      const parts = fused ? g.split(part("qkv"), [queryWidth, keyWidth, keyWidth], 1) : null;
      q = rotate(normed(parts?.[0] ?? part("q"), "q"), heads);
      k = rotate(normed(parts?.[1] ?? part("k"), "k"), kvHeads);
      v = parts?.[2] ?? part("v");
    }
    branch = leave(project(enter(attend(layer, q, k, v)), of("self_attn.o_proj")));
    const h = enter(norm(of("post_attention_layernorm.weight")));
    const gate = g.op("Silu", [project(h, of("mlp.gate_proj"))], again);
    const gated = g.op("Mul", [gate, project(h, of("mlp.up_proj"))], again);
    branch = leave(project(gated, of("mlp.down_proj")));
  }
  return norm("model.norm.weight");
}

/** The head's weight [V, D]: the embedding where they are tied. */
export function headWeight(model: Model): Value {
  return weight(model, model.config.tiedEmbedding ? "model.embed_tokens.weight" : "lm_head.weight");
}

/** Products of a layer in the model's orientation: `enter` and `leave` turn activations where it is "columns". */
function projections(g: Graph, model: Model) {
  const of = (name: string) => ({ w: weight(model, `${name}.weight`), b: model.weights.get(`${name}.bias`) });
  if (model.products === "rows") {
    const project = (x: Value, name: string) => {
      const { w, b } = of(name), adapted = model.adapter?.modules.get(name), bias = b ? [b] : [];
      if (!adapted) return g.op("Linear", [x, w, ...bias]);
      return g.op("MergedLinear", [x, w, adapted.a, adapted.b, ...bias], { scale: model.adapter!.scale });
    };
    return { enter: (x: Value) => x, project, leave: (x: Value) => x };
  }
  const project = (x: Value, name: string) => {
    const { w, b } = of(name);
    const product = g.matmul(w, x); // [out, R]
    return b ? g.add(product, g.reshape(b, [dimension(b, 0), 1])) : product;
  };
  return { enter: (x: Value) => g.transpose(x, [1, 0]), project, leave: (x: Value) => g.transpose(x, [1, 0]) };
}

/** Keys and values of a layer, time-major: [T, B…, KV, hd]. */
export interface LayerCache {
  readonly k: Value;
  readonly v: Value;
}

const scale = (config: ModelConfig) => 1 / Math.sqrt(config.headDim);

/** Splits rows [T * prod(batch), width] into [T, …batch, heads, hd]. */
function byHead(g: Graph, model: Model, rows: Value, batch: readonly number[]): Value {
  const { headDim } = model.config;
  return g.reshape(rows, [-1, ...batch, dimension(rows, 1) / headDim, headDim]);
}

/** Additive causal mask for T queries over T keys, each query `rep` times: [T * rep, T]. */
function causalMask(g: Graph, length: number, rep: number): Value {
  const mask = new Float32Array(length * rep * length);
  for (let row = 0; row < length * rep; row++) {
    mask.fill(MASKED, row * length + Math.floor(row / rep) + 1, (row + 1) * length);
  }
  return g.constant(mask, [length * rep, length]);
}

/** Attention within sequences [T, B], and the caches it leaves. Padding belongs at the end of a sequence. */
export function causal(
  g: Graph,
  model: Model,
  length: number,
  batch: number,
): { attend: Attend; caches: LayerCache[] } {
  const { config } = model, caches: LayerCache[] = [];
  const mask = causalMask(g, length, config.heads / config.kvHeads);
  const attend: Attend = (_, q, k, v) => {
    const cache = { k: byHead(g, model, k, [batch]), v: byHead(g, model, v, [batch]) };
    caches.push(cache);
    const o = g.op("Attention", [byHead(g, model, q, [batch]), cache.k, cache.v, mask], {
      scale: scale(config),
      split: 0,
    });
    return g.reshape(o, [length * batch, config.heads * config.headDim]);
  };
  return { attend, caches };
}

/**
 * Attention of completions [T, P, G] over their prompts' caches [S, P, KV, hd] and themselves. `promptMask` is additive,
 * [P, 1, 1, 1, S]: prompts are padded at the end.
 */
export function continued(
  g: Graph,
  model: Model,
  caches: readonly LayerCache[],
  promptMask: Value,
  length: number,
  group: number,
): Attend {
  const { config } = model, { heads, kvHeads, headDim } = config, rep = heads / kvHeads;
  const [promptLength, prompts] = [dimension(caches[0]!.k, 0), dimension(caches[0]!.k, 1)];
  const rows = length * rep;
  const mask = g.concat([
    g.expand(promptMask, [prompts, 1, 1, rows, promptLength]),
    g.expand(g.reshape(causalMask(g, length, rep), [1, 1, 1, rows, length]), [prompts, 1, 1, rows, length]),
  ], 4); // [P, 1, 1, T*rep, S+T]
  const shared = (cache: Value) =>
    g.expand(g.reshape(cache, [promptLength, prompts, 1, kvHeads, headDim]), [
      promptLength,
      prompts,
      group,
      kvHeads,
      headDim,
    ]);
  return (layer, q, k, v) => {
    const cache = caches[layer]!, batch = [prompts, group];
    const keys = g.concat([shared(cache.k), byHead(g, model, k, batch)], 0); // [S+T, P, G, KV, hd]
    const values = g.concat([shared(cache.v), byHead(g, model, v, batch)], 0);
    const o = g.op("Attention", [byHead(g, model, q, batch), keys, values, mask], {
      scale: scale(config),
      split: promptLength,
    });
    return g.reshape(o, [length * prompts * group, heads * headDim]);
  };
}
