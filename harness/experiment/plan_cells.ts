// The cells of a plan: what each is a function of, and where its files go.

import { join } from "node:path";
import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import type { Config } from "../config.ts";
import { armConfig } from "../config_options.ts";
import type { Arm } from "../contract.ts";
import type { SweepRecord } from "../records/plan_schema.ts";
import type { FieldValue } from "../records/schema.ts";
import type { LoadedFile } from "./load_files.ts";
import type { CellSpec } from "./protocol.ts";
import { sweptConfig } from "./sweep.ts";

/** One cell of a plan: its spec, and where its files go. */
export interface PlannedCell {
  readonly spec: CellSpec;
  /** Relative to the experiment's folder, with "/". */
  readonly folder: string;
}

/** A cell that is run to choose a setting. */
export interface TuningCell extends PlannedCell {
  /** Of the field that is tuned. */
  readonly value: FieldValue;
}

/** An arm, and the file that defines it; null for one of Matchbox. */
export interface ChosenArm {
  readonly arm: Arm;
  readonly file: LoadedFile<Arm> | null;
}

/** What all cells of an experiment share. */
export interface SharedSpec extends
  Pick<
    CellSpec,
    | "task"
    | "taskOptions"
    | "taskFile"
    | "taskStyle"
    | "policy"
    | "merged"
    | "adapter"
    | "device"
    | "precision"
    | "autoMicroBatch"
    | "threads"
  > {
  /** The experiment's folder. */
  readonly out: string;
  /** Before the arms' own fields. */
  readonly config: Config;
  readonly every: number;
  readonly keep: number;
}

/** Places of the question order that the match proof covers where the number of updates is not known before. */
const PLACES = 1024;

/** The cells that are reported: each arm with each seed, with the config before any tuning. */
export function plannedCells(shared: SharedSpec, arms: readonly ChosenArm[], seeds: readonly number[]): PlannedCell[] {
  return arms.flatMap((one) => {
    const config = armConfig(shared.config, one.arm);
    return seeds.map((seed) => cellOf(shared, one, config, seed, cellFolder(one.arm.name, seed), false));
  });
}

/** The cells that are run before to choose settings: each arm that trains with each value and tuning seed. */
export function tuningCells(shared: SharedSpec, arms: readonly ChosenArm[], sweep: SweepRecord): TuningCell[] {
  return arms.filter(({ arm }) => arm.trains).flatMap((one) =>
    sweep.values.flatMap((value) => {
      const config = sweptConfig(shared.config, one.arm, sweep, value);
      return sweep.seeds.map((seed) => {
        const folder = `tuning/${legal(one.arm.name)}/${legal(String(value))}/seed-${seed}`;
        return { ...cellOf(shared, one, config, seed, folder, true), value };
      });
    })
  );
}

/** A cell's folder in its experiment's, with "/". */
export function cellFolder(arm: string, seed: number): string {
  return `${legal(arm)}/seed-${seed}`;
}

/** What Windows does not take in names becomes a comma. */
function legal(name: string): string {
  return name.replaceAll(/[<>:"/\\|?*]/g, ",");
}

function cellOf(
  { out, config: before, every, keep, ...shared }: SharedSpec,
  { arm, file }: ChosenArm,
  config: Config,
  seed: number,
  folder: string,
  validationOnly: boolean,
): PlannedCell {
  const { updates, tokens, questions } = before.rl, path = join(out, folder);
  const spec = {
    ...shared,
    folder: path,
    arm: arm.name,
    armFile: file?.path ?? null,
    seed,
    config,
    matched: {
      config: sha256(canonicalJson(before)),
      places: tokens > 0 ? PLACES : Math.max(1, updates * questions),
    },
    checkpoints: { folder: join(path, "checkpoints"), every, keep: Math.max(1, keep) },
    resumeAt: 0,
    validationOnly,
  };
  return { spec, folder };
}
