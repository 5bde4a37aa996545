// Lays ONNX Runtime's CUDA provider beside onnxruntime-node's own library, for machines whose networks do not reach what
// the package's install script fetches: PyPI's onnxruntime-gpu wheel of the same version carries the same libraries. Both
// must be of one version, byte layouts are shared. Files appear whole or not at all; the CUDA runtime itself is not ours.

import { execFile } from "node:child_process";
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { fileError } from "../base/atomic_file.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import { readJsonFile } from "../base/json_file.ts";
import { withZip, type ZipEntry } from "../base/zip_file.ts";
import { DEVICE_FACTS, isOffered, platformOf } from "./devices.ts";

/** In this order: the second without the first does not load. */
export const CUDA_LIBRARIES = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"] as const;

/** Where onnxruntime-node keeps its libraries, and its version. */
export interface RuntimeHome {
  readonly folder: string;
  readonly version: string;
}

/** Of this installation. */
export async function runtimeHome(): Promise<RuntimeHome> {
  const path = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  const { version } = await readJsonFile(path);
  if (typeof version !== "string") throw new FailureError(`Cannot read the version in "${path}": install it again`);
  return { folder: join(dirname(path), "bin", "napi-v6", process.platform, process.arch), version };
}

/** A library to lay down: its name, and its bytes. */
interface Part {
  readonly name: string;
  readonly content: () => AsyncIterable<Uint8Array>;
}

/** What a folder or a wheel has of them. */
interface Source {
  /** Null where nothing says it. */
  readonly version: string | null;
  readonly parts: readonly Part[];
}

/**
 * Lays the libraries down.
 * @param from a wheel, or a folder with the libraries: that of a wheel that was unpacked or installed, or of the two alone
 * @returns the paths that were written
 * @throws MisuseError where the source is no such thing or of another version, FailureError where it is damaged or the
 * folder cannot be written
 */
export async function enableCuda(from: string, home: RuntimeHome, platform?: string): Promise<string[]> {
  const here = platform ?? platformOf(process.platform, process.arch);
  if (!isOffered("cuda", here)) {
    throw new MisuseError(
      `Cannot enable CUDA on ${here}: ONNX Runtime has it for ${DEVICE_FACTS.cuda.platforms?.join(", ")} … ` +
        "choose another device, see `deno task doctor`",
    );
  }
  const wrong = (why: string) => new MisuseError(`Cannot enable CUDA from "${from}": ${why}`);
  if (!existsSync(from)) {
    throw wrong("there is no such file or folder … name the wheel, or the folder of the libraries");
  }
  const lay = (source: Source) => layFrom(source, home, wrong);
  if (statSync(from).isDirectory()) return await lay(folderSource(from));
  return await withZip(from, async (entries) => await lay(await wheelSource(entries, wrong)));
}

type Wrong = (why: string) => MisuseError;

async function layFrom({ version, parts }: Source, home: RuntimeHome, wrong: Wrong): Promise<string[]> {
  const missing = CUDA_LIBRARIES.filter((name) => !parts.some((part) => part.name === name));
  const take = `take PyPI's onnxruntime-gpu==${home.version} for Linux x86_64`;
  if (missing.length > 0) throw wrong(`it has no ${missing.join(" and no ")} … ${take}`);
  const fits = version === null
    ? await mentions(parts.find(({ name }) => name === CUDA_LIBRARIES[1])!, home.version)
    : version === home.version;
  if (!fits) throw wrong(`it is of version ${version ?? "unknown"} and onnxruntime-node of ${home.version} … ${take}`);
  return await layDown(parts, home.folder);
}

function folderSource(folder: string): Source {
  const places = [folder, join(folder, "capi"), join(folder, "onnxruntime", "capi")];
  const place = places.find((place) => existsSync(join(place, CUDA_LIBRARIES[1]))) ?? folder;
  const library = readdirSync(place).map((name) => /^libonnxruntime\.so\.(\d+\.\d+\.\d+)$/.exec(name)?.[1]);
  const parts = CUDA_LIBRARIES.filter((name) => existsSync(join(place, name)))
    .map((name) => ({ name, content: () => createReadStream(join(place, name)) }));
  return { version: library.find((version) => version !== undefined) ?? null, parts };
}

async function wheelSource(entries: readonly ZipEntry[], wrong: Wrong): Promise<Source> {
  const metadata = entries.find(({ name }) => /^[^/]+\.dist-info\/METADATA$/.test(name));
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of metadata?.content() ?? []) text += decoder.decode(chunk, { stream: true });
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(text)?.[1]?.trim();
  const name = field("Name"), version = field("Version");
  if (name === undefined || version === undefined) {
    throw wrong("it is no Python wheel … name the onnxruntime-gpu wheel");
  }
  if (!/^onnxruntime[-_]gpu$/.test(name)) throw wrong(`it is a wheel of ${name} … name one of onnxruntime-gpu`);
  const parts = CUDA_LIBRARIES.flatMap((library) => {
    const entry = entries.find(({ name }) => name === `onnxruntime/capi/${library}`);
    return entry ? [{ name: library, content: entry.content }] : [];
  });
  return { version, parts };
}

/** Whether a library that nothing names the version of holds its number, as ONNX Runtime's own do, between two zeros. */
async function mentions({ content }: Part, version: string): Promise<boolean> {
  const wanted = `\0${version}\0`, decoder = new TextDecoder("latin1");
  let tail = "";
  for await (const chunk of content()) {
    const text = tail + decoder.decode(chunk);
    if (text.includes(wanted)) return true;
    tail = text.slice(-wanted.length);
  }
  return false;
}

/** All are written beside their places, then renamed. */
async function layDown(parts: readonly Part[], folder: string): Promise<string[]> {
  const temporary = (name: string) => join(folder, `.${name}.${process.pid}.tmp`);
  try {
    for (const { name, content } of parts) await writeWhole(temporary(name), content());
    for (const { name } of parts) await rename(temporary(name), join(folder, name));
  } catch (error) {
    for (const { name } of parts) await rm(temporary(name), { force: true }).catch(() => {}); // the first error counts
    throw error instanceof FailureError ? error : fileError("write", folder, error);
  }
  return parts.map(({ name }) => join(folder, name));
}

async function writeWhole(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const file: FileHandle = await open(path, "w");
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Shared libraries that the provider needs and the loader does not find; null where that cannot be asked. */
export async function missingLibraries({ folder }: RuntimeHome): Promise<string[] | null> {
  const path = join(folder, CUDA_LIBRARIES[1]);
  if (!existsSync(path)) return null;
  try {
    const { stdout } = await promisify(execFile)("ldd", [path]);
    return [...stdout.matchAll(/^\s*(\S+) => not found$/gm)].flatMap(([, name]) => name ?? []);
  } catch {
    return null; // musl and minimal systems have none
  }
}
