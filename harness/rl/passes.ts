// A batch is cut into passes: backward runs whose gradients add up to the batch's. How it is cut bounds memory and
// depends on the model and the batch alone, never on the machine; passes run side by side and are added up in order,
// because sums of floats depend on it.

import type { ModelConfig } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import { isLarge } from "../runtime/choose.ts";

/** Activations of a pass: of a small model, what the processor's caches hold well; of a large one, what memory bears. */
const SMALL_PASS_BYTES = 96 * 2 ** 20, LARGE_PASS_BYTES = 2.25 * 2 ** 30;

/** Sequences of `rows` tokens that one pass takes, at least one. */
export function sequencesPerPass(
  { layers, hiddenSize, intermediateSize }: ModelConfig,
  layout: Layout,
  rows: number,
): number {
  const bytes = 4 * rows * layers * (14 * hiddenSize + 4 * intermediateSize); // what the backward pass reads again
  return Math.max(1, Math.floor((isLarge(layout.size) ? LARGE_PASS_BYTES : SMALL_PASS_BYTES) / bytes));
}

/** Cuts items into runs of equal size (the last may be shorter), of at most `most` items; an even number where several. */
export function cut<T>(items: readonly T[], most: number): T[][] {
  const least = Math.ceil(items.length / most), count = least > 1 ? least + least % 2 : 1;
  const size = Math.ceil(items.length / count);
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
