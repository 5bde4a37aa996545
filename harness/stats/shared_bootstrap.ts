// Percentile bootstrap intervals of many numbers over the same items, all from one set of draws: they are asked for
// first, and told once all are known. A number is a mean over items, or a ratio of two sums over items (the mean length
// of correct completions: their tokens over their count), whose parts are then drawn anew together. Resamples in which
// nothing is counted are left out of a ratio's interval.

import { mean } from "./aggregates.ts";
import { quantileOf } from "./bootstrap.ts";
import { bootstrapMeans } from "./bootstrap_means.ts";
import type { Estimate } from "./estimate.ts";

const LEVEL = 0.95, TAIL = (1 - LEVEL) / 2;

/** Collects what is asked for. */
export class SharedBootstrap {
  readonly #rows: Float64Array[] = [];
  #draws: readonly Float64Array[] | null = null;

  /** The mean of a score of each item. */
  mean(values: Float64Array): () => Estimate {
    const row = this.#ask(values);
    return () => estimate(mean([...values]), this.#drawn(row).slice());
  }

  /** The sum of `totals` over that of `counts`; null where these are 0. */
  ratio(totals: Float64Array, counts: Float64Array): () => Estimate | null {
    const sum = (values: Float64Array) => values.reduce((all, value) => all + value, 0), count = sum(counts);
    if (count === 0) return () => null;
    const above = this.#ask(totals), below = this.#ask(counts);
    return () => {
      const parts = this.#drawn(below), ratios = this.#drawn(above).map((value, i) => value / parts[i]!);
      return estimate(sum(totals) / count, ratios.filter(Number.isFinite));
    };
  }

  #ask(values: Float64Array): number {
    if (this.#draws) throw new Error("Cannot ask for another interval: the draws are made");
    return this.#rows.push(values) - 1;
  }

  #drawn(row: number): Float64Array {
    this.#draws ??= bootstrapMeans(this.#rows.map((values) => [values]), { over: "items" });
    return this.#draws[row]!;
  }
}

/** @param draws are sorted in place */
function estimate(value: number, draws: Float64Array): Estimate {
  const sorted = draws.sort();
  return {
    value,
    lower: quantileOf(sorted, TAIL),
    upper: quantileOf(sorted, 1 - TAIL),
    level: LEVEL,
    method: "percentile bootstrap over items",
    note: sorted[0] === sorted.at(-1) ? "all resamples agree: the interval has no width" : null,
  };
}
