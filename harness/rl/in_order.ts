// Work side by side, results in order: sums of floats and lists of completions depend on it.

/** Results of `run` over the items, in their order, with at most `concurrency` under way. */
export async function* inOrder<T, R>(
  items: readonly T[],
  concurrency: number,
  run: (item: T) => Promise<R>,
): AsyncIterable<R> {
  const underWay: Promise<R>[] = [];
  for (const item of items) {
    if (underWay.length === concurrency) yield await underWay.shift()!;
    underWay.push(run(item));
  }
  for (const result of underWay) yield await result;
}
