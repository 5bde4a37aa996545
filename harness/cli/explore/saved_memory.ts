// An episodic memory as a checkpoint holds it (EpisodicMemory.save), read to be looked at: questions with a vector each,
// and under each the vectors of completions. The completions' texts are not in it. It searches by brute force: someone
// who types a question can wait for ten thousand inner products.

import { FailureError } from "../../base/errors.ts";
import { isObject, parseJson } from "../../base/json_file.ts";

/** What is remembered under one question. */
export interface MemoryEntry {
  readonly key: string;
  readonly vector: Float32Array; // [D]
  readonly values: readonly Float32Array[]; // each [D]
}

/** The entries, oldest first. @throws FailureError for bytes that are no saved memory */
export function savedMemory(bytes: Uint8Array): MemoryEntry[] {
  const damaged = (what: string) => new FailureError(`Cannot read the memory of the checkpoint: ${what}`);
  const end = bytes.indexOf(10);
  if (end === -1) throw damaged("it has no header");
  const header = parseJson(new TextDecoder().decode(bytes.subarray(0, end)), "the memory of the checkpoint");
  if (!isObject(header)) throw damaged("its header is no object");
  const { dimensions, dropped, keys, counts } = header;
  if (typeof dimensions !== "number" || typeof dropped !== "number" || !isTexts(keys) || !isCounts(counts)) {
    throw damaged("its header is of another version");
  }
  const rows = dropped + keys.length, total = counts.reduce((sum, count) => sum + count, 0);
  if (counts.length !== keys.length || bytes.length !== end + 1 + 4 * dimensions * (rows + total)) {
    throw damaged("its bytes are not what its header says");
  }
  const floats = new Float32Array(bytes.slice(end + 1).buffer);
  const row = (at: number) => floats.subarray(at * dimensions, (at + 1) * dimensions);
  let at = rows;
  return keys.map((key, i) => ({
    key,
    vector: row(dropped + i),
    values: Array.from({ length: counts[i] ?? 0 }, () => row(at++)),
  }));
}

/** The entries nearest to the query by cosine, nearest first, of equally near ones the older. */
export function nearestEntries(
  entries: readonly MemoryEntry[],
  query: Float32Array,
  count: number,
): { readonly entry: MemoryEntry; readonly cosine: number }[] {
  return entries.map((entry) => ({ entry, cosine: cosine(entry.vector, query) }))
    .sort((a, b) => b.cosine - a.cosine)
    .slice(0, count);
}

/** @throws RangeError for vectors of different lengths */
export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`Cannot compare vectors of ${a.length} and ${b.length} dimensions`);
  let dot = 0, left = 0, right = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    left += a[i]! * a[i]!;
    right += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(left * right);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0);
}
