// Draws with replacement, fast: how often each of n is drawn in n draws. The generator is sfc32 (Chris Doty-Humphrey's
// PractRand; 32-bit, chaotic, with a counter: period at least 2^32), seeded from the project's streams, because a
// bootstrap takes 10^8 draws and Philox is ten times slower. An index is floor(word n / 2^32): no index is likelier than
// another by more than n / 2^32, relatively.

import { stream } from "../base/prng.ts";

/** A source of bootstrap draws. Equal seeds and purposes give equal draws. */
export class Resampler {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, purpose: string) {
    const prng = stream(seed, purpose);
    [this.#a, this.#b, this.#c] = [prng.uint32() | 0, prng.uint32() | 0, prng.uint32() | 0];
    this.counts(new Int32Array(16)); // the first words still show the seed
  }

  /** Fills in how often each index came up in `into.length` draws. */
  counts(into: Int32Array): void {
    let a = this.#a, b = this.#b, c = this.#c, counter = this.#counter;
    const scale = into.length / 2 ** 32;
    into.fill(0);
    for (let draw = 0; draw < into.length; draw++) {
      const word = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + word) | 0;
      into[((word >>> 0) * scale) | 0]!++;
    }
    [this.#a, this.#b, this.#c, this.#counter] = [a, b, c, counter];
  }
}
