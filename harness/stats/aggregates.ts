// One number for many scores: mean, median, interquartile mean and optimality gap, as in Agarwal et al., "Deep
// Reinforcement Learning at the Edge of the Statistical Precipice" (NeurIPS 2021) and its library rliable. They take a
// flat list: pass every run x item score (`flat`), or one mean a run, whichever is meant.

/** All scores in one list, run by run. */
export function flat(values: readonly Float64Array[]): Float64Array {
  const list = new Float64Array(values.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of values) {
    list.set(row, at);
    at += row.length;
  }
  return list;
}

/** @throws RangeError for an empty list or a value that is not finite, as do the others */
export function mean(values: ArrayLike<number>): number {
  return sumOf(checked(values, "average")) / values.length;
}

/** The middle value; between two, their mean. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(checked(values, "take the median")).sort();
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** Interquartile mean: without the lowest and the highest floor(n / 4) values, as scipy.stats.trim_mean(values, 0.25). */
export function iqm(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(checked(values, "take the interquartile mean")).sort();
  const cut = Math.floor(sorted.length / 4);
  return sumOf(sorted.subarray(cut, sorted.length - cut)) / (sorted.length - 2 * cut);
}

/** How far below the target the values are on average; those above it do not make up for others. */
export function optimalityGap(values: ArrayLike<number>, target = 1): number {
  return target - sumOf(Float64Array.from(checked(values, "take the gap"), (value) => Math.min(value, target))) /
      values.length;
}

function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

function checked(values: ArrayLike<number>, action: string): ArrayLike<number> {
  if (values.length === 0) throw new RangeError(`Cannot ${action}: the list is empty … it must hold a value`);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new RangeError(`Cannot ${action}: value ${i} is ${values[i]} … leave out what was not measured`);
    }
  }
  return values;
}
