// Checks an experiment's folder, one cell's, an evaluation's (verify_evaluation.ts), or the records of an experiment that
// were kept alone (a bundle, a pinned folder), against itself and against what it was made from, file by file; then runs
// some updates of a cell again. A file that was changed is named. Not covered are facts that nothing can derive: when and
// where it ran, and how long it took.

import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { findArm } from "../arms/registry.ts";
import { MisuseError } from "../base/errors.ts";
import type { Arm } from "../contract.ts";
import type { AdapterOptions } from "../model/lora.ts";
import { differences } from "../records/differences.ts";
import { EVALUATION_FILE, evaluationsIn } from "../records/evaluation_folders.ts";
import { proveMatch } from "../records/match.ts";
import { METRICS } from "../records/metrics.ts";
import { type PlanRecord, readPlan } from "../records/plan_schema.ts";
import { readResults } from "../records/results.ts";
import { type CellEntry, type ExperimentRecord, SCHEMA_VERSION } from "../records/schema.ts";
import { readCellRecord, readExperiment } from "../records/store.ts";
import { checkpointSteps } from "../rl/checkpoint.ts";
import { type CheckedItem, Checklist } from "./checklist.ts";
import { entryFor, findCell, type FoundCell } from "./found_cell.ts";
import { loadArmFile } from "./load_files.ts";
import { cellFolder } from "./plan_cells.ts";
import { replayCell, replayRange, unrepeatable } from "./replay_cell.ts";
import { namedArms, type NamedCell, namedCells, PLAN_FILE } from "./settle_plan.ts";
import { armSummaries } from "./summary.ts";
import { keptSamples, type ReadCell, verifyAnswers, verifyCell, verifyRecord } from "./verify_cell.ts";
import { verifyEvaluation } from "./verify_evaluation.ts";
import { available, type FoundSources, type Origin, readSources, type SourceOptions } from "./verify_sources.ts";
import { verifyTuning } from "./verify_tuning.ts";

/** The cells of a pinned experiment, a line each. */
const RECORDS_FILE = "records.jsonl";

/** How to verify. */
export interface VerifyOptions extends SourceOptions {
  /**
   * Updates to replay, or questions of an evaluation; null: up to the next checkpoint, or a few updates, or one question;
   * 0: none. @default null
   */
  readonly replay?: number | null;
  /** The cell to replay, "arm/seed"; null: the first that trained and finished. @default null */
  readonly cell?: string | null;
  /** Files that define arms. @default [] */
  readonly armFiles?: readonly string[];
  /** Told of each check. */
  readonly report?: (item: CheckedItem) => void;
}

/** Where what is verified lies. */
interface Location {
  /** The experiment's folder, or that of a cell that stands alone. */
  readonly root: string;
  /** Folders of cells from there; null: those of the plan. */
  readonly cells: readonly string[] | null;
}

/**
 * Verifies a folder.
 * @returns every check
 * @throws MisuseError where the folder is no experiment's, cell's or evaluation's, or options name what is not there
 */
export async function verify(folder: string, options: VerifyOptions = {}): Promise<readonly CheckedItem[]> {
  const list = new Checklist(options.report ?? (() => {}));
  if (existsSync(folder) && statSync(folder).isFile()) {
    await verifyRecords(list, folder, options, basename(folder), (i) => `${basename(folder)}, cells.${i}`);
    return list.items;
  }
  if (existsSync(join(folder, PLAN_FILE)) && existsSync(join(folder, RECORDS_FILE))) {
    await verifyRecords(list, folder, options, RECORDS_FILE, (i) => `${RECORDS_FILE}, line ${i + 1}`);
    return list.items;
  }
  const evaluations = evaluationsIn(folder);
  if (evaluations.length > 0) {
    await verifyEvaluations(list, folder, evaluations, options);
    return list.items;
  }
  const { root, cells: alone } = locate(folder);
  const planned = existsSync(join(root, PLAN_FILE));
  const plan = planned ? await list.read(PLAN_FILE, "digests", () => readPlan(join(root, PLAN_FILE))) : null;
  if (plan === null && (planned || alone === null)) return list.items; // nothing says what there should be
  const places = alone ?? (plan ? namedCells(plan).map(({ arm, seed }) => cellFolder(arm, seed)) : []);
  checkWanted(options.cell ?? null, plan);
  if (plan === null) list.skip("record.json", "plan", "the cell stands alone, without its experiment");
  const said = plan
    ? plannedOrigin(plan)
    : await available(list, "record.json", () => recordedOrigin(join(root, places[0] ?? "")));
  if (said === null) return list.items;
  const sources = { plan, ...await readSources(list, said, options, root) };

  const cells: ReadCell[] = [];
  for (const place of places) {
    if (existsSync(join(root, place, "record.json"))) {
      const cell = await verifyCell(list, root, place, sources);
      if (cell) cells.push(cell);
    } else list.skip(place, "outcome", "the cell has no record");
  }
  if (plan && alone === null) {
    const experiment = await readExperimentOf(list, root);
    const finding = namedCells(plan).map((cell) => findCell(root, cell, entryOf(cell, experiment), null));
    const found = await Promise.all(finding);
    await checkExperiment(list, plan, experiment, found);
    await verifyTuning(list, root, plan, found.map(({ record }) => record));
  }
  if (options.replay !== 0) await replay(list, root, cells, { ...sources, adapter: said.policy.adapter }, options);
  return list.items;
}

/** Each by itself. @throws MisuseError for options that mean a cell, or one of several */
async function verifyEvaluations(
  list: Checklist,
  folder: string,
  places: readonly string[],
  options: VerifyOptions,
): Promise<void> {
  const { cell = null, armFiles = [], policy = null } = options;
  if (cell !== null) {
    throw new MisuseError(`Cannot use --cell ${cell}: "${folder}" holds an evaluation, and that has no cells`);
  }
  if (armFiles.length > 0) {
    throw new MisuseError(`Cannot use --arm-file: "${folder}" holds an evaluation, and that has no arms`);
  }
  if (policy !== null && places.length > 1) {
    throw new MisuseError(
      `Cannot use --policy ${policy}: "${folder}" holds ${places.length} evaluations … name the folder of one`,
    );
  }
  for (const place of places) await verifyEvaluation(list, folder, place, options);
}

/** "arm/seed" or "arm/seed-n" as the plan's cells are called. */
const cellName = (wanted: string) => wanted.replace(/\/seed-(\d+)$/, "/$1");

function checkWanted(wanted: string | null, plan: PlanRecord | null): void {
  if (wanted === null || plan === null) return;
  const names = namedCells(plan).map(({ arm, seed }) => `${arm}/${seed}`);
  if (names.includes(cellName(wanted))) return;
  throw new MisuseError(`Cannot replay --cell ${wanted}: the cells are ${names.join(", ")}`);
}

function locate(folder: string): Location {
  const path = resolve(folder);
  if (existsSync(join(path, PLAN_FILE))) return { root: path, cells: null };
  if (!existsSync(join(path, "record.json"))) {
    if (existsSync(join(path, EXPERIMENT_FILE))) {
      throw new MisuseError(
        `Cannot verify "${folder}": it has no ${PLAN_FILE}; schema version 1 had none … name the folder of one of its cells`,
      );
    }
    throw new MisuseError(
      `Cannot verify "${folder}": it holds neither ${PLAN_FILE} nor record.json nor ${EVALUATION_FILE} … name the folder of an ` +
        "experiment, of a cell or of an evaluation",
    );
  }
  const above = dirname(dirname(path)); // of a cell: <experiment>/<arm>/seed-<n>
  if (!existsSync(join(above, PLAN_FILE))) return { root: path, cells: [""] };
  return { root: above, cells: [`${basename(dirname(path))}/${basename(path)}`] };
}

function plannedOrigin({ task, policy, config }: PlanRecord): Origin {
  return { task, policy, level: Number(config["task"]?.["level"]) };
}

async function recordedOrigin(folder: string): Promise<Origin> {
  const { task, policy, config } = await readCellRecord(join(folder, "record.json"));
  return {
    task: { ...task, file: null },
    policy: { name: policy, files: null },
    level: Number(config["task"]?.["level"]),
  };
}

/**
 * An experiment's records that were kept without steps and checkpoints: there is nothing to replay.
 * @param file that holds them, and the place of each in it, for the list
 */
async function verifyRecords(
  list: Checklist,
  path: string,
  options: VerifyOptions,
  file: string,
  placeOf: (cell: number) => string,
): Promise<void> {
  const results = await list.read(file, "digests", () => readResults(path));
  if (results === null) return;
  const { plan, experiment, cells } = results;
  if (plan === null) return list.skip(file, "plan", "schema version 1 had none");
  checkWanted(options.cell ?? null, plan);
  const sources = { plan, ...await readSources(list, plannedOrigin(plan), options, null) };
  for (const [i, { record, storedRecord, answers }] of cells.entries()) {
    const place = placeOf(i);
    if (record === null) {
      list.skip(place, "outcome", "the cell has no record");
      continue;
    }
    const known = await verifyRecord(list, place, record, sources);
    if (known === null || answers === null || answers.some(({ said }) => said === null)) continue;
    const drawn = keptSamples(storedRecord?.schemaVersion ?? SCHEMA_VERSION, known.config);
    await verifyAnswers(list, { record: place, answers: place }, answers, { ...known, drawn }, sources);
  }
  const found = namedCells(plan).map((cell) => {
    const kept = cells.find(({ entry: { arm, seed } }) => arm === cell.arm && seed === cell.seed);
    const record = kept?.record ?? null;
    return { entry: entryFor(cell, record, kept?.entry), record };
  });
  await checkExperiment(list, plan, experiment, found);
}

const EXPERIMENT_FILE = "experiment.json";

function readExperimentOf(list: Checklist, root: string): Promise<ExperimentRecord | null> {
  return list.read(EXPERIMENT_FILE, "shape", () => readExperiment(join(root, EXPERIMENT_FILE)));
}

function entryOf({ arm, seed }: NamedCell, experiment: ExperimentRecord | null): CellEntry | undefined {
  return experiment?.cells.find((entry) => entry.arm === arm && entry.seed === seed);
}

/**
 * experiment.json says what follows from the plan and the records, and these match.
 * @param found the cells' records, and what should stand in experiment.json of them
 */
async function checkExperiment(
  list: Checklist,
  plan: PlanRecord,
  experiment: ExperimentRecord | null,
  found: readonly Pick<FoundCell, "entry" | "record">[],
): Promise<void> {
  const what = "what follows from the records";
  const proven = found.flatMap(({ entry: { arm, seed }, record }) =>
    record?.outcome ? [{ arm, seed, outcome: record.outcome }] : []
  );
  const match = proveMatch(proven, plan.claim.against), entries = found.map(({ entry }) => entry);
  if (experiment?.status === "running") list.skip(EXPERIMENT_FILE, what, "the experiment runs, or was killed");
  else if (experiment) {
    await list.check(EXPERIMENT_FILE, what, () => {
      const { task: { file: _, ...task }, policy, profile, device, config, digest } = plan;
      const expected = {
        status: experimentStatus(entries),
        plan: digest,
        task,
        policy: policy.name,
        profile,
        device,
        config,
        arms: namedArms(plan).map(({ name, summary, overrides }) => ({ name, summary, overrides })),
        seeds: [...new Set(entries.map(({ seed }) => seed))],
        metrics: METRICS,
        cells: entries,
        match,
        summary: armSummaries(entries),
      };
      const said = new Map<string, unknown>(Object.entries(experiment));
      return differences(Object.fromEntries(Object.keys(expected).map((key) => [key, said.get(key)])), expected);
    });
  }
  await list.check(PLAN_FILE, `match of ${proven.length} finished cells`, () => match.problems);
}

function experimentStatus(entries: readonly CellEntry[]): ExperimentRecord["status"] {
  if (entries.every(({ status }) => status === "finished")) return "finished";
  return entries.some(({ status }) => status === "failed") ? "failed" : "interrupted";
}

interface ReplayedFrom extends FoundSources {
  readonly plan: PlanRecord | null;
  readonly adapter: AdapterOptions | undefined;
}

async function replay(
  list: Checklist,
  root: string,
  cells: readonly ReadCell[],
  { task, taskOptions, policy, plan, adapter }: ReplayedFrom,
  options: VerifyOptions,
): Promise<void> {
  const { replay = null, cell: wanted = null, armFiles = [] } = options;
  const what = "replay";
  const trained = cells.filter(({ outcome }) => outcome.updates > 0);
  const cell = wanted === null
    ? trained[0]
    : trained.find(({ record }) => `${record.arm}/${record.seed}` === cellName(wanted));
  if (!cell) return list.skip(wanted ?? "all cells", what, "no such cell has finished, trained, and can be read");
  const place = relative(root, cell.folder).replaceAll("\\", "/") || "record.json";
  const device = plan?.device ?? cell.record.environment?.device ?? "cpu";
  if (device !== "cpu") {
    return list.skip(place, what, `${unrepeatable(device)}, with \`deno task compare\``);
  }
  const arm = await available(list, place, () => findArmOf(cell.record.arm, plan, armFiles));
  if (!task || !taskOptions || !policy || !arm) return list.skip(place, what, "task, policy or arm are not at hand");
  const range = replayRange(await checkpointSteps(join(cell.folder, "checkpoints")), cell.outcome.updates, replay);
  const first = range.from + 1, updates = first === range.to ? `update ${first}` : `updates ${first} to ${range.to}`;
  const which = range.from === 0 ? updates : `${updates}, from a checkpoint`;
  await list.check(
    place,
    `${what}: ${which}`,
    () => {
      const { folder, merged } = policy;
      return replayCell(cell, { task, taskOptions, arm, policy: folder, merged, adapter }, range);
    },
  );
}

/** The arm, from its file where the plan says that it has one. */
async function findArmOf(name: string, plan: PlanRecord | null, files: readonly string[]): Promise<Arm> {
  const planned = plan && namedArms(plan).find((arm) => arm.name === name);
  if (!planned?.file) return findArm(name);
  for (const file of files) {
    const { digest, exports } = await loadArmFile(file);
    const arm = exports.find((one) => one.name === name);
    if (arm && digest === planned.file) return arm;
  }
  throw new MisuseError(`arm "${name}" is defined in a file … give the same file with --arm-file`);
}
