// An experiment's records in memory: what statistics, reports and verdicts are made from, whatever kind of file they
// were kept in. Nothing here runs a model; what was not kept is null, never made up. Files that do not fit together are
// refused: every digest that stands in one file and can be taken of another is taken.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { type JsonObject, readJsonFile } from "../base/json_file.ts";
import type { GradeStatus, SampleRecord, StepRecord } from "../contract.ts";
import { fromBundle, readBundle } from "./bundle.ts";
import { evaluationHint } from "./evaluation_folders.ts";
import { checkFit, ifOlder } from "./fit.ts";
import { readPinned } from "./pinned.ts";
import { checkPlan, type PlanRecord } from "./plan_schema.ts";
import { type CellEntry, type CellRecord, type ExperimentRecord, UNKNOWN } from "./schema.ts";
import {
  checkExperiment,
  readStoredRecord,
  readStoredSamples,
  readStoredSteps,
  stepChain,
  type StoredLines,
} from "./store.ts";

/** What a completion said. */
export interface Said {
  readonly completion: string;
  readonly extracted: string | null;
  readonly rewards: Readonly<Record<string, number>>;
  readonly tokens: number;
}

/** The final evaluation's answer to a question. */
export interface Answer {
  readonly id: string;
  readonly question: string;
  readonly gold: string;
  /** 0: the greedy one; 1 and up: those drawn at temperature 1. */
  readonly sample: number;
  readonly status: GradeStatus;
  /** null where the texts were left out. */
  readonly said: Said | null;
}

/** What is known of a cell. */
export interface CellResults {
  readonly entry: CellEntry;
  /** null for a cell that has not begun. */
  readonly record: CellRecord | null;
  /** The record as it was stored, where that was in an older schema version: what its digest is of. */
  readonly storedRecord?: JsonObject;
  /** null where they were not kept. */
  readonly steps: readonly StepRecord[] | null;
  /** In the order of {@linkcode SampleRecord}. null for a cell that has not finished, or where they were not kept. */
  readonly answers: readonly Answer[] | null;
}

/** What is known of an experiment. */
export interface Results {
  /** The path that it was read from, as it was given. */
  readonly origin: string;
  /** null for an experiment of schema version 1, which had none. */
  readonly plan: PlanRecord | null;
  /** The plan as it was stored, where that was in an older schema version: what its digest is of. */
  readonly storedPlan?: JsonObject;
  readonly experiment: ExperimentRecord;
  /** In the order of the experiment's cells. */
  readonly cells: readonly CellResults[];
}

/** What to read. */
export interface ReadResultsOptions {
  /** Whether steps are needed. @default true */
  readonly steps?: boolean;
}

/**
 * The results at a path: an experiment's folder, a pinned one, or a bundle.
 * @throws FailureError for what is missing, damaged or does not fit, naming the place
 */
export async function readResults(path: string, { steps = true }: ReadResultsOptions = {}): Promise<Results> {
  if (existsSync(path) && statSync(path).isFile()) return fromBundle(await readBundle(path), path);
  if (!existsSync(join(path, "experiment.json"))) {
    const hint = evaluationHint(path) ?? "it has no experiment.json … give the folder that bench wrote, or a bundle";
    throw new FailureError(`Cannot read "${path}": ${hint}`);
  }
  if (existsSync(join(path, "records.jsonl"))) return await readPinned(path);
  const storedExperiment = await readJsonFile(join(path, "experiment.json"));
  const experiment = checkExperiment(storedExperiment, join(path, "experiment.json"));
  const storedPlan = storedExperiment.schemaVersion === 1 ? null : await readJsonFile(join(path, "plan.json"));
  const plan = storedPlan && checkPlan(storedPlan, join(path, "plan.json"));
  const cells: CellResults[] = [];
  for (const entry of experiment.cells) cells.push(await readCell(path, entry, steps));
  return checkFit({ origin: path, plan, ...ifOlder("storedPlan", storedPlan), experiment, cells });
}

async function readCell(root: string, entry: CellEntry, wantsSteps: boolean): Promise<CellResults> {
  if (/^([\\/]|[A-Za-z]:)|(^|[\\/])\.\.([\\/]|$)/.test(entry.folder)) {
    throw new FailureError(`Cannot trust "${root}": the folder of a cell, "${entry.folder}", lies outside of it`);
  }
  const at = (name: string) => join(root, entry.folder, name);
  if (!existsSync(at("record.json"))) return { entry, record: null, steps: null, answers: null };
  const { record, stored } = await readStoredRecord(at("record.json"));
  const outcome = entry.status === "finished" ? record.outcome : null, version = Number(stored.schemaVersion);

  const keeps = (name: string) => outcome !== null && existsSync(at(name));
  const steps = wantsSteps && keeps("steps.jsonl") ? await readStoredSteps(at("steps.jsonl"), version) : null;
  const samples = keeps("samples.jsonl") ? await readStoredSamples(at("samples.jsonl"), version) : null;
  const trust = (name: string, found: string | null, expected: string | undefined) => {
    if (found === null || found === expected || expected === UNKNOWN) return;
    throw new FailureError(
      `Cannot trust "${at(name)}": it does not have the digest that record.json names … run the cell again`,
    );
  };
  trust("steps.jsonl", steps && chainOf(steps), outcome?.steps);
  trust("samples.jsonl", samples && sha256(samples.text), outcome?.samples);
  return {
    entry,
    record,
    ...ifOlder("storedRecord", stored),
    steps: steps && steps.records,
    answers: samples && samples.records.map(answerOf),
  };
}

function chainOf({ stored }: StoredLines<StepRecord>): string {
  return stored.reduce((chain: string, step) => stepChain(chain, step), sha256(""));
}

/** A line of samples.jsonl as an answer. */
export function answerOf(
  { id, question, gold, sample, status, completion, extracted, rewards, tokens }: SampleRecord,
): Answer {
  return { id, question, gold, sample, status, said: { completion, extracted, rewards, tokens } };
}
