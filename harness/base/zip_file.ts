// The only import of zip.js: the entries of a ZIP archive, read where they lie, as Python wheels need it.

import { type FileHandle, open } from "node:fs/promises";
import { configure, type FileEntry, Reader, ZipReader } from "@zip.js/zip.js";
import { FailureError, MisuseError } from "./errors.ts";

configure({ useWebWorkers: false });

/** A file in the archive. */
export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  /**
   * Its content, chunk by chunk.
   * @throws FailureError in the end where it is not what the directory says
   */
  readonly content: () => AsyncIterable<Uint8Array>;
}

/** Reads a part of a file at a time. */
class PartReader extends Reader<FileHandle> {
  constructor(private readonly file: FileHandle) {
    super(file);
  }

  override async init(): Promise<void> {
    this.size = (await this.file.stat()).size;
  }

  override async readUint8Array(index: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - index)));
    let at = 0;
    while (at < bytes.length) {
      const { bytesRead } = await this.file.read(bytes, at, bytes.length - at, index + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return bytes.subarray(0, at);
  }
}

const damaged = (path: string, what: string, error: unknown) => {
  const why = error instanceof Error ? error.message : String(error);
  return new FailureError(`Cannot read the archive "${path}": ${what}${why} … download it again`, { cause: error });
};

/** What every archive with a file begins with. */
const BEGINNING = "PK\x03\x04";

/**
 * Lends the entries of an archive to `use`.
 * @throws MisuseError where the file is none, and FailureError where it is damaged
 */
export async function withZip<T>(path: string, use: (entries: readonly ZipEntry[]) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(BEGINNING.length), 0, BEGINNING.length, 0);
    if (new TextDecoder().decode(buffer.subarray(0, bytesRead)) !== BEGINNING) {
      throw new MisuseError(`Cannot read "${path}": it is no ZIP archive … name one, or download it again`);
    }
    const reader = new ZipReader(new PartReader(file), { checkSignature: true });
    const found = await reader.getEntries().catch((error: unknown) => {
      throw damaged(path, "", error);
    });
    const files = found.filter((entry): entry is FileEntry => !entry.directory);
    return await use(files.map((entry) => ({
      name: entry.filename,
      size: entry.uncompressedSize,
      content: () => contentOf(path, entry),
    })));
  } finally {
    await file.close();
  }
}

async function* contentOf(path: string, entry: FileEntry): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(), reader = readable.getReader();
  const unpacked = entry.getData(writable), failure = unpacked.then(() => new Promise<never>(() => {})); // it may not end the stream
  try {
    while (true) {
      const { value, done } = await Promise.race([reader.read(), failure]);
      if (done) break;
      yield value;
    }
    await unpacked;
  } catch (error) {
    throw damaged(path, `"${entry.filename}": `, error);
  }
}
