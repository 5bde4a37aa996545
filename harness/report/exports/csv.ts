// Tidy tables for spreadsheets and data frames: a row a cell, a row an evaluation, and what each column means.

import type { EvaluationRecord } from "../../contract.ts";
import type { CellResults } from "../../records/results.ts";
import { csvText, type CsvValue } from "./csv_text.ts";
import { type ExportFormat, lastOn } from "./export_format.ts";

/** A column of a table: its name, what it means, and its value in a row. */
type Column<T> = readonly [name: string, meaning: string, value: (row: T) => CsvValue | undefined];

interface EvaluationRow {
  readonly cell: CellResults;
  readonly evaluation: EvaluationRecord;
}

/** Records from before they were told apart have none. */
const timeouts = (one: EvaluationRecord | undefined) => one && (one.statuses.timeout ?? 0);

const coordinates: readonly Column<CellResults>[] = [
  ["arm", "name of the arm", ({ entry }) => entry.arm],
  ["seed", "seed of the cell", ({ entry }) => entry.seed],
  ["status", "pending, running, finished, failed or interrupted", ({ entry }) => entry.status],
];

const cellColumns: readonly Column<CellResults>[] = [
  ...coordinates,
  ["amendment", "0: planned; n: added by the n-th amendment of the plan", ({ entry }) => entry.amendment],
  ["failure", "why it failed", ({ entry }) => entry.failure],
  ["task", "name of the task", ({ record }) => record?.task.name],
  ["task_version", "version of the task", ({ record }) => record?.task.version],
  ["task_data", "SHA-256 of the task's data", ({ record }) => record?.task.data],
  ["task_prompt", "name of the task's prompt", ({ record }) => record && (record.task.prompt ?? "paper")],
  ["task_grading", "strict or lenient", ({ record }) => record && (record.task.grading ?? "strict")],
  ["policy", "the policy that was trained", ({ record }) => record?.policy],
  ["n", "test questions", ({ entry }) => entry.n],
  ["accuracy_before", "greedy, on test questions, before training, a share", ({ entry }) => entry.accuracy?.before],
  ["accuracy_after", "the same after training", ({ entry }) => entry.accuracy?.after],
  ["accuracy_gain", "after - before", ({ entry }) => entry.accuracy?.gain],
  ["samples", "completions a question of pass_*", ({ entry }) => entry.samples],
  ["pass_before", "share of test questions with a correct sample, before", ({ entry }) => entry.passAtSamples?.before],
  ["pass_after", "the same after training", ({ entry }) => entry.passAtSamples?.after],
  ["pass_gain", "after - before", ({ entry }) => entry.passAtSamples?.gain],
  ["reward", "mean total reward of the last greedy evaluation on test questions", ({ entry }) => entry.reward],
  ["correct", "greedy answers by status at the end", (cell) => atEnd(cell)?.statuses.correct],
  ["wrong", "the same", (cell) => atEnd(cell)?.statuses.wrong],
  ["unparseable", "no answer found; counts as wrong", (cell) => atEnd(cell)?.statuses.unparseable],
  ["truncated", "cut off at the cap without an answer; counts as wrong", (cell) => atEnd(cell)?.statuses.truncated],
  ["timeout", "left undecided by the grader; counts as wrong", (cell) => timeouts(atEnd(cell))],
  ["completion_length", "mean length of these answers, tokens", (cell) => atEnd(cell)?.completionLength],
  ["updates", "updates done", ({ entry }) => entry.updates],
  ["evaluated_step", "updates after which the evaluated weights were taken", (cell) => outcome(cell)?.evaluatedStep],
  ["ended_by", "what ended training: updates or tokens", (cell) => outcome(cell)?.endedBy],
  ["tokens", "prompt and completion tokens of training", ({ entry }) => entry.tokens],
  ["questions", "training questions asked", (cell) => outcome(cell)?.asked.count],
  ["collapses", "kind@update of each collapse", (cell) => outcome(cell)?.collapses.map(collapseText).join(" ")],
  ["started_at", "when it began, ISO 8601", ({ record }) => record?.timing.startedAt],
  ["seconds", "of the cell, evaluations included", ({ record }) => record?.timing.seconds],
  ["rollout_seconds", "of drawing completions", ({ record }) => record?.timing.rolloutSeconds],
  ["update_seconds", "of updates", ({ record }) => record?.timing.updateSeconds],
  ["resumes", "how often it was taken up again", ({ entry }) => entry.resumes],
  ["peak_memory_bytes", "largest resident memory", ({ record }) => record?.peakMemoryBytes],
  ["matchbox", "version", ({ record }) => record?.environment?.matchbox],
  ["onnxruntime", "version", ({ record }) => record?.environment?.onnxruntime],
  ["device", "cpu, webgpu, cuda, dml or coreml", ({ record }) => record?.environment?.device],
  [
    "accelerator",
    "name of the device; empty: the processor",
    ({ record }) => record?.environment?.accelerator?.adapter,
  ],
  ["driver", "version of its driver", ({ record }) => record?.environment?.accelerator?.driver],
  ["precision", "of what it computed", ({ record }) => record?.environment?.precision],
  ["cpu", "model of the processor", ({ record }) => record?.environment?.cpu],
  ["threads", "threads of a session", ({ record }) => record?.environment?.threads],
  ["git_commit", "of the code", ({ record }) => record?.environment?.gitCommit],
  ["git_dirty", "whether the code had uncommitted changes", ({ record }) => record?.environment?.gitDirty],
  ["digest", "SHA-256 of the outcome", ({ entry }) => entry.digest],
];

const evaluationColumns: readonly Column<EvaluationRow>[] = [
  ...coordinates.map(([name, meaning, value]): Column<EvaluationRow> => [name, meaning, ({ cell }) => value(cell)]),
  ["step", "updates done before it", ({ evaluation }) => evaluation.step],
  ["split", "train, validation or test", ({ evaluation }) => evaluation.split],
  ["mode", "greedy or sample", ({ evaluation }) => evaluation.mode],
  ["n", "questions", ({ evaluation }) => evaluation.n],
  ["samples", "completions a question", ({ evaluation }) => evaluation.samples],
  ["accuracy", "mean share of correct completions", ({ evaluation }) => evaluation.accuracy],
  ["pass_at_samples", "share of questions with a correct one", ({ evaluation }) => evaluation.passAtSamples],
  ["correct", "completions by status", ({ evaluation }) => evaluation.statuses.correct],
  ["wrong", "the same", ({ evaluation }) => evaluation.statuses.wrong],
  ["unparseable", "the same", ({ evaluation }) => evaluation.statuses.unparseable],
  ["truncated", "the same", ({ evaluation }) => evaluation.statuses.truncated],
  ["timeout", "the same", ({ evaluation }) => timeouts(evaluation)],
  ["completion_length", "mean, tokens", ({ evaluation }) => evaluation.completionLength],
];

const outcome = ({ record }: CellResults) => record?.outcome;
const atEnd = ({ record }: CellResults) => record?.outcome ? lastOn(record.outcome, "greedy") : undefined;
const collapseText = ({ kind, step }: { readonly kind: string; readonly step: number }) => `${kind}@${step}`;

function table<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  return csvText(columns.map(([name]) => name), rows.map((row) => columns.map(([, , value]) => value(row) ?? null)));
}

/** cells.csv, evaluations.csv and columns.csv. */
export const csv: ExportFormat = {
  name: "csv",
  summary: "tables: cells.csv, evaluations.csv, and columns.csv, which says what each column means",
  lacks: () => null,
  *files({ results: { cells } }) {
    const rows = cells.flatMap((cell) => {
      const evaluations = cell.record?.outcome?.evaluations ?? cell.record?.partial?.evaluations ?? [];
      return evaluations.map((evaluation): EvaluationRow => ({ cell, evaluation }));
    });
    const rewards = [...new Set(rows.flatMap(({ evaluation }) => Object.keys(evaluation.rewards)))].sort();
    const columns = [
      ...evaluationColumns,
      ...rewards.map((name): Column<EvaluationRow> => [
        `reward_${name}`,
        "mean of this reward",
        ({ evaluation }) => evaluation.rewards[name],
      ]),
    ];
    const meanings = [...named("cells.csv", cellColumns), ...named("evaluations.csv", columns)];
    yield { path: "cells.csv", content: [table(cellColumns, cells)] };
    yield { path: "evaluations.csv", content: [table(columns, rows)] };
    yield { path: "columns.csv", content: [csvText(["file", "column", "meaning"], meanings)] };
  },
};

function named<T>(file: string, columns: readonly Column<T>[]): string[][] {
  return columns.map(([name, meaning]) => [file, name, meaning]);
}
