// The digest that a blob of the shared cache is named by: SHA-256 where the Hub keeps the file as a large one, else git's
// object id, the SHA-1 of "blob <size>\0" and the content. Read piece by piece: weights can be larger than memory.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { fileError } from "../../base/atomic_file.ts";

/** The digest of a file as 64 or 40 hexadecimal digits. @throws FailureError naming the file */
export async function blobDigest(path: string, kind: "sha256" | "sha1"): Promise<string> {
  try {
    const hash = createHash(kind);
    if (kind === "sha1") hash.update(`blob ${(await stat(path)).size}\0`);
    for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(piece);
    return hash.digest("hex");
  } catch (error) {
    throw fileError("read", path, error);
  }
}
