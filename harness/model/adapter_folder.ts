// An adapter on disk, as PEFT's `save_pretrained` writes it and its `from_pretrained` reads it: adapter_config.json and
// adapter_model.safetensors, whose tensors have the names of PEFT's modules. It holds no policy: the config says which one
// it adapts. Fields that PEFT fills in by itself are not written. What can be read is plain LoRA, also rank-stabilised, on
// the linear layers of blocks: a field for anything else that PEFT does must be off, whether it is known here or not.
// Source: https://huggingface.co/docs/peft, "PEFT checkpoint format".

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import { readJsonFile } from "../base/json_file.ts";
import type { Layout, Parameter, Weights } from "./layout.ts";
import { type AdapterOptions, matrixNames } from "./lora.ts";
import { openTensors, type StoredTensor, writeWeights } from "./safetensors.ts";

/** The two files of an adapter. */
export const ADAPTER_CONFIG = "adapter_config.json", ADAPTER_WEIGHTS = "adapter_model.safetensors";

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
  await writeFileAtomic(join(folder, ADAPTER_CONFIG), `${JSON.stringify(config, null, 2)}\n`);
  const parameters = weights.layout.parameters.map((parameter) => ({ ...parameter, name: peftName(parameter.name) }));
  const named = { layout: { ...weights.layout, parameters }, data: weights.data };
  await writeWeights(join(folder, ADAPTER_WEIGHTS), named, dtype);
}

/** What an adapter's config says of it. */
export interface AdapterConfig {
  /** The policy that it adapts, as --policy names one. */
  readonly base: string;
  readonly rank: number;
  /** B A is scaled by it. */
  readonly scale: number;
  /** Last parts of the names of the layers that must be there; null: where it is not a plain list. */
  readonly targets: readonly string[] | null;
}

/** Fields that say what a plain adapter is, how it was trained, or who wrote it. Those of `readAdapterConfig` are first. */
const PLAIN_FIELDS = new Set([
  ...["peft_type", "task_type", "r", "lora_alpha", "use_rslora", "target_modules", "init_lora_weights"],
  ...["base_model_name_or_path", "revision", "exclude_modules", "layers_to_transform", "layers_pattern"],
  ...["lora_dropout", "inference_mode", "auto_mapping", "peft_version", "megatron_core", "qalora_group_size"],
]);

/** Ways to begin an adapter that leave the policy's weights as they are; of the others the adapter is not all. */
const PLAIN_STARTS: readonly unknown[] = [undefined, null, true, false, "gaussian", "orthogonal"];

const isOff = (value: unknown) =>
  value === null || value === false || value === "none" ||
  (typeof value === "object" && Object.keys(value).length === 0);

/** Whether a folder holds an adapter and no policy of its own, as some tools write a config.json beside it. */
export function isAdapterFolder(folder: string): boolean {
  const holds = (name: string) => existsSync(join(folder, name));
  return holds(ADAPTER_CONFIG) && !holds("model.safetensors") && !holds("model.safetensors.index.json");
}

/**
 * The config of an adapter's folder.
 * @throws MisuseError for an adapter that is not plain LoRA, naming the field; FailureError where a value is malformed
 */
export async function readAdapterConfig(folder: string): Promise<AdapterConfig> {
  const path = join(folder, ADAPTER_CONFIG), json = await readJsonFile(path);
  const state = (field: string) => `"${field}" is ${JSON.stringify(json[field])?.slice(0, 100) ?? "missing"}`;
  const refuse = (field: string, use: string) =>
    new MisuseError(
      `Cannot use the adapter of "${path}": ${state(field)} … use ${use}, or the policy with it merged in by peft's ` +
        "merge_and_unload()",
    );
  const bad = (field: string, must: string) =>
    new FailureError(
      `Cannot read "${path}": ${state(field)}; it must be ${must} … take the adapter from its source again`,
    );
  const { base_model_name_or_path: name, revision, r: rank, lora_alpha: alpha, use_rslora: rootScaled } = json;
  const { target_modules: targets, exclude_modules: excluded, layers_to_transform: layers } = json;
  if (json["peft_type"] !== "LORA") throw refuse("peft_type", 'one of "LORA"');
  if (!["CAUSAL_LM", null, undefined].some((type) => type === json["task_type"])) {
    throw refuse("task_type", 'one of "CAUSAL_LM"');
  }
  if (!PLAIN_STARTS.includes(json["init_lora_weights"])) {
    throw refuse("init_lora_weights", "one that leaves the policy's own weights as they are");
  }
  for (const [field, value] of Object.entries(json)) {
    if (!PLAIN_FIELDS.has(field) && !isOff(value)) throw refuse(field, "one without it");
  }
  if (typeof name !== "string" || name === "") throw bad("base_model_name_or_path", "the name of the policy it adapts");
  if ((revision ?? null) !== null && typeof revision !== "string") throw bad("revision", "a string or null");
  if (typeof rank !== "number" || !Number.isInteger(rank) || rank < 1) throw bad("r", "an integer of at least 1");
  if (typeof alpha !== "number" || !Number.isFinite(alpha)) throw bad("lora_alpha", "a number");
  if (typeof (rootScaled ?? false) !== "boolean") throw bad("use_rslora", "true or false");
  const plain = Array.isArray(targets) && [excluded, layers].every((filter) => filter === undefined || isOff(filter));
  return {
    base: typeof revision === "string" && !existsSync(name) ? `${name}@${revision}` : name,
    rank,
    scale: alpha / (rootScaled === true ? Math.sqrt(rank) : rank),
    targets: plain ? targets.map(String) : null,
  };
}

/** A weight of a policy, and the matrices of an adapter to it. */
export interface StoredTarget {
  /** [out, in] */
  readonly weight: Parameter;
  /** [rank, in] */
  readonly a: StoredTensor;
  /** [out, rank] */
  readonly b: StoredTensor;
}

/**
 * What an adapter's file holds, in the order of the policy's layout; no matrix is read.
 * @param layout of the policy that it adapts
 * @throws FailureError where a matrix is missing, misshapen, or has no place in the policy
 */
export async function openAdapter(
  folder: string,
  { rank, targets }: AdapterConfig,
  layout: Layout,
): Promise<StoredTarget[]> {
  const path = join(folder, ADAPTER_WEIGHTS), held = await openTensors(path);
  const wrong = (name: string, why: string) =>
    new FailureError(
      `Cannot use the adapter "${path}": tensor "${name}" ${why} … check that ${ADAPTER_CONFIG} belongs to it and names ` +
        "the policy that it adapts",
    );
  const take = (name: string, shape: readonly number[]): StoredTensor => {
    const tensor = held.get(name);
    if (!tensor) throw wrong(name, "is missing");
    if (tensor.shape.join() !== shape.join()) throw wrong(name, `has shape [${tensor.shape}] and not [${shape}]`);
    held.delete(name);
    return tensor;
  };
  const stored = layout.parameters.flatMap((weight): StoredTarget[] => {
    const [, module, layer] = /^(.*?(\w+_proj))\.weight$/.exec(weight.name) ?? [];
    if (module === undefined || layer === undefined) return [];
    const { a, b } = matrixNames(module), [outputs = 0, inputs = 0] = weight.shape;
    const named = targets?.some((target) => target === layer || target === module || module.endsWith(`.${target}`));
    if (!named && !held.has(peftName(a)) && !held.has(peftName(b))) return [];
    return [{ weight, a: take(peftName(a), [rank, inputs]), b: take(peftName(b), [outputs, rank]) }];
  });
  for (const name of held.keys()) throw wrong(name, "is no matrix of a linear layer of the policy's blocks");
  if (stored.length === 0) {
    throw new FailureError(`Cannot use the adapter "${path}": it holds no matrix … choose another adapter`);
  }
  return stored;
}
