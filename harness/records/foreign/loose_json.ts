// JSON as Python writes it: NaN and the infinities stand bare, which JSON does not know. They are read as null.

import { parseJson } from "../../base/json_file.ts";

/** The text as a JSON value. @throws FailureError naming the place */
export function parseLooseJson(text: string, place: string): unknown {
  const bare = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;
  const strict = /\b(?:NaN|Infinity)\b/.test(text)
    ? text.replace(bare, (token) => token.startsWith('"') ? token : "null")
    : text;
  return parseJson(strict, place);
}
