// Reads a JSON file that must hold an object. What is missing, unreadable or malformed becomes a FailureError that names
// the file. It checks no schema: whoever reads the object checks its fields.

import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { fileError } from "./atomic_file.ts";
import { FailureError } from "./errors.ts";

/** A JSON object: fields of unknown type by name. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a parsed JSON value is an object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The text as a JSON value. @throws FailureError naming the path */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FailureError(
      `Cannot read "${path}": the JSON is malformed (${
        error instanceof Error ? error.message : error
      }) … restore the file`,
    );
  }
}

/** What a packed file may unpack to: a small file of strangers must not fill the memory. */
const MOST_BYTES = 1 << 30;

/** The text of a file, which must be UTF-8; one whose name ends with .gz is unpacked. @throws FailureError naming the path */
export async function readTextFile(path: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    return new TextDecoder("utf-8", { fatal: true }).decode(path.endsWith(".gz") ? unpack(bytes, path) : bytes);
  } catch (error) {
    if (error instanceof FailureError) throw error;
    if (error instanceof TypeError) throw new FailureError(`Cannot read "${path}": it is not UTF-8 … restore the file`);
    throw fileError("read", path, error);
  }
}

function unpack(bytes: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw new FailureError(`Cannot read "${path}": it cannot be unpacked (${why}) … restore the file`);
  }
}

/** The object in a JSON file. @throws FailureError naming the path */
export async function readJsonFile(path: string): Promise<JsonObject> {
  const value = parseJson(await readTextFile(path), path);
  if (!isObject(value)) throw new FailureError(`Cannot read "${path}": it must hold a JSON object … restore the file`);
  return value;
}
