// Reads records back, checked, and makes what is written: a digest, a line, a file. A digest is checked on what was
// stored, then that is brought to this version's shape (migrate.ts), and then the shape is checked; a message names the
// place inside the file. Where records lie is the business of harness/experiment.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileError } from "../base/atomic_file.ts";
import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { isObject, type JsonObject, parseJson, readJsonFile, readTextFile } from "../base/json_file.ts";
import type { Outcome, SampleRecord, StepRecord } from "../contract.ts";
import type { z } from "zod";
import { type Kind, migrate, migrateFrom } from "./migrate.ts";
import {
  type CellRecord,
  cellRecordSchema,
  type ExperimentRecord,
  experimentSchema,
  sampleSchema,
  SCHEMA_VERSION,
  stepSchema,
  type TuningRecord,
  tuningSchema,
  type WarmUpRecord,
  warmUpRecordSchema,
} from "./schema.ts";

/** SHA-256 (hex) of the outcome's canonical JSON. */
export function outcomeDigest(outcome: Outcome): string {
  return sha256(canonicalJson(outcome));
}

/** A record as the text of its file. */
export function recordText(record: object): string {
  return JSON.stringify(record, null, 2) + "\n";
}

/** A line of steps.jsonl or samples.jsonl, newline included; canonical, so that equal records are equal bytes. */
export function recordLine(record: StepRecord | SampleRecord): string {
  return canonicalJson(record) + "\n";
}

/**
 * The chained digest of step records, without their timing: what a rerun of the same steps reproduces.
 * @param chain that of the steps before; the digest of nothing, sha256(""), before the first.
 */
export function stepChain(chain: string, { timing: _, ...record }: StepRecord | JsonObject): string {
  return sha256(chain, canonicalJson(record) + "\n");
}

/** A cell's record.json. @throws FailureError if the file is missing, malformed, of an unknown version, or its digest does not hold */
export async function readCellRecord(path: string): Promise<CellRecord> {
  return (await readStoredRecord(path)).record;
}

/** The same with what was stored. */
export async function readStoredRecord(path: string): Promise<{ record: CellRecord; stored: JsonObject }> {
  const stored = await readJsonFile(path);
  return { record: checkCellRecord(stored, path), stored };
}

/** The value as a cell's record. @throws FailureError as {@linkcode readCellRecord} does */
export function checkCellRecord(value: unknown, place: string): CellRecord {
  const { outcome, digest } = isObject(value) ? value : {};
  const record = checkStored("matchbox.cell", cellRecordSchema, value, place);
  if (record.outcome && digest !== storedDigest(outcome, place)) {
    throw new FailureError(
      `Cannot trust "${place}": its outcome does not have the digest that stands beside it … run the cell again`,
    );
  }
  return record;
}

/** An experiment.json. @throws FailureError as {@linkcode readCellRecord} does. */
export async function readExperiment(path: string): Promise<ExperimentRecord> {
  return checkExperiment(await readJsonFile(path), path);
}

/** The value as an experiment's record. @throws FailureError as {@linkcode readCellRecord} does. */
export function checkExperiment(value: unknown, place: string): ExperimentRecord {
  return checkStored("matchbox.experiment", experimentSchema, value, place);
}

/** A tuning.json. @throws FailureError as {@linkcode readCellRecord} does. */
export async function readTuning(path: string): Promise<TuningRecord> {
  return checkStored("matchbox.tuning", tuningSchema, await readJsonFile(path), path);
}

/** A warmup.json. @throws FailureError as {@linkcode readCellRecord} does. */
export async function readWarmUpRecord(path: string): Promise<WarmUpRecord> {
  return checkStored("matchbox.warmup", warmUpRecordSchema, await readJsonFile(path), path);
}

/** Lines, each as the record that it is, with what was stored. */
export interface StoredLines<T> {
  readonly records: T[];
  /** As they were parsed, in the shape of their version. */
  readonly stored: readonly JsonObject[];
  /** The whole file. */
  readonly text: string;
}

/**
 * A steps.jsonl.
 * @param version schema version of the record beside it @default this one
 * @throws FailureError naming the line
 */
export function readStoredSteps(path: string, version: number = SCHEMA_VERSION): Promise<StoredLines<StepRecord>> {
  return readLines("step", stepSchema, path, version);
}

/** A samples.jsonl; else as {@linkcode readStoredSteps}. */
export function readStoredSamples(path: string, version: number = SCHEMA_VERSION): Promise<StoredLines<SampleRecord>> {
  return readLines("sample", sampleSchema, path, version);
}

/** The lines of a steps.jsonl. @throws FailureError naming the line. */
export async function readSteps(path: string, version?: number): Promise<StepRecord[]> {
  return (await readStoredSteps(path, version)).records;
}

/** The lines of a samples.jsonl. @throws FailureError naming the line. */
export async function readSamples(path: string, version?: number): Promise<SampleRecord[]> {
  return (await readStoredSamples(path, version)).records;
}

/**
 * The longest beginning of a steps.jsonl that is whole: valid lines of steps 1, 2, 3 … None where there is no file.
 * What a killed writer left of its last line is no part of it.
 */
export async function readWholeSteps(path: string): Promise<StepRecord[]> {
  if (!existsSync(path)) return [];
  const bytes = await readFile(path).catch((error) => {
    throw fileError("read", path, error);
  });
  const steps: StepRecord[] = [];
  for (const line of new TextDecoder().decode(bytes).split("\n").slice(0, -1)) {
    const step = stepSchema.safeParse(jsonOrNull(line)).data;
    if (step?.step !== steps.length + 1) break;
    steps.push(step);
  }
  return steps;
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The lines of a file. @param version of the record beside it @throws FailureError naming the line */
export async function readLines<S extends z.ZodType>(
  kind: Kind,
  schema: S,
  path: string,
  version: number,
): Promise<StoredLines<z.output<S>>> {
  const text = await readTextFile(path), stored: JsonObject[] = [];
  const records = text.split("\n").flatMap((line, index) => {
    if (line === "") return [];
    const place = `${path}, line ${index + 1}`, value = parseJson(line, place);
    if (!isObject(value)) throw new FailureError(`Cannot read "${place}": it must be a JSON object`);
    stored.push(value);
    return [check(schema, migrateFrom(kind, value, version, place), place)];
  });
  return { records, stored, text };
}

/**
 * SHA-256 (hex) of a stored value's canonical JSON.
 * @param before a digest that it chains on
 * @throws FailureError for a value that has none: one with half a surrogate pair, or nested without end
 */
export function storedDigest(value: unknown, place: string, before = ""): string {
  try {
    return sha256(before, canonicalJson(value));
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new FailureError(`Cannot trust "${place}": it has no digest (${error.message})`, { cause: error });
  }
}

/** A stored value in the shape of this version. @throws FailureError naming the file, the path inside it and what is wrong there */
export function checkStored<S extends z.ZodType>(kind: Kind, schema: S, value: unknown, place: string): z.output<S> {
  return check(schema, isObject(value) ? migrate(kind, value, place) : value, place);
}

/** The value, if it has the shape. @throws FailureError as {@linkcode checkStored} does */
export function check<S extends z.ZodType>(schema: S, value: unknown, place: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join(".") || "the whole"}: ${issue.message}`);
  throw new FailureError(`Cannot read "${place}": ${problems.join("; ")}`);
}
