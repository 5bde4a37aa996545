// A bonus on its way from measurements to rewards: eq. 6 of Memory-R+ (arXiv 2504.02273), the range of the last w raw
// values to [0, 1], then its weight. All bonuses of the memory and exploration arms go through here, so that they have
// the same size and differ in what they measure alone. Two kinds of weight:
//
//   "exploit"  memory.exploitWeight
//   "novelty"  memory.exploreWeight * memory.annealing^step, and 0 while progress < memory.warmup
//
// A group enters the window before it is normalised, all of it at once, so that scores do not depend on the order of its
// completions. The whole step at once would not do: a step may be larger than the window, and most of it would lie
// outside its own range. The released code takes one completion after the other, which is here as well.

import { bytesOf } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import type { Config } from "../config.ts";
import type { Bonus, ShapingContext } from "../contract.ts";
import { releasedExploit, releasedExplore } from "../memory/released_rewards.ts";
import { SlidingRange } from "../memory/sliding_range.ts";
import { type SavedSections, sectionOf } from "./saved_sections.ts";

/** Which weight a bonus has. */
export type BonusWeight = "exploit" | "novelty";

/** Updates done, and the share of the budget that is used up. */
type Moment = Pick<ShapingContext, "step" | "progress">;

/** What a bonus at the top of its range adds to the reward at this moment. */
export function bonusWeight(weight: BonusWeight, memory: Config["memory"], { step, progress }: Moment): number {
  if (weight === "exploit") return memory.exploitWeight;
  return progress < memory.warmup ? 0 : memory.exploreWeight * memory.annealing ** step;
}

/** One bonus of a cell, with the window of its raw values. */
export class RangedBonus {
  readonly #range: SlidingRange;
  readonly #section: string;

  /** @param epsilon added to the range before dividing */
  constructor(
    readonly name: string,
    private readonly weight: BonusWeight,
    private readonly memory: Config["memory"],
    epsilon = memory.epsilon,
  ) {
    this.#range = new SlidingRange(memory.window, epsilon);
    this.#section = `range.${name}`;
  }

  /** The bonus of the next group from its raw values [G]. Null is neither remembered nor rewarded. */
  shape(moment: Moment, raw: readonly (number | null)[]): Bonus {
    this.#range.push(raw.filter((value) => value !== null));
    const weight = bonusWeight(this.weight, this.memory, moment);
    const values = raw.map((value) => value === null ? 0 : weight * this.#range.normalise(value));
    return { name: this.name, raw, values };
  }

  /** The value of the next completion by harness/memory/released_rewards.ts; the bonus is made with epsilon 0. */
  valueAsReleased(moment: Moment, raw: number | null): number {
    const weight = bonusWeight(this.weight, this.memory, moment);
    if (this.weight === "exploit") return weight * releasedExploit(raw, this.#range);
    return moment.progress < this.memory.warmup ? 0 : weight * releasedExplore(raw, this.#range);
  }

  save(): SavedSections {
    return { [this.#section]: bytesOf(Float64Array.from(this.#range.values())) };
  }

  /** @throws FailureError where the section is missing or holds no numbers */
  load(sections: SavedSections): void {
    const bytes = sectionOf(sections, this.#section).slice();
    const values = bytes.length % 8 === 0 ? new Float64Array(bytes.buffer) : null;
    if (!values?.every(Number.isFinite)) {
      throw new FailureError(
        `Cannot resume: section "${this.#section}" of the checkpoint holds no window of numbers … delete the checkpoint`,
      );
    }
    this.#range.restore([...values]);
  }
}
