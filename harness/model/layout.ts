// Where each weight lies in the one flat float32 array that holds a policy. Weight matrices come first and norms and
// biases last, so that weight decay is a prefix; query, key and value of a layer touch, so that a fused product is a
// view. Names and shapes are Hugging Face's: a weight matrix is [out, in]. Nothing is padded.

import { stream } from "../base/prng.ts";
import type { ModelConfig } from "./config.ts";

/** One tensor of a policy. Offset and size count floats. */
export interface Parameter {
  /** Hugging Face's name, e.g. "model.layers.0.self_attn.q_proj.weight". */
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
  /** Subject to weight decay: matrices yes, norms and biases no. */
  readonly decay: boolean;
}

/** All tensors of a policy in the order in which they lie. */
export interface Layout {
  readonly parameters: readonly Parameter[];
  /** Floats in all. */
  readonly size: number;
  /** Floats under weight decay: those before this offset. */
  readonly decayed: number;
}

/** A policy's weights: `data` holds `layout.size` floats. */
export interface Weights {
  readonly layout: Layout;
  readonly data: Float32Array;
}

/** The layout of a model's weights. */
export function parameterLayout(config: ModelConfig): Layout {
  const { hiddenSize: D, intermediateSize: F, vocabSize: V } = config;
  const Q = config.heads * config.headDim;
  const KV = config.kvHeads * config.headDim;
  const parameters: Parameter[] = [];
  let size = 0;
  const add = (name: string, shape: readonly number[], decay: boolean) => {
    const floats = shape.reduce((product, dimension) => product * dimension, 1);
    parameters.push({ name, shape, offset: size, size: floats, decay });
    size += floats;
  };
  const layers = Array.from({ length: config.layers }, (_, layer) => `model.layers.${layer}`);

  add("model.embed_tokens.weight", [V, D], true);
  for (const layer of layers) {
    add(`${layer}.self_attn.q_proj.weight`, [Q, D], true);
    add(`${layer}.self_attn.k_proj.weight`, [KV, D], true);
    add(`${layer}.self_attn.v_proj.weight`, [KV, D], true);
    add(`${layer}.self_attn.o_proj.weight`, [D, Q], true);
    add(`${layer}.mlp.gate_proj.weight`, [F, D], true);
    add(`${layer}.mlp.up_proj.weight`, [F, D], true);
    add(`${layer}.mlp.down_proj.weight`, [D, F], true);
  }
  if (!config.tiedEmbedding) add("lm_head.weight", [V, D], true);
  const decayed = size;

  for (const layer of layers) {
    add(`${layer}.input_layernorm.weight`, [D], false);
    if (config.qkvBias) {
      add(`${layer}.self_attn.q_proj.bias`, [Q], false);
      add(`${layer}.self_attn.k_proj.bias`, [KV], false);
      add(`${layer}.self_attn.v_proj.bias`, [KV], false);
    }
    if (config.headNorm) {
      add(`${layer}.self_attn.q_norm.weight`, [config.headDim], false);
      add(`${layer}.self_attn.k_norm.weight`, [config.headDim], false);
    }
    if (config.outputBias) add(`${layer}.self_attn.o_proj.bias`, [D], false);
    add(`${layer}.post_attention_layernorm.weight`, [D], false);
    if (config.mlpBias) {
      add(`${layer}.mlp.gate_proj.bias`, [F], false);
      add(`${layer}.mlp.up_proj.bias`, [F], false);
      add(`${layer}.mlp.down_proj.bias`, [D], false);
    }
  }
  add("model.norm.weight", [D], false);
  return { parameters, size, decayed };
}

/** A view of one tensor's floats, without a copy. Throws RangeError for a name that the layout lacks. */
export function parameterView(weights: Weights, name: string): Float32Array {
  const parameter = weights.layout.parameters.find((candidate) => candidate.name === name);
  if (parameter === undefined) throw new RangeError(`Cannot view a parameter: "${name}" is not in the layout`);
  return weights.data.subarray(parameter.offset, parameter.offset + parameter.size);
}

/**
 * Fresh weights: normal with `config.initializerRange` as standard deviation, the two products that write into the
 * residual stream scaled down by sqrt(2 * layers) as in GPT-2, norms 1, biases 0. Each tensor has a stream of its own.
 */
export function initialWeights(config: ModelConfig, seed: number): Weights {
  const layout = parameterLayout(config);
  const data = new Float32Array(layout.size);
  for (const [index, { name, offset, size, decay }] of layout.parameters.entries()) {
    if (decay) {
      const residual = name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight");
      const std = config.initializerRange / (residual ? Math.sqrt(2 * config.layers) : 1);
      const prng = stream(seed, "init", index);
      for (let i = offset; i < offset + size; i++) data[i] = std * prng.normal();
    } else if (name.endsWith("norm.weight")) {
      data.fill(1, offset, offset + size);
    }
  }
  return { layout, data };
}
