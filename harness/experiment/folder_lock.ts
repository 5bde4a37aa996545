// One writer for a folder, by a lock of the operating system on its file `.lock`: however the process ends, the lock ends
// with it. The file says which process it is. Whoever takes a folder clears away the temporary files that a killed writer
// left there.

import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileError } from "../base/atomic_file.ts";

const NAME = ".lock";
const encoder = new TextEncoder();

/** A held folder. */
export interface FolderLock {
  release(): void;
}

/** Takes the folder; null where another process holds it. @throws FailureError where it cannot be written */
export function lockFolder(folder: string): FolderLock | null {
  const path = join(folder, NAME);
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true, write: true, create: true });
  } catch (error) {
    throw fileError("write to", path, error);
  }
  if (!file.tryLockSync(true)) {
    file.close();
    return null;
  }
  try {
    file.truncateSync(0);
    file.writeSync(encoder.encode(`${Deno.pid}\n`));
    clearTemporaries(folder);
  } catch (error) {
    file.close();
    throw fileError("write to", folder, error);
  }
  return { release: () => file.close() };
}

/** "process 1234": who holds the folder, as far as its file can be read. */
export function holderOf(folder: string): string {
  try {
    const pid = readFileSync(join(folder, NAME), "utf8").trim();
    if (/^\d+$/.test(pid)) return `process ${pid}`;
  } catch {
    // Windows lets nobody read a locked file.
  }
  return "another process";
}

/** Whether a name in a folder is of the lock or of a write that did not come to its end. */
export function isTransient(name: string): boolean {
  return name === NAME || /^\..*\.tmp$/.test(name);
}

/** Removes what a killed writer left of its files; for whoever holds the folder. A folder that is not there is clear. */
export function clearTemporaries(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (name !== NAME && isTransient(name)) rmSync(join(folder, name), { force: true });
  }
}
