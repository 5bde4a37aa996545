// The folder of an experiment, taken for writing: made if need be, and refused while another process writes there.

import { mkdirSync } from "node:fs";
import { fileError } from "../base/atomic_file.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import { type FolderLock, holderOf, lockFolder } from "./folder_lock.ts";

/** @throws MisuseError where the folder cannot be written or another process holds it */
export function openFolder(folder: string): FolderLock {
  const lock = take(folder);
  if (lock) return lock;
  throw new MisuseError(
    `Cannot write to "${folder}": ${
      holderOf(folder)
    } is writing there … wait until it has ended, or choose another folder with --out`,
  );
}

function take(folder: string): FolderLock | null {
  try {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw fileError("write to", folder, error);
    }
    return lockFolder(folder);
  } catch (error) {
    if (error instanceof FailureError) throw new MisuseError(`${error.message} with --out`, { cause: error });
    throw error;
  }
}
