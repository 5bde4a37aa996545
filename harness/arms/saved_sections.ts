// The named byte sections in which reward shapers keep their state in a checkpoint.

import { FailureError } from "../base/errors.ts";

/** Bytes by section name. */
export type SavedSections = Readonly<Record<string, Uint8Array>>;

/** The section of that name. @throws FailureError where there is none */
export function sectionOf(sections: SavedSections, name: string): Uint8Array {
  const bytes = sections[name];
  if (bytes) return bytes;
  throw new FailureError(`Cannot resume: the checkpoint has no section "${name}" … delete the checkpoint`);
}
