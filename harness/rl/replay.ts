// Questions that were answered correctly before, each with one such completion and the probabilities that it was drawn
// with: what the option `rl.replay` takes up again (after ExGRPO, arXiv 2510.02245). The oldest leave first. A question
// that is taken leaves too, and comes back when it is answered correctly again.

import type { Prng } from "../base/prng.ts";
import type { Grade, TaskItem } from "../contract.ts";
import type { DrawnGroup } from "./rollout.ts";

/** Questions kept. */
const CAPACITY = 512;

/** An earlier success. */
export interface Success {
  readonly item: TaskItem;
  readonly tokens: readonly number[];
  readonly probabilities: readonly number[];
  readonly grade: Grade;
}

/** Successes of earlier updates, the oldest first. */
export class Replay {
  #successes: Success[] = [];

  get size(): number {
    return this.#successes.length;
  }

  /** Takes `count` successes out, at random. */
  take(count: number, random: Prng): Success[] {
    return Array.from(
      { length: Math.min(count, this.size) },
      () => this.#successes.splice(random.int(this.size), 1)[0]!,
    );
  }

  /** Keeps the first new success of each group; a question that is known keeps its latest. */
  add(groups: readonly DrawnGroup[]): void {
    for (const { item, draws, grades, replayed } of groups) {
      const i = grades.findIndex(({ status }, i) => status === "correct" && i < grades.length - replayed);
      if (i < 0) continue;
      const { tokens, probabilities } = draws[i]!;
      this.#successes = this.#successes.filter((known) => known.item.id !== item.id);
      this.#successes.push({
        item,
        tokens: [...tokens],
        probabilities: [...probabilities],
        grade: grades[i]!,
      });
    }
    this.#successes.splice(0, this.size - CAPACITY);
  }

  /** As JSON; equal states are equal texts. */
  save(): string {
    return JSON.stringify(this.#successes);
  }

  /** @param text that save() made */
  load(text: string): void {
    this.#successes = JSON.parse(text);
  }
}
