// Reads records back, checked, and makes what is written: a digest, a line, a file. A message names the place inside
// the file. Where records lie is the business of harness/experiment.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileError } from "../base/atomic_file.ts";
import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { isObject, parseJson, readJsonFile, readTextFile } from "../base/json_file.ts";
import type { Outcome, SampleRecord, StepRecord } from "../contract.ts";
import type { z } from "zod";
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
export function stepChain(chain: string, { timing: _, ...record }: StepRecord): string {
  return sha256(chain, canonicalJson(record) + "\n");
}

/**
 * A cell's record.json.
 * @throws FailureError if the file is missing, malformed, of another schema version, or its digest does not hold.
 */
export async function readCellRecord(path: string): Promise<CellRecord> {
  return checkCellRecord(await readJsonFile(path), path);
}

/** The value as a cell's record. @throws FailureError as {@linkcode readCellRecord} does */
export function checkCellRecord(value: unknown, place: string): CellRecord {
  const record = check(cellRecordSchema, value, place);
  if (record.outcome && record.digest !== outcomeDigest(record.outcome)) {
    throw new FailureError(
      `Cannot trust "${place}": its outcome does not have the digest that stands beside it … run the cell again`,
    );
  }
  return record;
}

/** An experiment.json. @throws FailureError as {@linkcode readCellRecord} does. */
export async function readExperiment(path: string): Promise<ExperimentRecord> {
  return check(experimentSchema, await readJsonFile(path), path);
}

/** A tuning.json. @throws FailureError as {@linkcode readCellRecord} does. */
export async function readTuning(path: string): Promise<TuningRecord> {
  return check(tuningSchema, await readJsonFile(path), path);
}

/** The lines of a steps.jsonl. @throws FailureError naming the line. */
export function readSteps(path: string): Promise<StepRecord[]> {
  return readLines(stepSchema, path);
}

/** The lines of a samples.jsonl. @throws FailureError naming the line. */
export function readSamples(path: string): Promise<SampleRecord[]> {
  return readLines(sampleSchema, path);
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

async function readLines<S extends z.ZodType>(schema: S, path: string): Promise<z.output<S>[]> {
  const lines = (await readTextFile(path)).split("\n").filter((line) => line !== "");
  return lines.map((line, index) => {
    const place = `${path}, line ${index + 1}`;
    return check(schema, parseJson(line, place), place);
  });
}

/**
 * The value, if it has the shape.
 * @throws FailureError naming the file, the path inside it and what is wrong there.
 */
export function check<S extends z.ZodType>(schema: S, value: unknown, place: string): z.output<S> {
  const version = isObject(value) ? value.schemaVersion : undefined;
  if (version !== undefined && version !== SCHEMA_VERSION) {
    throw new FailureError(
      `Cannot read "${place}": it has schema version ${
        JSON.stringify(version)
      } … use a Matchbox that reads it; this one reads ${SCHEMA_VERSION}`,
    );
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join(".") || "the whole"}: ${issue.message}`);
  throw new FailureError(`Cannot read "${place}": ${problems.join("; ")}`);
}
