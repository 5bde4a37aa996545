// Where two JSON values differ, in words: what a check of records says, and what has changed since a folder was begun.

import { canonicalJson } from "../base/canonical_json.ts";
import { isObject } from "../base/json_file.ts";

/** "rl.updates is 60, must be 120" for each leaf in which a JSON value differs from what it must be. */
export function differences(found: unknown, expected: unknown, path = ""): string[] {
  const inside = (key: string) => path === "" ? key : `${path}.${key}`;
  if (isObject(found) && isObject(expected)) {
    const keys = [...new Set([...Object.keys(expected), ...Object.keys(found)])];
    return keys.flatMap((key) => differences(found[key], expected[key], inside(key)));
  }
  if (Array.isArray(found) && Array.isArray(expected) && found.length === expected.length) {
    return expected.flatMap((value, i) => differences(found[i], value, inside(String(i))));
  }
  const text = (value: unknown) => value === undefined ? "absent" : shorten(canonicalJson(value));
  const same = found === expected || (found !== undefined && expected !== undefined && equal(found, expected));
  return same ? [] : [`${path || "the whole"} is ${text(found)}, must be ${text(expected)}`];
}

/** "config.rl.updates was 120 and is 60" for each leaf in which what is asked for differs from what was. */
export function changes(before: unknown, now: unknown, path = ""): string[] {
  if (isObject(before) && isObject(now)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    return keys.flatMap((key) => changes(before[key], now[key], path === "" ? key : `${path}.${key}`));
  }
  return told(before) === told(now) ? [] : [`${path} was ${told(before)} and is ${told(now)}`];
}

function told(value: unknown): string {
  if (value === undefined) return "absent";
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 12) : canonicalJson(value);
}

const equal = (a: unknown, b: unknown) => canonicalJson(a) === canonicalJson(b);
const shorten = (text: string) => text.length <= 60 ? text : `${text.slice(0, 56)} …`;
