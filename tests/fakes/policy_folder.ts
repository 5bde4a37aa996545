// A policy folder that is right as far as a plan looks: a config.json, and nothing that a cell would need.

import { join } from "node:path";

const config = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 32,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 24,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 256,
  rope_theta: 10000,
  tie_word_embeddings: true,
  hidden_act: "silu",
};

/** A temporary folder "policy" with a config.json; the caller removes its parent. */
export async function makePolicyFolder(parent: string): Promise<string> {
  const folder = join(parent, "policy");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
  return folder;
}
