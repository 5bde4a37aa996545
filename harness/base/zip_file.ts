// Reads a ZIP archive as far as Python wheels need it: the directory at its end, and single entries, stored or deflated,
// as streams. No encryption, no archives beyond 4 GiB (ZIP64), no writing.
// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7, 4.3.12 and 4.3.16.

import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { FailureError } from "./errors.ts";

/** A file in the archive. */
export interface ZipEntry {
  readonly name: string;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  readonly crc: number;
  readonly compressed: number;
  readonly size: number;
  /** Of its own header, from the beginning of the archive. */
  readonly offset: number;
}

const END = 0x06054b50, END_LENGTH = 22, LONGEST_COMMENT = 0xffff;
const ENTRY = 0x02014b50, ENTRY_LENGTH = 46;
const LOCAL = 0x04034b50, LOCAL_LENGTH = 30;

/** The entries of an archive. @throws FailureError where it is none, is damaged or too large */
export async function zipEntries(path: string): Promise<ZipEntry[]> {
  return await withFile(path, async (file) => {
    const { size } = await file.stat();
    const tail = await bytesAt(file, path, Math.max(0, size - END_LENGTH - LONGEST_COMMENT), size);
    let at = tail.byteLength - END_LENGTH;
    while (at >= 0 && tail.getUint32(at, true) !== END) at--;
    if (at < 0) throw damaged(path, "it has no directory at its end");
    const [count, length, start] = [
      tail.getUint16(at + 10, true),
      tail.getUint32(at + 12, true),
      tail.getUint32(at + 16, true),
    ];
    if (start === 0xffffffff || count === 0xffff) throw damaged(path, "it is larger than 4 GiB, or has 65,535 entries");
    const directory = await bytesAt(file, path, start, start + length), entries: ZipEntry[] = [];
    for (let at = 0, i = 0; i < count; i++) {
      if (at + ENTRY_LENGTH > length || directory.getUint32(at, true) !== ENTRY) {
        throw damaged(path, `entry ${i} is none`);
      }
      const [name, extra, comment] = [28, 30, 32].map((field) => directory.getUint16(at + field, true)) as [
        number,
        number,
        number,
      ];
      const nameBytes = new Uint8Array(directory.buffer, directory.byteOffset + at + ENTRY_LENGTH, name);
      entries.push({
        name: new TextDecoder().decode(nameBytes),
        method: directory.getUint16(at + 10, true),
        crc: directory.getUint32(at + 16, true),
        compressed: directory.getUint32(at + 20, true),
        size: directory.getUint32(at + 24, true),
        offset: directory.getUint32(at + 42, true),
      });
      at += ENTRY_LENGTH + name + extra + comment;
    }
    return entries;
  });
}

/**
 * The content of an entry, chunk by chunk.
 * @throws FailureError in the end where it is not what the directory says
 */
export async function* zipContent(path: string, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const { method, offset, compressed, name } = entry;
  if (method !== 0 && method !== 8) {
    throw damaged(path, `"${name}" is packed by method ${method}, not stored or deflated`);
  }
  const header = await withFile(path, (file) => bytesAt(file, path, offset, offset + LOCAL_LENGTH));
  if (header.getUint32(0, true) !== LOCAL) throw damaged(path, `"${name}" is not where the directory says`);
  const start = offset + LOCAL_LENGTH + header.getUint16(26, true) + header.getUint16(28, true);
  let crc = 0, size = 0;
  if (compressed > 0) {
    const packed = createReadStream(path, { start, end: start + compressed - 1 });
    const inflate = method === 0 ? null : createInflateRaw();
    packed.on("error", (error) => inflate?.destroy(error));
    const content: Readable = inflate ? packed.pipe(inflate) : packed;
    try {
      for await (const chunk of content) {
        crc = crc32(chunk, crc);
        size += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      throw damaged(path, `"${name}" cannot be unpacked (${error instanceof Error ? error.message : error})`);
    } finally {
      packed.destroy();
    }
  }
  if (size !== entry.size || crc !== entry.crc) throw damaged(path, `"${name}" does not fit its checksum`);
}

const damaged = (path: string, why: string) =>
  new FailureError(`Cannot read the archive "${path}": ${why} … download it again`);

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function bytesAt(file: FileHandle, path: string, start: number, end: number): Promise<DataView> {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
    if (bytesRead === 0) throw damaged(path, "it ends too early");
    at += bytesRead;
  }
  return new DataView(bytes.buffer);
}
