// A policy small enough to be made in a test: config, tokenizer and weights, and the folder that holds them.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ModelConfig, parseModelConfig } from "../../harness/model/config.ts";
import { trainTokenizer } from "../../harness/model/train_tokenizer.ts";

/** Trained on two sentences: bytes, the special tokens and a few merges. */
export const tinyTokenizer = trainTokenizer(
  ["Anna has 12 apples.", "Ben has 7 apples and Anna has 5."],
  { vocabSize: 280, wholeTokens: ["<answer>", "</answer>"] },
);

/** A config.json; fields set to undefined are left out. */
export function tinyRaw(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const raw = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: 280, // more than the tokenizer has, as real models do
    hidden_size: 12,
    intermediate_size: 20,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 6,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    eos_token_id: tinyTokenizer.eosTokenId,
    pad_token_id: tinyTokenizer.padTokenId,
    ...changes,
  };
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined));
}

export function tinyConfig(changes: Readonly<Record<string, unknown>> = {}): ModelConfig {
  return parseModelConfig(tinyRaw(changes), "config.json");
}

export const tinyCompanions = {
  "tokenizer.json": JSON.stringify(tinyTokenizer.tokenizer),
  "tokenizer_config.json": JSON.stringify(tinyTokenizer.tokenizerConfig),
};

/** Runs with a fresh folder and removes it. */
export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "matchbox-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
