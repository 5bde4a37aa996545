// The factor of the loss in float16 training (Micikevicius et al., "Mixed Precision Training", arXiv 1710.03740, section
// 3.2). Gradients of activations are smaller than float16 reaches; those of a loss so many times larger are not. What
// comes of it, the gradients of the weights, is float32 and divided by it before its norm is taken. A power of two: to
// scale and to divide again changes no bit of what was neither lost nor overflowed.
//
// Where a gradient overflows the factor is halved and the same batch is passed through again: nothing that was sampled is
// lost, and the number of updates is what it was to be. (PyTorch's GradScaler leaves the update out.)

import { canonicalJson } from "../base/canonical_json.ts";
import { isObject, parseJson } from "../base/json_file.ts";
import { FailureError } from "../base/errors.ts";

const FIRST = 2 ** 12, LEAST = 1, MOST = 2 ** 24;

/** Updates without an overflow after which it is doubled. */
export const GROWTH_INTERVAL = 100;

/** Of one cell; its state is part of a checkpoint. */
export class LossScale {
  #value = FIRST;
  #good = 0;

  get value(): number {
    return this.#value;
  }

  /** After an update. */
  passed(): void {
    if (++this.#good < GROWTH_INTERVAL) return;
    this.#value = Math.min(MOST, 2 * this.#value);
    this.#good = 0;
  }

  /** After an overflow; false where it is no matter of scale. */
  halve(): boolean {
    if (this.#value === LEAST) return false;
    this.#value /= 2;
    this.#good = 0;
    return true;
  }

  save(): string {
    return canonicalJson({ value: this.#value, good: this.#good });
  }

  /** @throws FailureError for a text that {@linkcode save} did not write */
  load(text: string): void {
    const state = parseJson(text, "the checkpoint's loss scale"), { value, good } = isObject(state) ? state : {};
    if (typeof value !== "number" || typeof good !== "number") {
      throw new FailureError("Cannot take up the checkpoint: its loss scale was written by another version");
    }
    [this.#value, this.#good] = [value, good];
  }
}
