// A results folder that may still grow, watched by asking: how far its cells are, in a few numbers, and whether anything
// has changed, from the sizes and times of its files. Records are replaced whole and steps are appended, so that no
// reader meets half a record; half of a last line is left for later.

import { statSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../base/digest.ts";
import type { StepRecord } from "../../contract.ts";
import type { Results } from "../../records/results.ts";
import type { CellEntry, ExperimentRecord } from "../../records/schema.ts";
import { readExperiment, readWholeSteps } from "../../records/store.ts";
import { visibleText } from "../visible_text.ts";
import { checkInside } from "./inside_folder.ts";
import { readLive } from "./read_live.ts";

/** A cell that runs. */
export interface RunningCell {
  readonly arm: string;
  readonly seed: number;
  /** Updates that are written, and how many there will be; null where tokens are the budget. */
  readonly updates: number;
  readonly of: number | null;
  /** Means over the last few updates; null before the first. */
  readonly reward: number | null;
  readonly completionLength: number | null;
}

/** How far an experiment is. */
export interface LiveState {
  /** Changes whenever the records do. */
  readonly version: string;
  /** When they last did, in milliseconds of the Unix epoch. */
  readonly changedAt: number;
  /** null while nothing has been recorded. */
  readonly status: ExperimentRecord["status"] | null;
  readonly finished: number;
  readonly cells: number;
  readonly running: readonly RunningCell[];
  readonly failed: readonly { readonly arm: string; readonly seed: number; readonly failure: string }[];
}

/** Updates over which a running cell's numbers are averaged. */
const LATEST = 10;

export class LiveRecords {
  readonly #isFolder: boolean;
  readonly #steps = new Map<string, { readonly stamp: string; readonly steps: readonly StepRecord[] }>();
  #experiment: { readonly stamp: string; readonly record: ExperimentRecord | null } = { stamp: "", record: null };

  /** @param path a folder or a bundle. @throws the file system's error where there is none */
  constructor(readonly path: string) {
    this.#isFolder = statSync(path).isDirectory();
  }

  /** @throws FailureError for records that are damaged or lie elsewhere */
  async state(): Promise<LiveState> {
    const experiment = await this.experiment();
    const files = this.#files(experiment).map((name) => this.#stampOf(name));
    const stamps = files.map(({ name, size, time }) => `${name} ${size} ${time}\n`).join("");
    const cells = experiment?.cells ?? [], running = cells.filter(({ status }) => status === "running");
    return {
      version: sha256(stamps).slice(0, 16),
      changedAt: Math.max(0, ...files.map(({ time }) => time)),
      status: experiment?.status ?? null,
      finished: cells.filter(({ status }) => status === "finished").length,
      cells: cells.length,
      running: this.#isFolder && experiment
        ? await Promise.all(running.map((entry) => this.#progress(entry, experiment)))
        : [],
      failed: cells.filter(({ status }) => status === "failed").map(({ arm, seed, failure }) => ({
        arm: visibleText(arm),
        seed,
        failure: visibleText(failure ?? "no reason was recorded"),
      })),
    };
  }

  /** experiment.json, or the bundle's; null while there is none. @throws FailureError where it is damaged */
  async experiment(): Promise<ExperimentRecord | null> {
    const file = this.#isFolder ? "experiment.json" : "", { size, time } = this.#stampOf(file);
    if (time === 0) return null;
    const stamp = `${size} ${time}`;
    if (this.#experiment.stamp === stamp) return this.#experiment.record;
    if (this.#isFolder) checkInside(this.path, [file]);
    const record = this.#isFolder
      ? await readExperiment(join(this.path, file))
      : (await readLive(this.path)).experiment;
    this.#experiment = { stamp, record };
    return record;
  }

  /** All there is; null while there is nothing. @throws FailureError for records that are damaged or lie elsewhere */
  async results(): Promise<Results | null> {
    const experiment = await this.experiment();
    if (experiment === null) return null;
    if (this.#isFolder) {
      const cells = experiment.cells.map(({ folder }) => folder);
      const names = ["record.json", "steps.jsonl", "samples.jsonl"];
      checkInside(this.path, [...cells, ...cells.flatMap((cell) => names.map((name) => `${cell}/${name}`))]);
      checkInside(this.path, ["plan.json", "records.jsonl"]);
    }
    return await readLive(this.path);
  }

  /** Files by which a change shows. */
  #files(experiment: ExperimentRecord | null): string[] {
    if (!this.#isFolder) return [""];
    const cells = experiment?.cells.map(({ folder }) => folder) ?? [];
    return ["plan.json", "experiment.json", "records.jsonl"].concat(
      cells.flatMap((cell) => [`${cell}/record.json`, `${cell}/steps.jsonl`]),
    );
  }

  #stampOf(name: string): { readonly name: string; readonly size: number; readonly time: number } {
    try {
      const { size, mtimeMs } = statSync(join(this.path, name));
      return { name, size, time: mtimeMs };
    } catch {
      return { name, size: 0, time: 0 }; // whoever reads it says why it cannot be
    }
  }

  async #progress({ arm, seed, folder }: CellEntry, { config, arms }: ExperimentRecord): Promise<RunningCell> {
    const file = `${folder}/steps.jsonl`, { size, time } = this.#stampOf(file), stamp = `${size} ${time}`;
    checkInside(this.path, [folder, file]);
    const known = this.#steps.get(folder);
    const steps = known?.stamp === stamp ? known.steps : await readWholeSteps(join(this.path, file));
    this.#steps.set(folder, { stamp, steps });
    const field = (name: string) =>
      arms.find((one) => one.name === arm)?.overrides[`rl.${name}`] ?? config["rl"]?.[name];
    const updates = field("updates"), latest = steps.slice(-LATEST);
    const meanOf = (value: (step: StepRecord) => number) =>
      latest.length === 0 ? null : latest.reduce((sum, step) => sum + value(step), 0) / latest.length;
    return {
      arm: visibleText(arm),
      seed,
      updates: steps.length,
      of: typeof updates === "number" && !field("tokens") ? updates : null,
      reward: meanOf(({ rewards }) => rewards["total"]?.mean ?? 0),
      completionLength: meanOf(({ completionLength }) => completionLength),
    };
  }
}
