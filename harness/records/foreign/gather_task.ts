// One task's table from the samples of its runs: what both readers end in.

import { FailureError, MisuseError } from "../../base/errors.ts";
import type { ForeignItem, ForeignSample, ForeignTask } from "./foreign_samples.ts";

/** A run and its samples. */
export interface ForeignRun {
  /** A file, or an epoch. */
  readonly run: string;
  /** For messages. */
  readonly place: string;
  readonly samples: readonly ForeignSample[];
}

/**
 * The table of a task; an item that a run lacks has NaN there.
 * @throws FailureError for an item that comes twice in a run or is another question in another, MisuseError for a score
 * that is no share
 */
export function gatherTask(task: string | null, metric: string, runs: readonly ForeignRun[]): ForeignTask {
  const items = new Map<string, ForeignItem>();
  runs.forEach(({ place, samples }, run) => {
    const seen = new Set<string>();
    for (const { id, question, prompt, score } of samples) {
      if (seen.has(id)) {
        throw new FailureError(`Cannot read "${place}": sample ${JSON.stringify(id)} comes twice … restore the file`);
      }
      seen.add(id);
      if (score < 0 || score > 1) {
        throw new MisuseError(
          `Cannot compare ${metric}: sample ${JSON.stringify(id)} of "${place}" has ${score}, no share from 0 to 1 … ` +
            "choose another with --metric",
        );
      }
      const item = items.get(id) ?? { id, question, prompt, scores: new Float64Array(runs.length).fill(NaN) };
      if (item.question !== question) {
        throw new FailureError(
          `Cannot read "${place}": sample ${JSON.stringify(id)} is another question than in "${runs[0]?.place}" … ` +
            "give runs of the same task",
        );
      }
      item.scores[run] = score;
      items.set(id, item);
    }
  });
  return { task, metric, runs: runs.map(({ run }) => run), items: [...items.values()] };
}

/**
 * The metric to compare: the wanted one, or the only one.
 * @throws MisuseError listing what there is
 */
export function chooseMetric(wanted: string | null, found: readonly string[], place: string): string {
  const names = [...new Set(found)].sort(), list = names.join(", ") || "none";
  if (wanted !== null && names.includes(wanted)) return wanted;
  if (wanted !== null) throw new MisuseError(`Cannot compare ${wanted}: "${place}" has no such score … it has ${list}`);
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  throw new MisuseError(
    names.length === 0
      ? `Cannot compare "${place}": no sample has a score`
      : `Cannot choose what to compare: "${place}" has several scores … choose with --metric: ${list}`,
  );
}
