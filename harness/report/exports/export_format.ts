// What a format of another tool is here: a name and the files that it makes of an experiment. Files come one after the
// other, a cell at a time, so that an experiment need not be in memory twice. Equal records give equal bytes: no clock,
// no order but the experiment's or the alphabet's, no locale.

import { sha256 } from "../../base/digest.ts";
import type { EvaluationRecord, Outcome } from "../../contract.ts";
import type { CellRecord } from "../../records/schema.ts";
import type { CellResults, Results } from "../../records/results.ts";

/** A file of an export: text is UTF-8, its pieces follow one another and can be taken once. */
export interface ExportFile {
  /** Below the export's folder, with slashes. */
  readonly path: string;
  readonly content: Iterable<string | Uint8Array>;
}

/** What a format may need to be told. */
export interface ExportOptions {
  /** Id of the benchmark's dataset on the Hugging Face Hub, e.g. "openai/gsm8k". */
  readonly dataset: string | null;
  /** Id of the task in the dataset's eval.yaml. */
  readonly datasetTask: string | null;
  /** Who ran the experiment. */
  readonly organization: string;
}

/** A cell that finished. */
export interface ExportedCell {
  /** "<arm>/seed-<seed>" in characters that every file system takes, unique among the cells. */
  readonly folder: string;
  /** "<policy>/<arm>/seed-<seed>": the name of what was evaluated. */
  readonly model: string;
  /** The policy's name: where its folder lay means nothing to others. */
  readonly policy: string;
  readonly record: CellRecord;
  readonly outcome: Outcome;
  readonly steps: CellResults["steps"];
  readonly answers: CellResults["answers"];
}

/** What formats are made from. */
export interface ExportSource {
  readonly results: Results;
  /** The finished ones, in the order of the experiment. */
  readonly cells: readonly ExportedCell[];
  readonly options: ExportOptions;
}

/** A format. */
export interface ExportFormat {
  readonly name: string;
  readonly summary: string;
  /** Why it cannot be made from this source, as "<what stands> … <what to do>"; null: it can. */
  lacks(source: ExportSource): string | null;
  files(source: ExportSource): Iterable<ExportFile>;
}

/** Prepares what formats are made from. */
export function exportSource(results: Results, options: ExportOptions): ExportSource {
  const folders = folderNames(results.cells.map(({ entry }) => entry.arm));
  const cells = results.cells.flatMap(({ entry, record, steps, answers }): ExportedCell[] => {
    if (entry.status !== "finished" || !record?.outcome) return [];
    const policy = record.policy.replace(/[/\\]+$/, "").split(/[/\\]/).at(-1) ?? "";
    const folder = `${folders.get(entry.arm)}/seed-${entry.seed}`;
    const model = `${policy}/${record.arm}/seed-${record.seed}`;
    return [{ folder, model, policy, record, outcome: record.outcome, steps, answers }];
  });
  return { results, cells, options };
}

/** Names as folders: what a file system may refuse is replaced, and a digest tells apart what then looks alike. */
export function folderNames(names: readonly string[]): Map<string, string> {
  const plain = (name: string) => name.replaceAll(":", ",").replaceAll(/[^A-Za-z0-9+._=,-]/g, "_").slice(0, 100);
  const taken = Map.groupBy(new Set(names), (name) => plain(name).toLowerCase());
  return new Map(names.map((name) => {
    const folder = plain(name), alike = taken.get(folder.toLowerCase())?.length ?? 0;
    const clear = alike === 1 && /^[A-Za-z0-9]/.test(folder) && !folder.endsWith(".") && !reserved.test(folder);
    return [name, clear ? folder : `x${folder.slice(0, 80)}-${sha256(name.toWellFormed()).slice(0, 12)}`];
  }));
}

/** What Windows keeps for devices. */
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** When the cell ended, in seconds since 1970: from its record, never from the clock. */
export function endOf({ timing }: CellRecord): number {
  return Date.parse(timing.startedAt) / 1000 + timing.seconds;
}

/** The last evaluation of that kind on test questions, if there was one. */
export function lastOn({ evaluations }: Outcome, mode: EvaluationRecord["mode"]): EvaluationRecord | undefined {
  return evaluations.findLast((one) => one.split === "test" && one.mode === mode);
}

/** What most formats lack where no cell has finished. */
export function lacksCells({ cells }: ExportSource): string | null {
  return cells.length > 0 ? null : "no cell has finished … run its command again";
}

/** What formats of training lack where steps were not kept. */
export function lacksSteps(source: ExportSource): string | null {
  if (source.cells.every(({ steps }) => steps !== null)) return lacksCells(source);
  return "the steps were not kept … give the folder that bench wrote";
}
