// A policy of the Hugging Face Hub as a folder: found in the cache that all of Hugging Face's tools share, or fetched
// into it. Only the files that a policy is read from are fetched, the config first, so that an architecture that is not
// supported is named before weights are downloaded. An adapter comes alone; what it adapts has a name of its own. What a branch or tag stands for is asked of the Hub each time; what
// cannot be asked is taken from the cache, as it was.

import { mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileError, writeFileAtomic } from "../../base/atomic_file.ts";
import { FailureError, MisuseError } from "../../base/errors.ts";
import { freeBytes } from "../../base/free_bytes.ts";
import { isObject, readJsonFile } from "../../base/json_file.ts";
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, readAdapterConfig } from "../adapter_folder.ts";
import { parseModelConfig } from "../config.ts";
import { bytesMissing, download } from "./download.ts";
import { cacheFolders, COMMIT, type HubFile, listFiles, resolveCommit } from "./repository.ts";
import { type HubSubject, HubUnreachable } from "./request.ts";
import { type HubSettings, hubSettings } from "./settings.ts";

/** A policy of the Hub by name. */
export interface HubName {
  /** "org/name" */
  readonly name: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** What happens on the way. */
export type FetchProgress =
  /** So much is to come. */
  | { readonly type: "begin"; readonly what: string; readonly files: number; readonly bytes: number }
  | { readonly type: "bytes"; readonly file: string; readonly done: number; readonly bytes: number }
  | { readonly type: "end" }
  /** Why it takes longer, or what is done instead. */
  | { readonly type: "note"; readonly text: string };

/** How to fetch. */
export interface FetchOptions {
  readonly report?: (progress: FetchProgress) => void;
  /** Look in the cache alone. @default false */
  readonly cacheOnly?: boolean;
  /** @default the environment's */
  readonly settings?: HubSettings;
}

/** A policy of the Hub in the cache. */
export interface FetchedPolicy {
  /** A snapshot. */
  readonly folder: string;
  readonly commit: string;
  /** The files in it that the policy is read from. */
  readonly files: readonly string[];
}

const SINGLE = "model.safetensors", INDEX = `${SINGLE}.index.json`;
const NEEDED = ["config.json", "tokenizer.json", "tokenizer_config.json"];
const OPTIONAL = ["generation_config.json", "special_tokens_map.json", "chat_template.jinja"];

/** "org/name" or "org/name@revision"; null for what can be no name on the Hub. */
export function parseHubName(text: string): HubName | null {
  const [, name, revision = "main"] = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?$/.exec(text) ?? [];
  if (name === undefined || /\.\.|--/.test(name) || /\.\.|\/\/|[/.]$/.test(revision)) return null;
  return { name, revision };
}

/**
 * The policy of that name, fetched where it is not there.
 * @throws MisuseError where it cannot serve or may not be had, FailureError where network, disk or cache fail
 */
export async function fetchPolicy(wanted: HubName, options: FetchOptions = {}): Promise<FetchedPolicy> {
  const { report = () => {}, cacheOnly = false, settings = hubSettings() } = options, { name, revision } = wanted;
  const subject: HubSubject = { kind: "model", settings, ...wanted, note: (text) => report({ type: "note", text }) };
  const { cache, repository, locks } = await cacheFolders(name);
  const cached = await cachedPolicy(repository, revision);
  if (cacheOnly || settings.offline) {
    if (cached) return cached;
    throw notCached(subject, repository);
  }
  let commit: string, listed: HubFile[];
  try {
    const attempts = cached ? 1 : undefined; // there is something to fall back on
    commit = COMMIT.test(revision) ? revision : await resolveCommit(subject, attempts);
    listed = await listFiles(subject, commit, { attempts });
  } catch (error) {
    if (!(error instanceof HubUnreachable)) throw error;
    if (!cached) throw unreachable(subject, repository, error);
    subject.note(`${reasonOf(error)}; using commit ${cached.commit.slice(0, 12)} of ${name} from the cache`);
    return cached;
  }
  const place = { repository, locks, commit }, byName = new Map(listed.map((file) => [file.path, file]));
  const fetchOne = async (path: string, tell: (bytes: number) => void = () => {}) => {
    const file = byName.get(path);
    if (file) return await download(file, place, subject, tell);
    throw new FailureError(
      `Cannot fetch "${name}": ${INDEX} names ${path}, which the repository lacks … choose another revision`,
    );
  };
  checkFiles(subject, byName);
  await makeFolder(cache);
  const small = smallFiles(byName), config = await fetchOne(small[0]!), folder = dirname(config);
  if (isAdapter(byName)) await readAdapterConfig(folder);
  else parseModelConfig(await readJsonFile(config), config);
  const files = [...small, ...await weightFiles(byName, fetchOne)]; // weights last: then all is there

  const missing = await Promise.all(files.map(async (path) => {
    const file = byName.get(path);
    return file ? await bytesMissing(file, place) : 0;
  }));
  const bytes = missing.reduce((sum, one) => sum + one, 0), free = freeBytes(cache);
  if (free !== null && bytes > free) throw diskFull(name, cache, bytes, free);
  if (bytes > 0) {
    const count = missing.filter((one) => one > 0).length;
    report({ type: "begin", what: `${name}@${commit.slice(0, 12)}`, files: count, bytes });
  }
  let done = 0;
  for (const [i, file] of files.entries()) {
    const coming = missing[i]!, before = (byName.get(file)?.size ?? 0) - coming; // on the disk when this began
    await fetchOne(file, (here) => report({ type: "bytes", file, done: done + Math.max(0, here - before), bytes }));
    done += coming;
  }
  if (bytes > 0) report({ type: "end" });
  if (revision !== commit) await writeRef(join(repository, "refs", ...revision.split("/")), commit);
  return { folder, commit, files: files.sort() };
}

/** A policy of the Hub without its weights, in a folder that is removed by `dispose`. */
export interface GlancedPolicy extends AsyncDisposable {
  readonly folder: string;
  readonly commit: string;
  /** Bytes that {@linkcode fetchPolicy} would fetch. */
  readonly bytes: number;
}

/**
 * The small files of a policy: what it is, and not what it has learned. The cache is read and not written.
 * @throws as {@linkcode fetchPolicy} does
 */
export async function glanceAtPolicy(wanted: HubName, options: FetchOptions = {}): Promise<GlancedPolicy> {
  const { report = () => {}, cacheOnly = false, settings = hubSettings() } = options, { name, revision } = wanted;
  const subject: HubSubject = { kind: "model", settings, ...wanted, note: (text) => report({ type: "note", text }) };
  const { repository, locks } = await cacheFolders(name), cached = await cachedPolicy(repository, revision);
  if (cached) return { ...cached, bytes: 0, [Symbol.asyncDispose]: () => Promise.resolve() };
  if (cacheOnly || settings.offline) throw notCached(subject, repository);
  const folder = await mkdtemp(join(tmpdir(), "matchbox-glance-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const commit = COMMIT.test(revision) ? revision : await resolveCommit(subject);
    const listed = await listFiles(subject, commit), byName = new Map(listed.map((file) => [file.path, file]));
    checkFiles(subject, byName);
    const place = { repository: folder, locks: folder, commit };
    const small = smallFiles(byName),
      fetchOne = (path: string) => download(byName.get(path)!, place, subject, () => {});
    for (const path of small) await fetchOne(path);
    const ahead = [...small, ...await weightFiles(byName, fetchOne)].flatMap((path) => byName.get(path) ?? []);
    const missing = await Promise.all(ahead.map((file) => bytesMissing(file, { repository, locks, commit })));
    const bytes = missing.reduce((sum, one) => sum + one, 0);
    return { folder: join(folder, "snapshots", commit), commit, bytes, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error instanceof HubUnreachable ? unreachable(subject, repository, error) : error;
  }
}

/** What the cache holds of a revision, as far as one can tell without the Hub; null where what is needed is not whole. */
async function cachedPolicy(repository: string, revision: string): Promise<FetchedPolicy | null> {
  const ref = join(repository, "refs", ...revision.split("/"));
  const commit = COMMIT.test(revision) ? revision : await readFile(ref, "utf8").then((text) => text.trim(), () => "");
  if (!COMMIT.test(commit)) return null;
  const folder = join(repository, "snapshots", commit);
  const isThere = (path: string) => stat(join(folder, path)).then((entry) => entry.isFile(), () => false);
  const present = async (paths: readonly string[]) => {
    const there = await Promise.all(paths.map(isThere));
    return paths.filter((_, i) => there[i]);
  };
  const single = await isThere(SINGLE), adapter = [ADAPTER_CONFIG, ADAPTER_WEIGHTS];
  if (!single && !await isThere(INDEX)) {
    return (await present(adapter)).length < adapter.length ? null : { folder, commit, files: adapter };
  }
  const needed = [...NEEDED, ...(single ? [SINGLE] : [INDEX, ...await shardsOf(join(folder, INDEX))])];
  if ((await present(needed)).length < needed.length) return null;
  return { folder, commit, files: [...needed, ...await present(OPTIONAL)].sort() };
}

/** Whether a repository holds an adapter and no policy. */
const isAdapter = (files: ReadonlyMap<string, HubFile>) =>
  files.has(ADAPTER_CONFIG) && !files.has(SINGLE) && !files.has(INDEX);

/** The files beside the weights, the config first. */
function smallFiles(files: ReadonlyMap<string, HubFile>): string[] {
  return isAdapter(files) ? [ADAPTER_CONFIG] : [...NEEDED, ...OPTIONAL].filter((path) => files.has(path));
}

/** The weights, after their index where they have one. */
async function weightFiles(
  files: ReadonlyMap<string, HubFile>,
  fetchOne: (path: string) => Promise<string>,
): Promise<string[]> {
  if (isAdapter(files)) return [ADAPTER_WEIGHTS];
  return files.has(SINGLE) ? [SINGLE] : [INDEX, ...await shardsOf(await fetchOne(INDEX))];
}

/** The files that an index names. Whether it fits the weights is checked where they are read. */
async function shardsOf(path: string): Promise<string[]> {
  const { weight_map: map } = await readJsonFile(path);
  const shards = [...new Set(Object.values(isObject(map) ? map : {}))].map(String);
  const odd = shards.find((shard) => !/^[\w.-]+\.safetensors$/.test(shard));
  if (odd === undefined && shards.length > 0) return shards.sort();
  throw new FailureError(`Cannot read "${path}": weight_map names no shards beside it … choose another repository`);
}

/** @throws MisuseError for a repository that holds no policy, before anything is fetched */
function checkFiles({ name, settings, revision }: HubSubject, files: ReadonlyMap<string, HubFile>): void {
  const cannot = (state: string, remedy: string) =>
    new MisuseError(
      `Cannot use "${name}" as a policy: revision ${revision} at ${settings.endpoint} ${state} … ${remedy}`,
    );
  if (isAdapter(files)) {
    if (files.has(ADAPTER_WEIGHTS)) return;
    throw cannot(`has ${ADAPTER_CONFIG} and no ${ADAPTER_WEIGHTS}`, "choose one whose adapter is in safetensors");
  }
  if (!files.has(SINGLE) && !files.has(INDEX)) {
    const other = [...files.keys()].find((path) => /\.(bin|pt|pth|gguf|onnx|h5|msgpack|safetensors)$/.test(path));
    throw cannot(
      `has no ${SINGLE}${other === undefined ? "" : `, but ${other}`}`,
      "choose a repository or a revision with safetensors weights in the form of transformers",
    );
  }
  const lacks = NEEDED.filter((path) => !files.has(path));
  if (lacks.length > 0) throw cannot(`has no ${lacks.join(", ")}`, "choose one in the form of transformers");
}

async function writeRef(path: string, commit: string): Promise<void> {
  if (await readFile(path, "utf8").catch(() => "") === commit) return;
  await makeFolder(dirname(path));
  await writeFileAtomic(path, commit);
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw fileError("create the folder", folder, error);
  });
}

/** What to fetch, and where to put it. */
function byHand({ name, revision }: HubSubject, repository: string): string {
  const wanted = revision === "main" ? name : `${name} --revision ${revision}`;
  return `where there is a network run \`hf download ${wanted}\` and copy its folder to "${repository}", or give a ` +
    `folder with ${NEEDED.join(", ")} and ${SINGLE} to --policy`;
}

function notCached(subject: HubSubject, repository: string): MisuseError {
  const { name, revision, settings: { offline } } = subject;
  const place = offline ? "the cache" : `the cache "${repository}"`; // else the remedy names it
  const remedy = offline
    ? `HF_HUB_OFFLINE is set … unset it, or ${byHand(subject, repository)}`
    : `nothing is fetched unasked … \`deno task doctor --policy ${name}@${revision}\` fetches it`;
  return new MisuseError(
    `Cannot find policy "${name}": ${place} does not hold all of revision ${revision}, and ${remedy}`,
  );
}

function unreachable(subject: HubSubject, repository: string, error: HubUnreachable): FailureError {
  const [state] = error.message.split(" … ");
  return new FailureError(
    `${state}, and the cache does not hold it … check the network, or ${byHand(subject, repository)}`,
    {
      cause: error,
    },
  );
}

const reasonOf = ({ cause, message }: Error) => cause instanceof Error ? cause.message : message;

function diskFull(name: string, cache: string, bytes: number, free: number): FailureError {
  const megabytes = (count: number) => `${Math.ceil(count / 1e6)} MB`;
  return new FailureError(
    `Cannot fetch "${name}": ${megabytes(bytes)} are to come, and "${cache}" has ${
      megabytes(free)
    } free … free space, ` +
      "or name a folder on another disk in HF_HUB_CACHE",
  );
}
