// One JSON object a line for each completion of the final evaluations, with the coordinates of its cell. Where texts were
// not kept, `completion`, `extracted`, `rewards` and `tokens` are null.

import type { Answer } from "../../records/results.ts";
import { recordedStyle } from "../../records/task_text.ts";
import { type ExportedCell, type ExportFormat, lacksCells } from "./export_format.ts";

/** samples.jsonl */
export const jsonl: ExportFormat = {
  name: "jsonl",
  summary: "samples.jsonl: a line for each completion of the final evaluations, with the cell's coordinates",
  lacks(source) {
    if (source.cells.every(({ answers }) => answers !== null)) return lacksCells(source);
    return "the answers were not kept … give the folder that bench wrote, or a bundle";
  },
  *files({ cells }) {
    yield { path: "samples.jsonl", content: cells.values().map(linesOf) };
  },
};

function linesOf({ policy, record: { task, arm, seed }, answers }: ExportedCell): string {
  const cell = { task: task.name, taskVersion: task.version, ...recordedStyle(task), policy, arm, seed };
  return (answers ?? []).map((answer) => `${JSON.stringify({ ...cell, ...rowOf(answer) })}\n`).join("");
}

function rowOf({ id, question, gold, sample, status, said }: Answer) {
  return {
    id,
    sample,
    status,
    correct: status === "correct",
    question,
    gold,
    completion: said?.completion ?? null,
    extracted: said?.extracted ?? null,
    rewards: said ? sorted(said.rewards) : null,
    tokens: said?.tokens ?? null,
  };
}

/** The same fields, in the order of their names. */
function sorted(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => a < b ? -1 : 1));
}
