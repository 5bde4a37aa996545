// Counter-based random streams: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
// A stream is keyed by coordinates (seed, purpose, step, prompt, sample), never by what was drawn before, so that a
// sample is the same whatever the batch, the thread count or the order. It is not for cryptography.

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** High 32 bits of the product of two unsigned 32-bit integers, by 16-bit halves. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff, aHigh = a >>> 16, bLow = b & 0xffff, bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16); // < 2^32 + 2^16: exact in a double
  const carry = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** One block of Philox4x32-10: four 32-bit words from a 128-bit counter and a 64-bit key. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): Uint32Array {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0), low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2), low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return Uint32Array.of(c0, c1, c2, c3);
}

/** FNV-1a over UTF-16 code units: turns a purpose into a key word. */
function hashPurpose(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

/** A source of random numbers. Two streams with the same coordinates draw the same numbers. */
export class Prng {
  #block = 0;
  #words: Uint32Array = new Uint32Array(0);
  #next = 0;

  constructor(
    private readonly key: readonly [number, number],
    private readonly coordinates: readonly [number, number, number],
  ) {}

  /** The next 32 random bits. */
  uint32(): number {
    if (this.#next === this.#words.length) {
      this.#words = philox([this.#block++, ...this.coordinates], this.key);
      this.#next = 0;
    }
    return this.#words[this.#next++]!;
  }

  /** Uniform in [0, 1) with 23 bits: exact in float32, and u * total < total for every float32 total. */
  uniform(): number {
    return (this.uint32() >>> 9) / 0x800000;
  }

  /** Uniform integer in [0, bound), without modulo bias. */
  int(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new RangeError(`Cannot draw an integer: bound ${bound} must be an integer from 1 to 2^32`);
    }
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % bound;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.int(items.length)];
    if (item === undefined) throw new RangeError("Cannot pick: the list is empty");
    return item;
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A new array with the items in random order (Fisher and Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }
}

/**
 * The stream at (seed, purpose, up to three coordinates). Purposes in use: "rollout" (step, question, sample),
 * "evaluate" (0, question, sample), "order" (epoch), "replay" (step), "random bonus" (step, group), and those of
 * generators.
 */
export function stream(seed: number, purpose: string, a = 0, b = 0, c = 0): Prng {
  for (const value of [seed, a, b, c]) {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32) {
      throw new RangeError(`Cannot make a stream: coordinate ${value} must be an integer in [0, 2^32)`);
    }
  }
  return new Prng([seed, hashPurpose(purpose)], [a, b, c]);
}
