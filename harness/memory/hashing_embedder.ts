// Vectors of texts without a model: signed counts of hashed character n-grams (feature hashing, Weinberger et al.,
// https://arxiv.org/abs/0902.2206). It sees spelling, not meaning: texts that share words and digits are near.

import { sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import type { Embedder } from "../contract.ts";

const DIMENSIONS = 256;
const SHORTEST = 3;
const LONGEST = 5;

/** Everything that a vector depends on; to be changed with it. */
const RECIPE = `NFKC, lower case, runs of white space to one space, a space at both ends; each run of ${SHORTEST} to ` +
  `${LONGEST} UTF-16 units: FNV-1a of the units, MurmurHash3's 32-bit finalizer; bucket: low bits of ${DIMENSIONS}; ` +
  `sign: top bit; sum, divided by its Euclidean length`;

/** An embedder of 256 dimensions that needs no file. */
export function hashingEmbedder(): Embedder {
  return {
    identity: { name: "hashing", digest: sha256(RECIPE), dimensions: DIMENSIONS },
    // deno-lint-ignore require-await -- a refused text rejects, as it does with embedders that wait for a model
    embed: async (texts) => texts.map(embed),
    dispose: () => Promise.resolve(),
  };
}

function embed(text: string): Float32Array {
  const padded = ` ${text.normalize("NFKC").toLowerCase().trim().replace(/\s+/gu, " ")} `;
  const sums = new Float64Array(DIMENSIONS);
  for (let begin = 0; begin + SHORTEST <= padded.length; begin++) {
    let hash = 0x811c9dc5;
    const end = Math.min(begin + LONGEST, padded.length);
    for (let i = begin; i < end; i++) {
      hash = Math.imul(hash ^ padded.charCodeAt(i), 0x01000193);
      if (i - begin + 1 < SHORTEST) continue;
      const mixed = finalize(hash);
      sums[mixed & (DIMENSIONS - 1)]! += mixed < 0 ? -1 : 1;
    }
  }
  const length = Math.sqrt(sums.reduce((sum, value) => sum + value * value, 0));
  if (length === 0) {
    throw new FailureError(`Cannot embed ${JSON.stringify(text)}: it is blank, so its vector would be zero`);
  }
  return Float32Array.from(sums, (value) => value / length);
}

/** Spreads the last unit, which FNV-1a leaves in the low bits, over all. */
function finalize(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
