// Which training questions are asked when: a fresh permutation of the split in every epoch, or the generator's own
// order where it never ends. It depends on the seed alone, so that all arms ask the same.

import { stream } from "../base/prng.ts";
import type { ItemSource, TaskItem } from "../contract.ts";

/** Questions far apart for different seeds of an endless source, and within the places that random streams have. */
const SEED_STRIDE = 2 ** 20, PLACES = 2 ** 32;

/** The order of the questions of one cell. */
export class QuestionOrder {
  #epoch = -1;
  #permutation: readonly number[] = [];

  constructor(private readonly items: ItemSource, private readonly seed: number) {}

  /** The question at a place of the order, 0 first. */
  at(place: number): TaskItem {
    const { items, seed } = this;
    if (items.size === Infinity) return items.item((seed * SEED_STRIDE + place) % PLACES);
    const epoch = Math.floor(place / items.size);
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#permutation = stream(seed, "order", epoch).shuffle(Array.from({ length: items.size }, (_, i) => i));
    }
    return items.item(this.#permutation[place % items.size]!);
  }
}
