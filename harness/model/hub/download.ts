// One file of a repository into the shared cache: blobs/<digest>, and a relative link to it from snapshots/<commit>/, as
// Python's huggingface_hub makes them. It is written to <digest>.incomplete, gone on with by Range after a break of any
// kind, read again from the disk against its digest, and only then renamed. Two processes that want the same file wait
// for each other on the lock that Python's tools take too; where a file system ignores locks, the digest still decides.
// Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache

import { copyFile, type FileHandle, mkdir, open, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import process from "node:process";
import { fileError } from "../../base/atomic_file.ts";
import { FailureError } from "../../base/errors.ts";
import { blobDigest } from "./blob_digest.ts";
import type { HubFile } from "./repository.ts";
import { askHub, type HubAnswer, type HubSubject, tryAgain } from "./request.ts";

/** Where a file goes. */
export interface CachePlace {
  /** Folder of the repository in the cache. */
  readonly repository: string;
  /** Folder of its locks. */
  readonly locks: string;
  readonly commit: string;
}

/**
 * Sees to it that the file is in the cache.
 * @param report told of bytes of it that are on the disk, while they come
 * @returns its entry in the snapshot
 * @throws FailureError for a digest that stays wrong or a disk that refuses; what askHub throws
 */
export async function download(
  file: HubFile,
  { repository, locks, commit }: CachePlace,
  subject: HubSubject,
  report: (bytes: number) => void,
): Promise<string> {
  const blob = join(repository, "blobs", file.digest), entry = join(repository, "snapshots", commit, file.path);
  if (await isEntered(file, entry)) return entry;
  return await locked(join(locks, `${file.digest}.lock`), subject, async () => {
    if (await sizeOf(blob) !== file.size) {
      await fetchFile(file, resolveAddress(subject, commit, file.path), blob, subject, report);
    }
    await onDisk(entry, () => enter(blob, entry, subject.settings.symlinks));
    return entry;
  });
}

/** The address of a file of a repository at a commit. */
export function resolveAddress({ kind, name, settings }: HubSubject, commit: string, path: string): string {
  const escaped = path.split("/").map(encodeURIComponent).join("/");
  if (kind === "github") return `${settings.github}/${name}/${commit}/${escaped}`;
  return `${settings.endpoint}/${kind === "dataset" ? "datasets/" : ""}${name}/resolve/${commit}/${escaped}`;
}

/** Does the work while no other process does work under the same lock. */
export async function locked<T>(path: string, { note }: HubSubject, work: () => Promise<T>): Promise<T> {
  const lock = await takeLock(path, () => note("another process fetches it; waiting"));
  try {
    return await work();
  } finally {
    lock.close();
  }
}

/** Bytes that are still to come before the file is in the cache. */
export async function bytesMissing(file: HubFile, { repository, commit }: CachePlace): Promise<number> {
  const { digest, path, size } = file, blob = join(repository, "blobs", digest);
  if (await sizeOf(blob) === size || await isEntered(file, join(repository, "snapshots", commit, path))) return 0;
  return Math.max(0, size - (await sizeOf(partOf(blob)) ?? 0));
}

const partOf = (blob: string) => `${blob}.incomplete`;

/** Size of what the path leads to; null where it leads nowhere. */
async function sizeOf(path: string): Promise<number | null> {
  return await stat(path).then(({ size }) => size, () => null);
}

/** Whether the snapshot has the file: a link to its blob, or the content itself, which is then read. */
async function isEntered({ digest, size }: HubFile, entry: string): Promise<boolean> {
  if (await sizeOf(entry) !== size) return false;
  const linked = await readlink(entry).then(basename, () => null);
  return linked === digest || await blobDigest(entry, kindOf(digest)) === digest;
}

const kindOf = (digest: string) => digest.length === 64 ? "sha256" : "sha1";

/**
 * Fetches a file to where it shall lie; a part that an earlier run left beside it is gone on with.
 * @throws FailureError for a digest that stays wrong or a disk that refuses; what askHub throws
 */
export async function fetchFile(
  file: HubFile,
  url: string,
  target: string,
  subject: HubSubject,
  report: (bytes: number) => void,
): Promise<void> {
  const { kind, name, note } = subject, part = partOf(target);
  await onDisk(target, () => mkdir(dirname(target), { recursive: true }));
  for (const last of [false, true]) {
    let most = await sizeOf(part) ?? 0;
    if (most < file.size || file.size === 0) {
      await askHub(subject, url, () => rangeFrom(part), (answer, progress) =>
        receive(answer, file, part, (bytes) => {
          if (bytes > most) progress();
          most = Math.max(most, bytes);
          report(bytes);
        }));
    }
    const found = await blobDigest(part, kindOf(file.digest));
    if (found === file.digest) return await onDisk(target, () => rename(part, target));
    await onDisk(part, () => rm(part, { force: true }));
    if (last) {
      throw new FailureError(
        `Cannot fetch "${name}": ${file.path} came with the digest ${found.slice(0, 12)}, and ` +
          `${kind === "github" ? "the task names" : "the Hub lists"} ${file.digest.slice(0, 12)} … try again later; ` +
          "a proxy or mirror on the way may be at fault",
      );
    }
    note(`${file.path} came with the wrong digest; fetching it anew`);
  }
}

async function rangeFrom(part: string): Promise<Readonly<Record<string, string>>> {
  const start = await sizeOf(part) ?? 0;
  return { "Accept-Encoding": "identity", ...(start > 0 ? { "Range": `bytes=${start}-` } : {}) };
}

/** Appends the body to the part, or begins it anew where the answer does not go on where the part ends. */
async function receive(
  { response, pieces }: HubAnswer,
  { size, path }: HubFile,
  part: string,
  report: (bytes: number) => void,
): Promise<void> {
  const has = await sizeOf(part) ?? 0;
  const [, start] = /^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "") ?? [];
  if (response.status === 416 || (response.status === 206 && Number(start) !== has)) {
    await onDisk(part, () => rm(part, { force: true }));
    throw tryAgain(`the Hub does not go on with ${path} where it broke off`);
  }
  let at = response.status === 206 ? has : 0;
  const out = await onDisk(part, () => open(part, at > 0 ? "a" : "w"));
  try {
    for await (const piece of pieces) {
      await onDisk(part, () => writeAll(out, piece));
      at += piece.length;
      if (at > size) return; // its digest will say so
      report(at);
    }
    if (at < size) throw tryAgain(`${path} ended after ${at} of ${size} bytes`);
    await onDisk(part, () => out.sync());
  } finally {
    await out.close();
  }
}

async function writeAll(out: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length;) at += (await out.write(piece, at, piece.length - at)).bytesWritten;
}

/** Makes the blob visible in the snapshot: a relative link, or a copy where links are not to be had. */
async function enter(blob: string, entry: string, links: boolean): Promise<void> {
  const folder = dirname(entry), temporary = join(folder, `.${basename(entry)}.${process.pid}.tmp`);
  await mkdir(folder, { recursive: true });
  await rm(temporary, { force: true });
  const linked = links && await symlink(relative(folder, blob), temporary).then(() => true, () => false);
  if (!linked) await copyFile(blob, temporary);
  await rename(temporary, entry);
}

/** The lock, once it is free. It ends with the process, however that ends. */
async function takeLock(path: string, waiting: () => void): Promise<Deno.FsFile> {
  return await onDisk(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    const file = await Deno.open(path, { read: true, write: true, create: true });
    if (!file.tryLockSync(true)) {
      waiting();
      await file.lock(true);
    }
    return file;
  });
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError("write", path, error);
  }
}
