import assert from "node:assert/strict";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { parseModelConfig } from "../../harness/model/config.ts";
import { tinyConfig, tinyRaw } from "./tiny_policy.ts";

Deno.test("parseModelConfig() reads SmolLM2's config", () => {
  const raw = {
    architectures: ["LlamaForCausalLM"],
    vocab_size: 49152,
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    hidden_act: "silu",
    max_position_embeddings: 8192,
    initializer_range: 0.041666666666666664,
    rms_norm_eps: 1e-5,
    pad_token_id: 2,
    bos_token_id: 1,
    eos_token_id: 2,
    tie_word_embeddings: true,
    rope_theta: 100000,
    rope_scaling: null,
    attention_bias: false,
  };
  assert.deepEqual(parseModelConfig(raw, "config.json"), {
    architecture: "llama",
    vocabSize: 49152,
    hiddenSize: 576,
    layers: 30,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    intermediateSize: 1536,
    normEpsilon: 1e-5,
    maxPositions: 8192,
    tiedEmbedding: true,
    qkvBias: false,
    headNorm: false,
    outputBias: false,
    mlpBias: false,
    rope: { theta: 100000, scaling: null },
    initializerRange: 0.041666666666666664,
    bosTokenId: 1,
    eosTokenIds: [2],
    padTokenId: 2,
    raw,
  });
});

Deno.test("parseModelConfig() gives Qwen2 biases on query, key and value only", () => {
  const { architecture, qkvBias, outputBias, mlpBias, bosTokenId } = tinyConfig({
    architectures: ["Qwen2ForCausalLM"],
    attention_bias: false,
    use_sliding_window: false,
    sliding_window: 4096,
    max_window_layers: 1,
  });
  assert.deepEqual({ architecture, qkvBias, outputBias, mlpBias, bosTokenId }, {
    architecture: "qwen2",
    qkvBias: true,
    outputBias: false,
    mlpBias: false,
    bosTokenId: null,
  });
});

Deno.test("parseModelConfig() reads Qwen3-0.6B's config", () => {
  const raw = {
    architectures: ["Qwen3ForCausalLM"],
    attention_bias: false,
    attention_dropout: 0.0,
    bos_token_id: 151643,
    eos_token_id: 151645,
    head_dim: 128,
    hidden_act: "silu",
    hidden_size: 1024,
    initializer_range: 0.02,
    intermediate_size: 3072,
    max_position_embeddings: 40960,
    max_window_layers: 28,
    model_type: "qwen3",
    num_attention_heads: 16,
    num_hidden_layers: 28,
    num_key_value_heads: 8,
    rms_norm_eps: 1e-6,
    rope_scaling: null,
    rope_theta: 1000000,
    sliding_window: null,
    tie_word_embeddings: true,
    use_sliding_window: false,
    vocab_size: 151936,
  };
  const { raw: _, ...config } = parseModelConfig(raw, "config.json");
  assert.deepEqual(config, {
    architecture: "qwen3",
    vocabSize: 151936,
    hiddenSize: 1024,
    layers: 28,
    heads: 16,
    kvHeads: 8,
    headDim: 128,
    intermediateSize: 3072,
    normEpsilon: 1e-6,
    maxPositions: 40960,
    tiedEmbedding: true,
    qkvBias: false,
    headNorm: true,
    outputBias: false,
    mlpBias: false,
    rope: { theta: 1000000, scaling: null },
    initializerRange: 0.02,
    bosTokenId: 151643,
    eosTokenIds: [151645],
    padTokenId: null,
  });
  const biased = parseModelConfig({ ...raw, attention_bias: true }, "config.json");
  assert.deepEqual([biased.qkvBias, biased.outputBias, biased.mlpBias], [true, true, false]);
});

Deno.test("parseModelConfig() asks Qwen3 for the width of its heads, which does not follow from the hidden size", () => {
  const changes = { architectures: ["Qwen3ForCausalLM"], hidden_size: 14, head_dim: undefined };
  assert.throws(() => tinyConfig(changes), /"head_dim" is missing; it must be an integer/);
  assert.equal(tinyConfig({ ...changes, head_dim: 6 }).headDim, 6);
});

Deno.test("parseModelConfig() puts Llama's attention_bias on the output product as well", () => {
  const { qkvBias, outputBias, mlpBias } = tinyConfig({ attention_bias: true, mlp_bias: true });
  assert.deepEqual([qkvBias, outputBias, mlpBias], [true, true, true]);
});

Deno.test("parseModelConfig() fills in the defaults of transformers", () => {
  const config = tinyConfig({
    num_key_value_heads: undefined,
    head_dim: undefined,
    hidden_size: 16,
    tie_word_embeddings: undefined,
    pad_token_id: undefined,
    eos_token_id: [3, 1],
  });
  assert.deepEqual([config.kvHeads, config.headDim, config.tiedEmbedding], [4, 4, false]);
  assert.deepEqual([config.rope.theta, config.initializerRange, config.padTokenId], [10_000, 0.02, null]);
  assert.deepEqual(config.eosTokenIds, [3, 1]);
});

Deno.test("parseModelConfig() reads every spelling of rotary scaling", () => {
  const llama3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  const parsed = { type: "llama3", factor: 8, lowFreqFactor: 1, highFreqFactor: 4 };
  const cases: readonly (readonly [Record<string, unknown>, unknown])[] = [
    [{ rope_theta: 5, rope_scaling: null }, { theta: 5, scaling: null }],
    [{ rope_theta: 5, rope_scaling: { type: "linear", factor: 2 } }, {
      theta: 5,
      scaling: { type: "linear", factor: 2 },
    }],
    [
      { rope_parameters: { rope_theta: 7, rope_type: "dynamic", factor: 2 } },
      { theta: 7, scaling: { type: "dynamic", factor: 2, originalMaxPositions: 64 } },
    ],
    [{ rope_theta: 5, rope_parameters: { rope_theta: 7, rope_type: "default" } }, { theta: 7, scaling: null }],
    [
      { rope_theta: 5, rope_scaling: { rope_type: "llama3", ...llama3, original_max_position_embeddings: 32 } },
      { theta: 5, scaling: { ...parsed, originalMaxPositions: 32 } },
    ],
    [
      { rope_parameters: { rope_theta: 5, rope_type: "llama3", ...llama3 } },
      { theta: 5, scaling: { ...parsed, originalMaxPositions: 64 } },
    ],
  ];
  for (const [changes, rope] of cases) assert.deepEqual(tinyConfig(changes).rope, rope);
});

Deno.test("parseModelConfig() refuses what is not supported, by name", () => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [
      { architectures: ["MistralForCausalLM"] },
      /"architectures" is \[MistralForCausalLM\].*LlamaForCausalLM, Qwen2ForCausalLM or Qwen3/,
    ],
    [{ architectures: undefined }, /"architectures" is missing/],
    [{ architectures: ["toString"] }, /"architectures"/],
    [{ hidden_act: "gelu" }, /"hidden_act" is "gelu"/],
    [{ quantization_config: { bits: 4 } }, /"quantization_config"/],
    [{ use_sliding_window: true, sliding_window: 8, max_window_layers: 1 }, /full attention/],
    [{ architectures: ["Qwen3ForCausalLM"], use_sliding_window: true, max_window_layers: 1 }, /full attention/],
    [{ architectures: ["Qwen3ForCausalLM"], rope_scaling: { rope_type: "longrope", factor: 2 } }, /"longrope"/],
    [{ layer_types: ["full_attention", "sliding_attention"] }, /full attention/],
    [{ rope_scaling: { rope_type: "yarn", factor: 2 } }, /"rope_scaling.rope_type" is "yarn"/],
    [{ partial_rotary_factor: 0.5 }, /"partial_rotary_factor" is 0.5/],
  ];
  for (const [changes, message] of cases) {
    assert.throws(() => tinyConfig(changes), (error) => error instanceof MisuseError && message.test(error.message));
  }
});

Deno.test("parseModelConfig() refuses malformed values with field, value and what they must be", () => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ vocab_size: 1.5 }, /"vocab_size" is 1.5; it must be an integer from 1/],
    [{ vocab_size: undefined }, /"vocab_size" is missing/],
    [{ hidden_size: "12" }, /"hidden_size" is "12"/],
    [{ num_hidden_layers: 1e9 }, /"num_hidden_layers" is 1000000000/],
    [{ num_key_value_heads: 3 }, /"num_key_value_heads" is 3; it must be a divisor of "num_attention_heads" \(4\)/],
    [{ head_dim: 5 }, /"head_dim" is 5; it must be even/],
    [{ head_dim: undefined, hidden_size: 14 }, /"hidden_size" is 14; it must be a multiple/],
    [{ rms_norm_eps: 0 }, /"rms_norm_eps" is 0; it must be a number above 0/],
    [{ tie_word_embeddings: "yes" }, /"tie_word_embeddings" is "yes"; it must be true or false/],
    [{ eos_token_id: 280 }, /"eos_token_id" is 280; it must be a token id below/],
    [{ rope_theta: -1 }, /"rope_theta" is -1/],
    [{ rope_scaling: 3 }, /"rope_scaling" is 3; it must be an object/],
    [{ rope_scaling: { type: "linear" } }, /"rope_scaling.factor" is missing/],
    [
      { rope_scaling: { type: "llama3", factor: 2, low_freq_factor: 4, high_freq_factor: 4 } },
      /above "low_freq_factor"/,
    ],
    [{ rope_scaling: { type: "dynamic", factor: 0.5 } }, /"rope_scaling.factor" is 0.5/],
  ];
  for (const [changes, message] of cases) {
    assert.throws(() => tinyConfig(changes), (error) => error instanceof FailureError && message.test(error.message));
  }
  assert.throws(() => parseModelConfig([tinyRaw()], "config.json"), FailureError);
});
