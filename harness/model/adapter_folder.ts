// An adapter on disk, as PEFT's `save_pretrained` writes it and its `from_pretrained` reads it: adapter_config.json and
// adapter_model.safetensors, whose tensors have the names of PEFT's modules. It holds no policy: the config says which one
// it adapts. Fields that PEFT fills in by itself are left out.
// Source: https://huggingface.co/docs/peft, "PEFT checkpoint format".

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import type { Weights } from "./layout.ts";
import type { AdapterOptions } from "./lora.ts";
import { writeWeights } from "./safetensors.ts";

/** What {@linkcode writeAdapter} writes. */
export interface AdapterContent {
  readonly options: AdapterOptions;
  readonly weights: Weights;
  /** Name of the policy that it adapts, and its commit on the Hub; null: it is not of the Hub. */
  readonly base: { readonly name: string; readonly revision: string | null };
}

/** PEFT's name of a tensor. */
export const peftName = (name: string): string => `base_model.model.${name}`;

/**
 * Writes an adapter's folder; the weights come last.
 * @throws FailureError naming the file that could not be written
 */
export async function writeAdapter(
  folder: string,
  { options: { rank, alpha, targets }, weights, base }: AdapterContent,
  { dtype }: { readonly dtype: "F32" | "BF16" },
): Promise<void> {
  const config = {
    base_model_name_or_path: base.name,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: "LORA",
    r: rank,
    revision: base.revision,
    target_modules: targets,
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: false,
  };
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw fileError("create the folder", folder, error);
  }
  await writeFileAtomic(join(folder, "adapter_config.json"), `${JSON.stringify(config, null, 2)}\n`);
  const parameters = weights.layout.parameters.map((parameter) => ({ ...parameter, name: peftName(parameter.name) }));
  const named = { layout: { ...weights.layout, parameters }, data: weights.data };
  await writeWeights(join(folder, "adapter_model.safetensors"), named, dtype);
}
