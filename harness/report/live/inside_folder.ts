// Whether what a folder's records name lies in the folder: a link or a "../" in them must not open other files to
// whoever may look at these.

import { realpathSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { FailureError } from "../../base/errors.ts";

/** @throws FailureError for the first of the paths that exists and lies outside, links followed */
export function checkInside(folder: string, paths: readonly string[]): void {
  const root = realpathSync(folder);
  for (const path of paths) {
    const real = realOf(join(folder, path));
    if (real === null && !escapes(relative(root, join(root, path)))) continue;
    if (real === null || escapes(relative(root, real))) {
      throw new FailureError(
        `Cannot show "${path}": it lies outside of "${folder}" … copy what belongs together there`,
      );
    }
  }
}

function escapes(way: string): boolean {
  return way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way);
}

/** null where there is nothing. */
function realOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
