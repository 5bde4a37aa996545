// The numbers of a cell over time, as dashboards show them: those of every step and of every evaluation, by tag, with the
// second at which the step had ended. That second is the record's own beginning plus the steps' durations, so the time of
// evaluations between them is missing: it was not recorded.

import type { EvaluationRecord, StepRecord } from "../../contract.ts";
import type { ExportedCell } from "./export_format.ts";

/** What was measured at one moment. */
export interface ScalarRow {
  /** Updates done. */
  readonly step: number;
  /** Since 1970. */
  readonly seconds: number;
  /** By tag, e.g. "train/loss", "test/greedy/accuracy". */
  readonly scalars: Readonly<Record<string, number>>;
}

/** The rows of a cell in the order of time: at each update its step, then its evaluations. */
export function cellScalars({ record, outcome, steps }: ExportedCell): ScalarRow[] {
  let seconds = Date.parse(record.timing.startedAt) / 1000;
  const rows: ScalarRow[] = [];
  const evaluate = (from: number, to: number) => {
    for (const one of outcome.evaluations.toSorted((a, b) => a.step - b.step)) {
      if (one.step >= from && one.step < to) rows.push({ step: one.step, seconds, scalars: evaluationScalars(one) });
    }
  };
  let done = 0;
  for (const step of steps ?? []) {
    evaluate(done, step.step);
    seconds += step.timing.rolloutSeconds + step.timing.updateSeconds;
    rows.push({ step: step.step, seconds, scalars: stepScalars(step) });
    done = step.step;
  }
  evaluate(done, Infinity);
  return rows;
}

function stepScalars(record: StepRecord): Record<string, number> {
  const { step: _, rewards, gauges, tokens, discarded, timing, ...numbers } = record;
  return {
    ...tagged("train", numbers),
    ...tagged("train/reward", mapValues(rewards, ({ mean }) => mean)),
    ...tagged("train/rewardStd", mapValues(rewards, ({ std }) => std)),
    ...tagged("train/gauge", gauges),
    ...tagged("train/tokens", { ...tokens }),
    ...tagged("train/discarded", { ...discarded }),
    ...tagged("timing", timing),
  };
}

function evaluationScalars(evaluation: EvaluationRecord): Record<string, number> {
  const { split, mode, accuracy, passAtSamples, statuses, rewards, completionLength, n } = evaluation;
  const place = `${split}/${mode}`;
  return {
    ...tagged(place, { accuracy, ...(mode === "sample" ? { passAtSamples } : {}), completionLength }),
    ...tagged(`${place}/status`, mapValues(statuses, (count) => count / (n * evaluation.samples))),
    ...tagged(`${place}/reward`, rewards),
  };
}

/** The numbers under a tag, in the order of their names; what is null was not measured. */
function tagged(tag: string, numbers: Readonly<Record<string, number | null>>): Record<string, number> {
  const measured = Object.entries(numbers).filter((entry): entry is [string, number] => entry[1] !== null);
  return Object.fromEntries(
    measured.sort(([a], [b]) => a < b ? -1 : 1).map(([name, value]) => [`${tag}/${name}`, value]),
  );
}

function mapValues<T>(record: Readonly<Record<string, T>>, map: (value: T) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
