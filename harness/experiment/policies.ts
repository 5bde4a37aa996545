// Which folder a policy's name means, and what stands in it: the digests of all files that a policy is read from, so
// that weights which were swapped under the same name are noticed.

import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fileError } from "../base/atomic_file.ts";
import { MisuseError } from "../base/errors.ts";
import { readJsonFile } from "../base/json_file.ts";
import { suggest } from "../base/suggest.ts";
import { type ModelConfig, parseModelConfig } from "../model/config.ts";

/** Policies that ship with the repository, by name. */
export const embeddedPolicies: Readonly<Record<string, URL>> = {
  "embedded": new URL("../model/embedded/", import.meta.url),
  "embedded-cold": new URL("../model/embedded-cold/", import.meta.url),
};

/** A policy before its weights are read. */
export interface FoundPolicy {
  /** Absolute. */
  readonly folder: string;
  readonly model: ModelConfig;
  /** SHA-256 of each of its files by name. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The policy of that name.
 * @throws MisuseError where there is none, FailureError for a file that cannot be read
 */
export async function findPolicy(name: string): Promise<FoundPolicy> {
  const shipped = Object.hasOwn(embeddedPolicies, name) ? embeddedPolicies[name] : undefined;
  const folder = shipped ? fileURLToPath(shipped) : resolve(name);
  const path = join(folder, "config.json");
  if (!existsSync(path)) {
    const names = Object.keys(embeddedPolicies);
    const state = existsSync(folder) ? `"${folder}" holds no config.json` : `there is no folder "${folder}"`;
    throw new MisuseError(
      `Cannot find policy "${name}": ${state} … give ${names.join(", ")} or a Hugging Face folder${
        suggest(name, names)
      }`,
    );
  }
  const model = parseModelConfig(await readJsonFile(path), path);
  const files: Record<string, string> = {};
  for (const file of readdirSync(folder).filter(isPolicyFile).sort()) files[file] = await digestOf(join(folder, file));
  return { folder, model, files };
}

/** Weights, and what harness/model/policy.ts reads beside them. */
function isPolicyFile(name: string): boolean {
  return /\.safetensors(\.index\.json)?$/.test(name) ||
    /^(generation_|tokenizer_)?config\.json$|^tokenizer\.json$|^special_tokens_map\.json$|^chat_template\.jinja$/.test(
      name,
    );
}

/** SHA-256 of a file, read piece by piece: weights can be larger than memory. */
async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(piece);
  } catch (error) {
    throw fileError("read", path, error);
  }
  return hash.digest("hex");
}
