// What a response is worth beside remembered ones: Memory-R's two intrinsic rewards before normalisation
// (https://arxiv.org/abs/2504.02273, equations 4 and 5). Vectors are of length 1. null: nothing to compare with.
//
// Both are rounded to multiples of 2^-20. Equal texts whose vectors differ in the last bit of a float32 would otherwise
// differ by 1e-7, and a range that holds nothing else would stretch that to the whole of [0, 1].

/** Mean of vectors [D] in double precision; null for none. One serves all responses that are compared with them. */
export function centroid(vectors: readonly Float32Array[]): Float64Array | null {
  const [first] = vectors;
  if (first === undefined) return null;
  const mean = new Float64Array(first.length);
  for (const vector of vectors) for (let i = 0; i < mean.length; i++) mean[i]! += vector[i]!;
  for (let i = 0; i < mean.length; i++) mean[i]! /= vectors.length;
  return mean;
}

/** Minus the Euclidean distance to the centroid of the successes (eq. 4). */
export function exploit(response: Float32Array, successes: readonly Float32Array[]): number | null {
  const centre = centroid(successes);
  return centre && exploitTo(response, centre);
}

/** {@linkcode exploit} with the centroid at hand. */
export function exploitTo(response: Float32Array, centre: Float64Array): number {
  let squares = 0;
  for (let i = 0; i < centre.length; i++) squares += (response[i]! - centre[i]!) ** 2;
  return rounded(-Math.sqrt(squares));
}

/** One minus the largest cosine to what was seen (eq. 5). */
export function explore(response: Float32Array, seen: readonly Float32Array[]): number | null {
  if (seen.length === 0) return null;
  let largest = -Infinity;
  for (const vector of seen) {
    let dot = 0;
    for (let i = 0; i < vector.length; i++) dot += response[i]! * vector[i]!;
    largest = Math.max(largest, dot);
  }
  return rounded(1 - largest);
}

function rounded(value: number): number {
  return Math.round(value * 2 ** 20) / 2 ** 20 + 0; // + 0: no negative zero
}
