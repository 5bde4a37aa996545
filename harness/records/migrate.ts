// Brings what an older Matchbox stored to the shape of this one: one table of steps for each kind of file, each from a
// version to the next. Steps are pure functions of parsed JSON and check nothing; the shape is checked after the last
// one, and every digest before the first, on what was stored. What an old file does not say is "unknown", null or empty
// as the table tells, never made up.

import { sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json_file.ts";
import { METRICS } from "./metrics.ts";
import { SCHEMA_VERSION, UNKNOWN } from "./schema.ts";

type Step = (value: JsonObject) => JsonObject;

const same: Step = (value) => value;

/** What there is: for each kind, the step from version 1 to 2, and from 2 to 3. null: version 1, or 2, had no such file. */
const steps = {
  "matchbox.cell": [cellFrom1, cellFrom2],
  "matchbox.experiment": [experimentFrom1, (experiment) => ({ ...experiment, metrics: METRICS })],
  "matchbox.plan": [null, same],
  "matchbox.tuning": [null, same],
  "matchbox.bundle": [null, null],
  "matchbox.evaluation": [null, null],
  "matchbox.warmup": [null, null],
  "step": [stepFrom1, same],
  "sample": [same, same],
} as const satisfies Readonly<Record<string, readonly (Step | null)[]>>;

/** A kind of file, by its `kind`; lines have none and go by their name here. */
export type Kind = keyof typeof steps;

/**
 * The object in the shape of this version, or as near to it as it gets: the shape is still to be checked.
 * @param place of the object, for messages
 * @throws FailureError for another kind of file, a version that is not known, or one that had no such file
 */
export function migrate(kind: Kind, value: JsonObject, place: string): JsonObject {
  const { schemaVersion: version, kind: found } = value;
  if (found !== undefined && found !== kind) {
    throw new FailureError(`Cannot read "${place}": kind: it is ${JSON.stringify(found)}, must be "${kind}"`);
  }
  if (version === undefined) return value; // the check of the shape says that it lacks one
  return migrateFrom(kind, value, readVersion(version, place), place);
}

/** The same for what bears no version itself: a line, whose version the record beside it has. */
export function migrateFrom(kind: Kind, value: JsonObject, version: number, place: string): JsonObject {
  const table: readonly (Step | null)[] = steps[kind];
  let now = value;
  for (const step of table.slice(version - 1)) {
    if (!step) throw new FailureError(`Cannot read "${place}": schema version ${version} had no such file`);
    now = step(now);
  }
  return version === SCHEMA_VERSION || value.schemaVersion === undefined
    ? now
    : { ...now, schemaVersion: SCHEMA_VERSION };
}

/** @throws FailureError for a version that this Matchbox does not read */
function readVersion(version: unknown, place: string): number {
  if (typeof version === "number" && Number.isInteger(version) && version >= 1 && version <= SCHEMA_VERSION) {
    return version;
  }
  throw new FailureError(
    `Cannot read "${place}": it has schema version ${JSON.stringify(version)}, and this Matchbox reads 1 to ` +
      `${SCHEMA_VERSION} … use the version of Matchbox that wrote it, or a newer one`,
  );
}

/** Version 1 counted no resumes: there were none. */
function cellFrom1(cell: JsonObject): JsonObject {
  const { outcome, timing } = cell;
  return {
    ...cell,
    outcome: isObject(outcome) ? outcomeFrom1(outcome, cell) : outcome,
    timing: isObject(timing) ? { ...timing, resumes: 0 } : timing,
  };
}

/** Version 2 did not say which vector extensions the processor has. */
function cellFrom2(cell: JsonObject): JsonObject {
  const { environment } = cell;
  return { ...cell, environment: isObject(environment) ? { ...environment, vectors: null } : environment };
}

/**
 * Version 1 had no match proof beyond weights, data and the order of what was asked, which in a trained cell has the
 * form of today's; it trained for updates alone, evaluated the last weights, and looked for no collapse.
 */
function outcomeFrom1(outcome: JsonObject, { config }: JsonObject): JsonObject {
  const { initialWeights, taskData, questionOrder, ...rest } = outcome, { updates } = outcome;
  const rl = isObject(config) ? config["rl"] : null, questions = isObject(rl) ? rl["questions"] : null;
  const count = Number(updates) * Number(questions);
  return {
    ...rest,
    match: {
      weights: initialWeights,
      data: taskData,
      template: UNKNOWN,
      order: updates === 0 ? UNKNOWN : questionOrder,
      items: UNKNOWN,
      streams: UNKNOWN,
      config: UNKNOWN,
      firstRollouts: [],
    },
    evaluatedStep: updates,
    asked: { count, digest: updates === 0 ? sha256("") : UNKNOWN },
    endedBy: "updates",
    collapses: [],
    embedder: null,
    steps: UNKNOWN,
  };
}

function stepFrom1(step: JsonObject): JsonObject {
  return { ...step, distinct: null, similarity: null, gauges: {}, discarded: { prompt: 0, completion: 0 } };
}

/** Version 1 had no plan, so nothing was amended or tuned. */
function experimentFrom1(experiment: JsonObject): JsonObject {
  const cells = Array.isArray(experiment.cells) ? experiment.cells : [];
  return {
    ...experiment,
    plan: UNKNOWN,
    cells: cells.map((cell) => isObject(cell) ? { ...cell, amendment: 0, resumes: 0 } : cell),
    tuning: null,
    match: {
      matched: false,
      cells: cells.filter((cell) => isObject(cell) && cell.status === "finished").length,
      problems: ["the records do not say what the cells share (schema version 1)"],
      uneven: [],
    },
  };
}
