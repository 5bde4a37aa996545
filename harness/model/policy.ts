// A policy is a Hugging Face folder: config.json, generation_config.json where there is one, model.safetensors (or its
// shards), tokenizer.json, tokenizer_config.json and a chat template. Reading checks all of it; writing gives a folder
// that Python's transformers loads as well. There is no other way to hold a policy on disk.

import { existsSync } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import { bytesOf, sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { readJsonFile } from "../base/json_file.ts";
import { type ModelConfig, parseModelConfig, parseTokenIds } from "./config.ts";
import { parameterLayout, type Weights } from "./layout.ts";
import { readWeights, writeWeights } from "./safetensors.ts";
import { type PolicyTokenizer, readTokenizer } from "./tokenizer.ts";

/** A policy in memory. */
export interface Policy {
  readonly folder: string;
  /** Folder of the adapter that was merged into its weights. */
  readonly merged?: string | undefined;
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly tokenizer: PolicyTokenizer;
  /** SHA-256 of the weights as they were read, see {@linkcode weightsDigest}. */
  readonly digest: string;
}

/** Files of a policy beside its config and weights; those that exist are copied. */
const COMPANIONS = [
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
] as const;

/**
 * Reads a policy folder.
 * @param merged folder of an adapter that is merged into the weights; all else is the policy's own
 * @throws MisuseError where the model or its tokenizer cannot serve, FailureError where a file is missing or broken
 */
export async function readPolicy(folder: string, merged?: string): Promise<Policy> {
  const entry = await stat(folder).catch((error) => {
    throw fileError("read the policy", folder, error);
  });
  if (!entry.isDirectory()) {
    throw new FailureError(`Cannot read the policy "${folder}": it is a file … name the folder that holds config.json`);
  }
  const configPath = join(folder, "config.json");
  const config = parseModelConfig(await readJsonFile(configPath), configPath);

  const generationPath = join(folder, "generation_config.json");
  const generation = existsSync(generationPath) ? await readJsonFile(generationPath) : {};
  const generationEos = parseTokenIds(generation, "eos_token_id", config.vocabSize, generationPath);
  const eosTokenIds = [...new Set([...config.eosTokenIds, ...generationEos])];

  const tokenizer = await readTokenizer(folder, config, eosTokenIds);
  const weights = await readPolicyWeights(folder, config, merged);
  return { folder, merged, config, weights, tokenizer, digest: weightsDigest(weights) };
}

/** The weights that {@linkcode readPolicy} reads. */
export async function readPolicyWeights(folder: string, config: ModelConfig, merged?: string): Promise<Weights> {
  const weights = await readWeights(folder, parameterLayout(config));
  if (merged !== undefined) {
    const { mergeFolder } = await import("./merged_adapter.ts"); // onnxruntime-node comes with it
    await mergeFolder(weights, merged);
  }
  return weights;
}

/** What {@linkcode writePolicy} writes. */
export interface PolicyContent {
  readonly config: ModelConfig;
  readonly weights: Weights;
  /** Tokenizer, chat template and generation config: a policy folder to copy them from, or the texts by file name. */
  readonly companions: string | Readonly<Partial<Record<typeof COMPANIONS[number], string>>>;
}

/**
 * Writes a policy folder that {@linkcode readPolicy} and Python's transformers read. The config is written as it was
 * read, but for the number format of the weights. The weights come last: a folder without them is an unfinished one.
 * @throws FailureError naming the file that could not be written
 */
export async function writePolicy(
  folder: string,
  { config, weights, companions }: PolicyContent,
  { dtype }: { readonly dtype: "F32" | "BF16" },
): Promise<void> {
  const torchDtype = dtype === "F32" ? "float32" : "bfloat16";
  const { torch_dtype: _, ...raw } = config.raw; // the old name of `dtype`; both at once could disagree
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw fileError("create the folder", folder, error);
  }
  await writeFileAtomic(join(folder, "config.json"), `${JSON.stringify({ ...raw, dtype: torchDtype }, null, 2)}\n`);
  for (const name of COMPANIONS) {
    const text = typeof companions === "string" ? await readIfThere(join(companions, name)) : companions[name];
    if (text !== undefined) await writeFileAtomic(join(folder, name), text);
  }
  await writeWeights(join(folder, "model.safetensors"), weights, dtype);
}

/** SHA-256 of the weights: float32, little-endian, in the layout's order. */
export function weightsDigest(weights: Weights): string {
  return sha256(bytesOf(weights.data));
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  if (!existsSync(path)) return undefined;
  return await readFile(path).catch((error) => {
    throw fileError("read", path, error);
  });
}
