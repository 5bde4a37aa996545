// What a set of samples lacks, as pieces of work. It knows no model, so that whoever only plans loads none.

/** Samples to draw: of each place `count` from number `first` on; number 0 is the greedy one, alone. */
export interface SampleJob {
  readonly places: readonly number[];
  readonly first: number;
  readonly count: number;
}

/** Samples of a question that go side by side: constant, because a large model adds up otherwise with more rows. */
const SIDE_BY_SIDE = 16;

/**
 * What is missing of a set of n questions with k drawn samples each, in the order in which it is drawn.
 * @param has whether a sample is there
 */
export function missingJobs(n: number, k: number, has: (place: number, sample: number) => boolean): SampleJob[] {
  const places = Array.from({ length: n }, (_, place) => place);
  const greedy = places.filter((place) => !has(place, 0));
  const jobs: SampleJob[] = greedy.length > 0 ? [{ places: greedy, first: 0, count: 1 }] : [];
  for (let first = 1; first <= k; first += SIDE_BY_SIDE) {
    const last = Math.min(k, first + SIDE_BY_SIDE - 1);
    const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const gap = (place: number) => numbers.find((number) => !has(place, number)) ?? null;
    for (const [from, some] of Map.groupBy(places, gap)) {
      if (from !== null) jobs.push({ places: some, first: from, count: last - from + 1 });
    }
  }
  return jobs;
}
