// The shapes that peers are measured at, as Hugging Face's config.json describes them, and random weights for them: speed
// and memory do not depend on the values. torch_side.py has the same; gpu_torch.py is told them.

import { stream } from "../../harness/base/prng.ts";
import { type ModelConfig, parseModelConfig } from "../../harness/model/config.ts";
import { parameterLayout, type Weights } from "../../harness/model/layout.ts";

const LLAMA = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_act: "silu",
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};

export const SHAPES = {
  embedded: {
    ...LLAMA,
    vocab_size: 512,
    hidden_size: 128,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    intermediate_size: 384,
    max_position_embeddings: 256,
  },
  smollm2: {
    ...LLAMA,
    vocab_size: 49152,
    hidden_size: 576,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    intermediate_size: 1536,
    max_position_embeddings: 2048,
  },
  qwen: {
    architectures: ["Qwen2ForCausalLM"],
    model_type: "qwen2",
    hidden_act: "silu",
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    tie_word_embeddings: true,
    vocab_size: 151936,
    hidden_size: 896,
    num_hidden_layers: 24,
    num_attention_heads: 14,
    num_key_value_heads: 2,
    intermediate_size: 4864,
    max_position_embeddings: 32768,
  },
} as const;

export type ShapeName = keyof typeof SHAPES;

/** @param changes to what SHAPES has, e.g. another vocabulary */
export const modelShape = (name: ShapeName, changes: Readonly<Record<string, number>> = {}): ModelConfig =>
  parseModelConfig({ ...SHAPES[name], ...changes }, `${name} shape`);

/** Random weights of a large model: drawn once and repeated, because drawing them all takes longer than a case. */
export function repeatedWeights(config: ModelConfig): Weights {
  const layout = parameterLayout(config), data = new Float32Array(layout.size), random = stream(0, "peers");
  const block = Float32Array.from({ length: 2 ** 18 + 1 }, () => config.initializerRange * random.normal());
  for (let at = 0; at < data.length; at += block.length) data.set(block.subarray(0, data.length - at), at);
  for (const { decay, offset, size } of layout.parameters) if (!decay) data.fill(1, offset, offset + size);
  return { layout, data };
}

/** Random tokens of a vocabulary. */
export function randomTokens(length: number, vocabulary: number, seed: number): Int32Array {
  const random = stream(seed, "peers");
  return Int32Array.from({ length }, () => random.int(vocabulary));
}
