// ZIP archives as other tools write them: for tests of what reads them.

import { crc32, deflateRawSync } from "node:zlib";

/** An archive of these files, deflated or stored. */
export function zipOf(files: Readonly<Record<string, string | Uint8Array>>, deflated = true): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [],
    directory: Uint8Array[] = [],
    at = () => parts.reduce((n, { length }) => n + length, 0);
  for (const [name, text] of Object.entries(files)) {
    const content = typeof text === "string" ? new TextEncoder().encode(text) : text,
      bytes = new TextEncoder().encode(name);
    const packed = deflated ? deflateRawSync(content) : content, method = deflated ? 8 : 0;
    const sums: [4, number][] = [[4, crc32(content)], [4, packed.length], [4, content.length]];
    const offset = at();
    parts.push(record([4, 0x04034b50], [2, 20], [2, 0], [2, method], [4, 0], ...sums, [2, bytes.length], [2, 3]));
    parts.push(bytes, Uint8Array.of(1, 2, 3), packed); // an extra field of three bytes
    directory.push(
      record([4, 0x02014b50], [2, 20], [2, 20], [2, 0], [2, method], [4, 0], ...sums, [2, bytes.length]),
      record([2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]),
      bytes,
    );
  }
  const start = at(), length = directory.reduce((n, { length }) => n + length, 0), count = Object.keys(files).length;
  const end = record([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, length], [4, start], [2, 0]);
  return new Uint8Array([...parts, ...directory, end].flatMap((part) => [...part]));
}

/** Little-endian numbers of so many bytes. */
function record(...fields: readonly (readonly [2 | 4, number])[]): Uint8Array {
  return Uint8Array.from(
    fields.flatMap(([bytes, value]) => Array.from({ length: bytes }, (_, i) => value >>> (8 * i))),
  );
}
