// Interval of a proportion: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
// Journal of the American Statistical Association 22 (1927). It inverts the score test, so that 0 of n and n of n have
// intervals with a width, and none leaves [0, 1]. It takes the trials as independent: answers of several seeds to the
// same items are not.

import { normalQuantile } from "./distributions.ts";
import type { Estimate } from "./estimate.ts";

/** @throws RangeError for counts that are no proportion, e.g. of nothing */
export function wilson(successes: number, n: number, level = 0.95): Estimate {
  if (!Number.isInteger(successes) || !Number.isInteger(n) || successes < 0 || n < 1 || successes > n) {
    throw new RangeError(
      `Cannot make an interval: ${successes} of ${n} is no proportion … both must be counts, n above 0`,
    );
  }
  if (!(level > 0 && level < 1)) throw new RangeError(`Cannot make an interval: level ${level} must be in (0, 1)`);
  const value = successes / n, z = normalQuantile((1 + level) / 2), weight = z * z / n;
  const middle = (value + weight / 2) / (1 + weight);
  const reach = Math.sqrt((value * (1 - value) + weight / 4) * weight) / (1 + weight);
  return {
    value,
    lower: successes === 0 ? 0 : middle - reach, // where rounding would miss the end
    upper: successes === n ? 1 : middle + reach,
    level,
    method: "Wilson",
    note: null,
  };
}
