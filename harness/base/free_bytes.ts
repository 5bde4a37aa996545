// How much room a disk has, asked before much is written to it.

import { statfsSync } from "node:fs";

/** Bytes that are free for files in a folder; null where the system does not say. */
export function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
