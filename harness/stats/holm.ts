// Holm's step-down correction: S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal
// of Statistics 6 (1979). It bounds the chance of any false discovery in the family, whatever the dependence.

/** Adjusted p values in the order of the given ones. @throws RangeError for a p outside [0, 1] */
export function holm(ps: readonly number[]): number[] {
  for (const [i, p] of ps.entries()) {
    if (!(p >= 0 && p <= 1)) throw new RangeError(`Cannot adjust p values: value ${i} is ${p} … it must be in [0, 1]`);
  }
  const order = ps.map((_, i) => i).sort((i, j) => ps[i]! - ps[j]! || i - j);
  const adjusted = new Array<number>(ps.length);
  let least = 0;
  for (const [rank, i] of order.entries()) {
    least = Math.max(least, Math.min(1, (ps.length - rank) * ps[i]!));
    adjusted[i] = least;
  }
  return adjusted;
}
