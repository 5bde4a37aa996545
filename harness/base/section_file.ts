// Named sections of bytes in one file, written whole or not at all, each with its SHA-256: what a checkpoint is kept in.
//
//   magic line | header length (8 bytes, little endian) | header JSON { name: { bytes, sha256 } } | sections in order
//
// Equal sections make equal files. Sections are written and read one by one, so that gigabytes need no second copy.

import { type FileHandle, open } from "node:fs/promises";
import { fileError, writeFileAtomic } from "./atomic_file.ts";
import { bytesOf, sha256 } from "./digest.ts";
import { FailureError } from "./errors.ts";
import { isObject } from "./json_file.ts";
import { pieces } from "./pieces.ts";

const MAGIC = new TextEncoder().encode("matchbox sections 1\n");

/** Bytes by name, in the order in which they are written. */
export type Sections = Readonly<Record<string, Uint8Array>>;

/** @throws FailureError where the folder is missing or closed to writing, or the disk is full; nothing is left behind */
export function writeSectionFile(path: string, sections: Sections): Promise<void> {
  const entries = Object.entries(sections).map(([name, bytes]) => [
    name,
    { bytes: bytes.length, sha256: sha256(bytes) },
  ]);
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = bytesOf(BigUint64Array.of(BigInt(header.length)));
  const whole = [MAGIC, length, header, ...Object.values(sections)];
  return writeFileAtomic(path, whole.flatMap((bytes) => [...pieces(bytes)]));
}

/** The sections of a file. @throws FailureError where it is missing, cut short, or a section's digest does not hold */
export async function readSectionFile(path: string): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw fileError("read", path, error);
  }
  try {
    const damaged = (what: string) =>
      new FailureError(`Cannot read "${path}": ${what} … it is damaged, or was not written by Matchbox`);
    const left = (await file.stat()).size;
    const take = async (bytes: number): Promise<Uint8Array<ArrayBuffer>> => {
      if (!(bytes <= left)) throw damaged("it ends early");
      const into = new Uint8Array(bytes);
      for (const piece of pieces(into)) {
        for (let at = 0; at < piece.length;) {
          const { bytesRead } = await file.read(piece, at, piece.length - at);
          if (bytesRead === 0) throw damaged("it ends early");
          at += bytesRead;
        }
      }
      return into;
    };
    if (sha256(await take(MAGIC.length)) !== sha256(MAGIC)) throw damaged("it does not begin as a section file");
    const length = Number(new BigUint64Array((await take(8)).buffer)[0]);
    const sections: Record<string, Uint8Array<ArrayBuffer>> = {};
    for (const [name, entry] of headerOf(await take(length), damaged)) {
      const bytes = await take(entry.bytes);
      if (sha256(bytes) !== entry.sha256) throw damaged(`section "${name}" does not have its digest`);
      sections[name] = bytes;
    }
    return sections;
  } finally {
    await file.close();
  }
}

function headerOf(bytes: Uint8Array, damaged: (what: string) => FailureError): [string, SectionEntry][] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw damaged("its header is no JSON");
  }
  if (!isObject(value)) throw damaged("its header is no mapping");
  return Object.entries(value).map(([name, entry]) => {
    if (!isObject(entry) || typeof entry.bytes !== "number" || typeof entry.sha256 !== "string") {
      throw damaged(`its header does not describe section "${name}"`);
    }
    return [name, { bytes: entry.bytes, sha256: entry.sha256 }];
  });
}

interface SectionEntry {
  readonly bytes: number;
  readonly sha256: string;
}
