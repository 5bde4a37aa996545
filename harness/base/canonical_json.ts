// Canonical JSON (RFC 8785): one text for one value, so that a digest of the text is a digest of the value. Keys are
// ordered by UTF-16 code units, numbers and strings are written as ECMAScript writes them, and no blank is added.
// What JSON cannot hold is refused: a silent null would give different values one digest.
// Source: https://www.rfc-editor.org/rfc/rfc8785

/**
 * The canonical text of a JSON value.
 * @throws TypeError where it holds NaN, an infinity, undefined, a lone surrogate or anything that is not JSON
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`Cannot write canonical JSON: ${value} is no JSON number`);
    return JSON.stringify(value);
  }
  if (typeof value === "string") {
    if (!value.isWellFormed()) {
      throw new TypeError(`Cannot write canonical JSON: ${JSON.stringify(value)} holds a lone surrogate`);
    }
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(",")}]`;
  if (isPlainObject(value)) {
    const members = Object.keys(value).sort().map((key) => `${canonicalJson(key)}:${canonicalJson(value[key])}`);
    return `{${members.join(",")}}`;
  }
  throw new TypeError(`Cannot write canonical JSON: a value of type ${typeName(value)} is not JSON`);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function typeName(value: unknown): string {
  return typeof value === "object" && value !== null ? value.constructor.name : typeof value;
}
