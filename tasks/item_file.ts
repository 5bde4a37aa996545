// Rows of a user's files: JSON lines or one JSON list, read as they are, with messages that name file, row and field.
// Nothing is downloaded, and what is malformed is refused rather than left out.

import { readFile } from "node:fs/promises";
import { FailureError, MisuseError } from "../harness/base/errors.ts";
import type { ItemSource, TaskItem } from "../harness/contract.ts";

/** One row of a file. */
export class ItemRow {
  private readonly fields: ReadonlyMap<string, unknown>;

  /** @param where file and line, for messages */
  constructor(row: unknown, private readonly where: string) {
    this.fields = new Map<string, unknown>(Object.entries(Object(row)));
  }

  /** The value of a field; undefined where it has none. */
  value(field: string): unknown {
    return this.fields.get(field);
  }

  /** A field that must be a text. */
  text(field: string): string {
    const value = this.value(field);
    if (typeof value === "string" && value.trim() !== "") return value;
    throw this.refuse(`field "${field}" is ${JSON.stringify(value) ?? "missing"}, must be a text that is not empty`);
  }

  /** What to throw for a row that cannot be used. */
  refuse(what: string): FailureError {
    return new FailureError(`Cannot use ${this.where}: ${what}`);
  }
}

/**
 * The rows of a file, and its bytes for a digest: a list where the name ends in .json, else one a line.
 * @param origin what the file is and whence it comes, for messages
 * @throws MisuseError where there is no such file
 * @throws FailureError where it cannot be read, is not UTF-8, or is not JSON
 */
export async function readItemFile(path: string, origin: string): Promise<{ bytes: Uint8Array; rows: ItemRow[] }> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const missing = error.code === "ENOENT", Refusal = missing ? MisuseError : FailureError;
    const cause = missing ? "it does not exist" : error.message;
    throw new Refusal(`Cannot read ${path}: ${cause}; give --data-dir a folder with ${origin}`);
  });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FailureError(`Cannot read ${path}: it is not UTF-8 text; fetch it again: ${origin}`);
  }
  return { bytes, rows: path.endsWith(".json") ? listRows(text, path, origin) : lineRows(text, path) };
}

function lineRows(text: string, path: string): ItemRow[] {
  return text.replace(/\r?\n$/, "").split(/\r?\n/).map((line, i) => {
    const where = `${path}, line ${i + 1}`;
    try {
      return new ItemRow(JSON.parse(line), where);
    } catch {
      const what = line.trim() === "" ? "the line is empty; remove it" : "it is not JSON; correct or remove the line";
      throw new FailureError(`Cannot use ${where}: ${what}`);
    }
  });
}

function listRows(text: string, path: string, origin: string): ItemRow[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new FailureError(`Cannot read ${path}: it is not JSON; fetch it again: ${origin}`);
  }
  if (!Array.isArray(list)) {
    throw new FailureError(`Cannot read ${path}: it is no JSON list of rows; fetch it again: ${origin}`);
  }
  return list.map((row: unknown, i) => new ItemRow(row, `${path}, row ${i + 1}`));
}

/** A split of these items. @param name what they are, for messages */
export function itemsSource(items: readonly TaskItem[], name: string): ItemSource {
  return {
    size: items.length,
    item(index) {
      const item = items[index];
      if (item) return item;
      throw new RangeError(`Cannot read a ${name} item: index ${index} must be an integer in [0, ${items.length})`);
    },
  };
}
