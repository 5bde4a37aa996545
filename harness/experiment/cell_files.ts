// The folder of a running cell, fed with its events. steps.jsonl grows line by line, so that whatever ends the cell
// leaves what was done; samples.jsonl and record.json are written whole when it ends. A cell that is resumed says after
// how many updates, and steps.jsonl is cut to them; before it has said where it begins, nothing is thrown away.

import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import { sha256 } from "../base/digest.ts";
import type { CellEvent, EvaluationRecord, StepRecord } from "../contract.ts";
import type { CellRecord } from "../records/schema.ts";
import { readWholeSteps, recordLine, recordText, stepChain } from "../records/store.ts";

const NO_STEPS = sha256("");

type CellEnd = Extract<CellEvent, { type: "finished" | "failed" | "stopped" }>;

/** Takes a cell's events, writes them, and adds up what its record needs. */
export class CellFiles {
  evaluations: EvaluationRecord[] = [];
  updates = 0;
  rolloutSeconds = 0;
  updateSeconds = 0;
  /** Seconds of the steps that were taken over from an earlier run. */
  secondsBefore = 0;
  /** Chained digest of the steps. */
  chain = NO_STEPS;
  /** The event that ended the cell, once there was one. */
  end: CellEnd | null = null;
  #earlier: readonly StepRecord[] = [];
  #samples: string[] = [];
  #steps: number | null = null;

  constructor(private readonly folder: string) {}

  /**
   * Makes the folder and reads how far an earlier run came.
   * @param evaluations that an earlier record of the cell has.
   * @returns whole lines of steps.jsonl
   * @throws FailureError where that cannot be done
   */
  async open(evaluations: readonly EvaluationRecord[]): Promise<number> {
    this.#attempt(this.folder, () => mkdirSync(this.folder, { recursive: true }));
    this.#earlier = await readWholeSteps(this.#path("steps.jsonl"));
    this.evaluations = [...evaluations];
    for (const step of this.#earlier) this.#count(step);
    return this.#earlier.length;
  }

  /** @throws FailureError if a file cannot be written */
  async take(event: CellEvent): Promise<void> {
    if (event.type === "resumed") await this.#begin(event.step, event.evaluations);
    else if (event.type === "step") {
      const steps = this.#steps ?? await this.#begin(0, []);
      this.#attempt(this.#path("steps.jsonl"), () => writeFileSync(steps, recordLine(event.record)));
      this.#count(event.record);
    } else if (event.type === "evaluation") {
      if (this.#steps === null) await this.#begin(0, []);
      this.evaluations.push(event.record);
    } else if (event.type === "sample") this.#samples.push(recordLine(event.record));
    else if (event.type === "finished" || event.type === "failed" || event.type === "stopped") this.end = event;
  }

  /** Writes what has not been written; what was done before stays if the cell did not begin. @throws FailureError */
  async close(): Promise<void> {
    if (this.#steps === null && this.#earlier.length > 0) return;
    if (this.#steps === null) await this.#begin(0, []);
    this.release();
    await writeFileAtomic(this.#path("samples.jsonl"), this.#samples.join(""));
  }

  /** Closes steps.jsonl, and writes nothing. */
  release(): void {
    if (this.#steps !== null) closeSync(this.#steps);
    this.#steps = null;
  }

  /** @throws FailureError */
  writeRecord(record: CellRecord): Promise<void> {
    return writeFileAtomic(this.#path("record.json"), recordText(record));
  }

  /** @throws FailureError */
  removeCheckpoints(): void {
    const path = this.#path("checkpoints");
    this.#attempt(path, () => rmSync(path, { recursive: true, force: true }));
  }

  /** Opens steps.jsonl with the first `step` of its earlier lines. */
  async #begin(step: number, evaluations: readonly EvaluationRecord[]): Promise<number> {
    if (this.#steps !== null || step > this.#earlier.length) throw new Error(`Cannot resume after ${step} updates now`);
    const path = this.#path("steps.jsonl"), kept = this.#earlier.slice(0, step);
    await writeFileAtomic(path, kept.map(recordLine).join(""));
    const steps = this.#attempt(path, () => openSync(path, "a"));
    this.#steps = steps;
    this.evaluations = [...evaluations];
    [this.updates, this.rolloutSeconds, this.updateSeconds, this.chain] = [0, 0, 0, NO_STEPS];
    for (const record of kept) this.#count(record);
    this.secondsBefore = this.rolloutSeconds + this.updateSeconds;
    return steps;
  }

  #count(record: StepRecord): void {
    this.updates = record.step;
    this.rolloutSeconds += record.timing.rolloutSeconds;
    this.updateSeconds += record.timing.updateSeconds;
    this.chain = stepChain(this.chain, record);
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  #attempt<T>(path: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw fileError("write to", path, error);
    }
  }
}
