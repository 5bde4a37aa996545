// Writes a file whole or not at all: into a temporary file beside it, to the disk, then renamed over it. Whoever reads
// the path sees the old content or the new, also after a crash. What the file system refuses becomes a FailureError that
// names the path and what to do about it.

import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { FailureError } from "./errors.ts";

let written = 0;

/**
 * Writes `data` (text as UTF-8, or byte chunks one after the other) to `path`, replacing what was there.
 * @throws FailureError where the folder is missing or closed to writing, or the disk is full; nothing is left behind
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | Iterable<Uint8Array>,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${written++}.tmp`);
  const chunks = typeof data === "string"
    ? [new TextEncoder().encode(data)]
    : data instanceof Uint8Array
    ? [data]
    : data;
  try {
    const file = await open(temporary, "wx");
    try {
      for (const chunk of chunks) await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to report
    throw fileError("write", path, error);
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full … free space or choose another disk",
  EDQUOT: "the disk quota is used up … free space or choose another disk",
  EACCES: "permission is denied … choose another path or change its permissions",
  EPERM: "permission is denied … choose another path or change its permissions",
  EROFS: "the file system is read-only … choose another path",
  ENOENT: "there is no such file or folder … check the path",
  ENOTDIR: "a part of the path is a file, no folder … check the path",
  EEXIST: "it exists and is a file … choose another path",
  EISDIR: "it is a folder, no file … check the path",
  ENAMETOOLONG: "the name is too long … choose a shorter one",
};

/**
 * What the file system refused as a FailureError that names the path and the remedy. An error that carries no code of
 * the file system is a defect and comes back as it is.
 * @param action in the infinitive, e.g. "write"
 */
export function fileError(action: string, path: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
  if (code === null || !/^E[A-Z0-9]+$/.test(code)) return error;
  const reason = REMEDIES[code] ?? `the file system reports ${code} … check the path and the disk`;
  return new FailureError(`Cannot ${action} "${path}": ${reason}`, { cause: error });
}
