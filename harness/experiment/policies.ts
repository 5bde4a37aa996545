// Which folder a policy's name means, and what stands in it: the digests of all files that a policy is read from, so
// that weights which were swapped under the same name are noticed. A name is one that ships, else a path that exists,
// else "org/name[@revision]" on the Hugging Face Hub, which is recorded with the commit that it stood for. Where an adapter
// lies, the policy is the one that its config names, with the adapter merged into the weights.

import { existsSync, readdirSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fileError } from "../base/atomic_file.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import { readJsonFile } from "../base/json_file.ts";
import { suggest } from "../base/suggest.ts";
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, isAdapterFolder, readAdapterConfig } from "../model/adapter_folder.ts";
import { type ModelConfig, parseModelConfig } from "../model/config.ts";
import { blobDigest } from "../model/hub/blob_digest.ts";
import {
  type FetchOptions,
  fetchPolicy,
  glanceAtPolicy,
  type HubName,
  parseHubName,
} from "../model/hub/fetch_policy.ts";
import { presetName, presets } from "./presets.ts";

/** Policies that ship with the repository, by name. */
export const embeddedPolicies: Readonly<Record<string, URL>> = {
  "embedded": new URL("../model/embedded/", import.meta.url),
  "embedded-cold": new URL("../model/embedded-cold/", import.meta.url),
};

/** A policy before its weights are read. */
export interface FoundPolicy {
  /** As it is recorded: as it was asked for, or "org/name@commit". */
  readonly name: string;
  /** Short, for the name of a folder. */
  readonly label: string;
  /** Absolute. */
  readonly folder: string;
  /** Folder of an adapter that is merged into the weights, absolute. */
  readonly merged?: string;
  /** Name of the policy that the adapter adapts, as it is recorded. */
  readonly base?: string;
  readonly model: ModelConfig;
  /** SHA-256 of each of its files by name. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The policy of that name, fetched from the Hub where it is one of the Hub's and not there.
 * @param base of an adapter: the policy that it adapts, as it was recorded; null: no adapter is wanted @default what its
 * config names
 * @throws MisuseError where there is none, FailureError for a file that cannot be read or fetched
 */
export async function findPolicy(
  name: string,
  fetching: FetchOptions = {},
  base?: string | null,
): Promise<FoundPolicy> {
  const place = placeOf(name);
  if ("hub" in place) {
    const { folder, commit, files } = await fetchPolicy(place.hub, fetching), { name } = place.hub;
    return await look({ name: `${name}@${commit}`, label: basename(name), folder }, files, fetching, base);
  }
  const { folder } = place;
  const files = isAdapterFolder(folder) ? [ADAPTER_CONFIG, ADAPTER_WEIGHTS] : readdirSync(folder).filter(isPolicyFile);
  return await look({ name, label: basename(folder), folder }, files.sort(), fetching, base);
}

/** The policy that an adapter adapts. @param base null: the adapter itself should have been a whole policy */
async function findBase<P>(
  { name, folder }: Pick<FoundPolicy, "name" | "folder">,
  base: string | null | undefined,
  find: (name: string) => Promise<P>,
): Promise<P> {
  if (base === null) {
    throw new MisuseError(
      `Cannot use policy "${name}": it is an adapter itself … merge it with peft's merge_and_unload()`,
    );
  }
  return await find(base ?? (await readAdapterConfig(folder)).base).catch((error) => {
    if (!(error instanceof MisuseError)) throw error;
    const from = `"base_model_name_or_path" of "${join(folder, ADAPTER_CONFIG)}" names it`;
    throw new MisuseError(`${error.message}; ${from}`, { cause: error });
  });
}

/** As plans and evaluations record it. */
export function recordedPolicy({ name, base, files }: FoundPolicy) {
  return { name, ...(base === undefined ? {} : { base }), files };
}

/** As a process of its own is told where to read it. */
export function policyFolders({ folder, merged }: Pick<FoundPolicy, "folder"> & { merged?: string | undefined }) {
  return { policy: folder, ...(merged === undefined ? {} : { merged }) };
}

/** A policy of which no weights were looked at: it can be planned with and not run. */
export interface GlimpsedPolicy extends FoundPolicy, AsyncDisposable {
  /** Bytes that would have to be fetched. */
  readonly bytes: number;
}

/**
 * The policy of that name without its weights: of the Hub, nothing large is fetched and nothing stays.
 * @throws as {@linkcode findPolicy} does
 */
export async function glimpsePolicy(
  name: string,
  fetching: FetchOptions = {},
  base?: string | null,
): Promise<GlimpsedPolicy> {
  const place = placeOf(name), hub = "hub" in place ? await glanceAtPolicy(place.hub, fetching) : null;
  const folder = hub?.folder ?? ("folder" in place ? place.folder : ""), path = join(folder, "config.json");
  const dispose = async () => await hub?.[Symbol.asyncDispose](), bytes = hub?.bytes ?? 0;
  const own = {
    name: hub && "hub" in place ? `${place.hub.name}@${hub.commit}` : name,
    label: basename("hub" in place ? place.hub.name : folder),
  };
  try {
    if (!isAdapterFolder(folder)) {
      const model = parseModelConfig(await readJsonFile(path), path);
      return { ...own, folder, model, files: {}, bytes, [Symbol.asyncDispose]: dispose };
    }
    const found = await findBase({ name, folder }, base, (name) => glimpsePolicy(name, fetching, null));
    return {
      ...found,
      ...own,
      merged: folder,
      base: found.name,
      bytes: bytes + found.bytes,
      [Symbol.asyncDispose]: async () => {
        await found[Symbol.asyncDispose]();
        await dispose();
      },
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Where a name leads. @throws MisuseError where that is nowhere */
function placeOf(name: string): { readonly folder: string } | { readonly hub: HubName } {
  const shipped = Object.hasOwn(embeddedPolicies, name) ? embeddedPolicies[name] : undefined;
  const folder = shipped ? fileURLToPath(shipped) : resolve(name);
  const hub = shipped || existsSync(folder) ? null : parseHubName(presetName(name));
  if (hub) return { hub };
  const holds = (file: string) => existsSync(join(folder, file)), isAdapter = isAdapterFolder(folder);
  if (holds(ADAPTER_CONFIG) && !isAdapter) {
    throw new MisuseError(
      `Cannot use policy "${name}": "${folder}" holds a policy and an adapter … move one of them to another folder`,
    );
  }
  if (isAdapter || holds("config.json")) return { folder };
  const names = [...Object.keys(embeddedPolicies), ...Object.keys(presets)];
  const state = existsSync(folder)
    ? `"${folder}" holds neither config.json nor ${ADAPTER_CONFIG}`
    : `there is no folder "${folder}"`;
  throw new MisuseError(
    `Cannot find policy "${name}": ${state} … give ${
      names.join(", ")
    }, a Hugging Face folder, an adapter's, or org/name ` +
      `of the Hub${suggest(name, names)}`,
  );
}

async function look(
  place: Pick<FoundPolicy, "name" | "label" | "folder">,
  names: readonly string[],
  fetching: FetchOptions,
  baseName: string | null | undefined,
): Promise<FoundPolicy> {
  const files: Record<string, string> = {}, { name, label, folder } = place;
  const digest = async () => {
    for (const file of names) files[file] = await digestOf(join(folder, file), file, name);
  };
  if (names.includes(ADAPTER_CONFIG)) {
    const base = await findBase(place, baseName, (name) => findPolicy(name, fetching, null));
    await digest();
    return { ...base, name, label, merged: folder, base: base.name, files: { ...base.files, ...files } };
  }
  const path = join(folder, "config.json"), model = parseModelConfig(await readJsonFile(path), path);
  await digest();
  return { ...place, model, files };
}

/** Weights, and what harness/model/policy.ts reads beside them. */
function isPolicyFile(name: string): boolean {
  return /\.safetensors(\.index\.json)?$/.test(name) ||
    /^(generation_|tokenizer_)?config\.json$|^tokenizer\.json$|^special_tokens_map\.json$|^chat_template\.jinja$/.test(
      name,
    );
}

/** SHA-256 of a file. @throws FailureError for a blob of the Hub's cache that is not what its name says */
async function digestOf(path: string, file: string, policy: string): Promise<string> {
  const digest = await blobDigest(path, "sha256");
  const blob = await realpath(path).catch((error) => {
    throw fileError("read", path, error);
  });
  const name = basename(blob);
  const isBlob = /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name) && basename(resolve(blob, "..")) === "blobs";
  if (!isBlob || name === digest || (name.length === 40 && name === await blobDigest(path, "sha1"))) return digest;
  throw new FailureError(
    `Cannot use policy "${policy}": ${file} in the cache is damaged, its digest is not the name of "${blob}" … ` +
      "remove that file, and the same command fetches it anew",
  );
}
