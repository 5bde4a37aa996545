// The folder of a running cell, fed with its events. steps.jsonl grows line by line, so that whatever ends the cell
// leaves what was done; samples.jsonl and record.json are written whole when it ends.

import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import type { CellEvent, EvaluationRecord } from "../contract.ts";
import type { CellRecord } from "../records/schema.ts";
import { recordLine, recordText } from "../records/store.ts";

/** Takes a cell's events, writes them, and adds up what its record needs. */
export class CellFiles {
  readonly evaluations: EvaluationRecord[] = [];
  updates = 0;
  rolloutSeconds = 0;
  updateSeconds = 0;
  /** The event that ended the cell, once there was one. */
  end: Extract<CellEvent, { type: "finished" | "failed" }> | null = null;
  #samples: string[] = [];
  #steps: number | null = null;

  constructor(private readonly folder: string) {}

  /** Makes the folder, which must hold no steps yet. @throws FailureError where that cannot be done */
  open(): void {
    this.#attempt(this.folder, () => {
      mkdirSync(this.folder, { recursive: true });
      this.#steps = openSync(join(this.folder, "steps.jsonl"), "wx");
    });
  }

  /** @throws FailureError if a step cannot be written */
  take(event: CellEvent): void {
    if (event.type === "step") {
      const { record } = event, steps = this.#steps;
      if (steps === null) throw new Error("Cannot take a step: the cell's files are not open");
      this.#attempt(join(this.folder, "steps.jsonl"), () => writeFileSync(steps, recordLine(record)));
      this.updates = record.step;
      this.rolloutSeconds += record.timing.rolloutSeconds;
      this.updateSeconds += record.timing.updateSeconds;
    } else if (event.type === "evaluation") this.evaluations.push(event.record);
    else if (event.type === "sample") this.#samples.push(recordLine(event.record));
    else if (event.type !== "phase") this.end = event;
  }

  /** Closes steps.jsonl and writes samples.jsonl, if ever opened. @throws FailureError */
  async close(): Promise<void> {
    if (this.#steps === null) return;
    closeSync(this.#steps);
    this.#steps = null;
    await writeFileAtomic(join(this.folder, "samples.jsonl"), this.#samples.join(""));
  }

  /** @throws FailureError */
  writeRecord(record: CellRecord): Promise<void> {
    return writeFileAtomic(join(this.folder, "record.json"), recordText(record));
  }

  #attempt(path: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      throw fileError("write to", path, error);
    }
  }
}
