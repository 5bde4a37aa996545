// Min-max normalisation over the last values (Memory-R, https://arxiv.org/abs/2504.02273, equation 6). The range follows
// what the policy does now; it mixes questions, since a window holds several groups.

export class SlidingRange {
  readonly #window: number;
  readonly #epsilon: number;
  #values: number[] = [];

  /** @param window how many values the range is taken over @param epsilon added to the range */
  constructor(window: number, epsilon: number) {
    this.#window = window;
    this.#epsilon = epsilon;
  }

  /** Takes raw values in; only the last `window` of all stay. */
  push(values: readonly number[]): void {
    this.#values = [...this.#values, ...values].slice(-this.#window);
  }

  /**
   * (raw - min) / (max - min + epsilon), in [0, 1]: a value outside the range (one pushed more than a window ago, or
   * never) counts as its nearer end, for a range of 0 would make it as large as 1 / epsilon.
   * @throws RangeError before the first push
   */
  normalise(raw: number): number {
    if (this.#values.length === 0) throw new RangeError(`Cannot normalise ${raw}: no value was pushed`);
    const min = Math.min(...this.#values), max = Math.max(...this.#values);
    return (Math.min(Math.max(raw, min), max) - min) / (max - min + this.#epsilon);
  }

  /** The raw values that it holds, oldest first. */
  values(): readonly number[] {
    return this.#values;
  }

  /** Takes up what {@linkcode values} gave. */
  restore(values: readonly number[]): void {
    this.#values = values.slice(-this.#window);
  }
}
