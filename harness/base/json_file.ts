// Reads a JSON file that must hold an object. What is missing, unreadable or malformed becomes a FailureError that names
// the file. It checks no schema: whoever reads the object checks its fields.

import { readFile } from "node:fs/promises";
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

/** The text of a file, which must be UTF-8. @throws FailureError naming the path */
export async function readTextFile(path: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof TypeError) throw new FailureError(`Cannot read "${path}": it is not UTF-8 … restore the file`);
    throw fileError("read", path, error);
  }
}

/** The object in a JSON file. @throws FailureError naming the path */
export async function readJsonFile(path: string): Promise<JsonObject> {
  const value = parseJson(await readTextFile(path), path);
  if (!isObject(value)) throw new FailureError(`Cannot read "${path}": it must hold a JSON object … restore the file`);
  return value;
}
