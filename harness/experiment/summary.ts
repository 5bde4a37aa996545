// The numbers of a cell and of an arm, as tables and experiment.json show them. Pure functions of records; intervals and
// verdicts are not made here.

import type { EvaluationRecord } from "../contract.ts";
import type { ArmSummary, CellEntry, CellRecord } from "../records/schema.ts";

type Change = CellEntry["accuracy"];
type Numbers = Pick<
  CellEntry,
  "n" | "accuracy" | "samples" | "passAtSamples" | "reward" | "updates" | "tokens" | "seconds"
>;

/** What a cell has to show: all of it if it finished, else how far it came; nothing without a record. */
export function cellNumbers(record: CellRecord | null): Numbers {
  const outcome = record?.outcome ?? null;
  const evaluations = outcome?.evaluations ?? [];
  const greedy = evaluations.filter(({ split, mode }) => split === "test" && mode === "greedy");
  const sampled = evaluations.filter(({ split, mode }) => split === "test" && mode === "sample");
  const last = greedy.at(-1);
  return {
    n: last?.n ?? null,
    accuracy: changeOf(greedy, ({ accuracy }) => accuracy),
    samples: sampled.at(-1)?.samples ?? null,
    passAtSamples: changeOf(sampled, ({ passAtSamples }) => passAtSamples),
    reward: last ? Object.values(last.rewards).reduce((sum, reward) => sum + reward, 0) : null,
    updates: outcome?.updates ?? record?.partial?.updates ?? 0,
    tokens: outcome ? outcome.tokens.prompt + outcome.tokens.completion : 0,
    seconds: record?.timing.seconds ?? null,
  };
}

function changeOf(evaluations: readonly EvaluationRecord[], value: (record: EvaluationRecord) => number): Change {
  const first = evaluations[0], last = evaluations.at(-1);
  if (!first || !last) return null;
  return { before: value(first), after: value(last), gain: value(last) - value(first) };
}

/** Means over the finished cells of each arm, in the order of the cells. */
export function armSummaries(cells: readonly CellEntry[]): ArmSummary[] {
  return [...new Set(cells.map((cell) => cell.arm))].map((arm) => {
    const finished = cells.filter((cell) => cell.arm === arm && cell.status === "finished");
    return {
      arm,
      cells: finished.length,
      accuracy: meanChange(finished.map((cell) => cell.accuracy)),
      passAtSamples: meanChange(finished.map((cell) => cell.passAtSamples)),
      reward: mean(finished.map((cell) => cell.reward)),
      updates: mean(finished.map((cell) => cell.updates)),
      tokens: mean(finished.map((cell) => cell.tokens)),
      seconds: mean(finished.map((cell) => cell.seconds)),
    };
  });
}

function mean(values: readonly (number | null)[]): number | null {
  const present = values.filter((value) => value !== null);
  return present.length === 0 ? null : present.reduce((sum, value) => sum + value, 0) / present.length;
}

function meanChange(changes: readonly Change[]): Change {
  const present = changes.filter((change) => change !== null);
  const before = mean(present.map((change) => change.before)), after = mean(present.map((change) => change.after));
  return before === null || after === null ? null : { before, after, gain: after - before };
}
