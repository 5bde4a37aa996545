// "Did you mean": the nearest of the names that would have been right, or nothing where none is near.

/** ` (did you mean "grpo"?)` for the candidate nearest to the name, "" where all are too far to be a slip. */
export function suggest(name: string, candidates: readonly string[]): string {
  let nearest = "";
  let least = Infinity;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  const near = 1 + Math.floor(Math.max(name.length, nearest.length) / 4);
  return least <= near ? ` (did you mean "${nearest}"?)` : "";
}

/** Insertions, deletions, substitutions and swaps of neighbours that lead from a to b (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (swapped) row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
