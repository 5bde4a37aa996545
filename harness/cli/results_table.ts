// The table at the end of an experiment: a row for each cell, then the mean of each arm, what was
// tuned, and whether the cells match.

import type { ArmSummary, CellEntry, ExperimentRecord, Matching, Tuning } from "../records/schema.ts";
import { alignColumns, percent, points, quantity } from "./format.ts";

/** Cells and arms of an experiment, as text. */
export function resultsTable({ cells, summary, match, tuning }: ExperimentRecord): string {
  const samples = cells.find((cell) => cell.samples !== null)?.samples ?? null;
  const n = cells.find((cell) => cell.n !== null)?.n;
  const numbers = (row: CellEntry | ArmSummary) => [
    changeText(row.accuracy),
    row.accuracy ? points(row.accuracy.gain) : "",
    ...(samples === null ? [] : [changeText(row.passAtSamples)]),
    row.reward?.toFixed(2) ?? "",
    row.updates === null ? "" : quantity(row.updates),
    row.tokens === null ? "" : quantity(row.tokens),
    row.seconds?.toFixed(1) ?? "",
  ];
  const table = alignColumns([
    [
      "arm",
      "seed",
      n === undefined ? "test accuracy" : `test accuracy (n = ${n})`,
      "gain",
      ...(samples === null ? [] : [`pass@${samples}`]),
      "reward",
      "updates",
      "tokens",
      "seconds",
    ],
    [],
    ...cells.map((cell) => [
      cell.arm,
      String(cell.seed),
      ...(cell.status === "finished" ? numbers(cell) : [cell.status]),
    ]),
    [],
    ...summary.map((arm) => [arm.arm, `mean of ${arm.cells}`, ...numbers(arm)]),
  ]);
  return [table, "", ...tuningText(tuning), matchText(match)].join("\n");
}

/** "Tuned rl.learningRate: grpo 0.00003, rloo not chosen"; nothing where nothing was. */
function tuningText(tuning: Tuning | null): string[] {
  if (!tuning) return [];
  return [
    `Tuned ${tuning.field}: ${tuning.arms.map(({ arm, chosen }) => `${arm} ${chosen ?? "not chosen"}`).join(", ")}`,
  ];
}

/** "Matched: yes (9 cells)", or what is not; and what arms spent that others did not. */
function matchText({ matched, cells, problems, uneven }: Matching): string {
  const verdict = matched ? `Matched: yes (${cells} cells)` : `Matched: NO: ${problems.join("; ")}`;
  return [verdict, ...uneven.map((text) => `Budget: ${text}`)].join("\n");
}

function changeText(change: CellEntry["accuracy"]): string {
  return change ? `${percent(change.before)} -> ${percent(change.after)}` : "";
}
