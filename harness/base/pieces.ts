// Bytes in pieces that one call of the file system takes. Deno's refuses 2 GiB and more at once, and a model of 600 million
// weights is more than that.

const MOST_BYTES = 2 ** 30;

/** Views of the bytes, one after the other, of at most `most` bytes each. */
export function* pieces<Buffer extends ArrayBufferLike>(
  bytes: Uint8Array<Buffer>,
  most: number = MOST_BYTES,
): Iterable<Uint8Array<Buffer>> {
  for (let at = 0; at < bytes.length; at += most) yield bytes.subarray(at, at + most);
}
