import { deepEqual, equal, ok } from "node:assert/strict";
import { pieces } from "../../harness/base/pieces.ts";

Deno.test("pieces() are views of all bytes in their order, of a size that one call takes", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5);
  deepEqual([...pieces(bytes, 2)], [Uint8Array.of(1, 2), Uint8Array.of(3, 4), Uint8Array.of(5)]);
  deepEqual([...pieces(bytes, 5)], [bytes]);
  deepEqual([...pieces(new Uint8Array(0))], []);
  for (const piece of pieces(bytes, 2)) piece.fill(0);
  deepEqual(bytes, new Uint8Array(5));
  const large = [...pieces(new Uint8Array(2 ** 31 + 8))]; // no memory before it is written to
  ok(large.every(({ length }) => length < 2 ** 31));
  equal(large.reduce((sum, { length }) => sum + length, 0), 2 ** 31 + 8);
});
