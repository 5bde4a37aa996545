// experiment.json as it grows: where each cell of the folder stands, what the arms come to, and whether the cells match.
// All of it follows from plan.json and the cells' records, but for a few counters: a file that is lost is made anew.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic_file.ts";
import { FailureError } from "../base/errors.ts";
import { proveMatch } from "../records/match.ts";
import { METRICS } from "../records/metrics.ts";
import type { PlanRecord } from "../records/plan_schema.ts";
import { type ExperimentRecord, experimentSchema, SCHEMA_VERSION, type Tuning } from "../records/schema.ts";
import { check, readExperiment, recordText } from "../records/store.ts";
import { findCell, type FoundCell } from "./found_cell.ts";
import { type ExperimentPlan } from "./plan.ts";
import { cellFolder, type PlannedCell } from "./plan_cells.ts";
import { namedArms, namedCells } from "./settle_plan.ts";
import { armSummaries } from "./summary.ts";

/** Where each cell of an experiment stands. */
export class ExperimentState {
  #saved: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly plan: ExperimentPlan,
    private readonly settled: PlanRecord,
    private readonly tuning: Tuning | null,
    private readonly cells: Map<string, FoundCell>,
    private readonly startedAt: string,
    private readonly seconds: () => number,
  ) {}

  /**
   * From what the folder holds. An experiment.json that cannot be read is made anew: the records say the same.
   * @param begun when this run began, by the calendar and by performance.now()
   */
  static async read(
    plan: ExperimentPlan,
    settled: PlanRecord,
    tuning: Tuning | null,
    begun: { readonly at: Date; readonly clock: number },
  ): Promise<ExperimentState> {
    const path = join(plan.out, "experiment.json");
    const before = !existsSync(path) ? null : await readExperiment(path).catch((error) => {
      if (error instanceof FailureError) return null;
      throw error;
    });
    const specs = new Map(plan.cells.map(({ folder, spec }) => [folder, spec]));
    const cells = new Map<string, FoundCell>();
    for (const cell of namedCells(settled)) {
      const folder = cellFolder(cell.arm, cell.seed);
      const entry = before?.cells.find((entry) => entry.folder === folder);
      cells.set(folder, await findCell(plan.out, cell, entry, specs.get(folder)?.config ?? null));
    }
    const secondsBefore = before?.seconds ?? 0;
    return new ExperimentState(
      plan,
      settled,
      tuning,
      cells,
      before?.startedAt ?? begun.at.toISOString(),
      () => secondsBefore + (performance.now() - begun.clock) / 1000,
    );
  }

  found({ folder }: PlannedCell): FoundCell {
    const found = this.cells.get(folder);
    if (!found) throw new Error(`Cannot find the cell ${folder}: the plan in the folder does not have it`);
    return found;
  }

  /** Takes over where a cell stands and writes it. @throws FailureError */
  async save(cell: PlannedCell, now: FoundCell): Promise<void> {
    this.cells.set(cell.folder, now);
    await this.#write(() => this.#current("running"));
  }

  /** Writes how the experiment ended. @throws FailureError */
  end(): Promise<ExperimentRecord> {
    const states = [...this.cells.values()].map(({ entry }) => entry.status);
    const status = states.every((state) => state === "finished")
      ? "finished"
      : states.includes("failed")
      ? "failed"
      : "interrupted";
    return this.#write(() => this.#current(status));
  }

  /** One after the other: the last state must win. */
  #write(make: () => ExperimentRecord): Promise<ExperimentRecord> {
    const saved = this.#saved.then(async () => {
      const record = make();
      await writeFileAtomic(join(this.plan.out, "experiment.json"), recordText(record));
      return record;
    });
    this.#saved = saved.catch(() => {}); // whoever asked for it hears of it
    return saved;
  }

  #current(status: ExperimentRecord["status"]): ExperimentRecord {
    const { plan, settled } = this, { file: _, ...task } = settled.task, found = [...this.cells.values()];
    const entries = found.map(({ entry }) => entry);
    const proven = found.flatMap(({ entry: { arm, seed, status }, record }) =>
      status === "finished" && record?.outcome ? [{ arm, seed, outcome: record.outcome }] : []
    );
    return check(experimentSchema, {
      schemaVersion: SCHEMA_VERSION,
      kind: "matchbox.experiment",
      status,
      plan: settled.digest,
      command: plan.command,
      startedAt: this.startedAt,
      seconds: this.seconds(),
      task,
      policy: settled.policy.name,
      profile: settled.profile,
      device: settled.device,
      jobs: plan.jobs,
      threads: plan.threads,
      config: settled.config,
      arms: namedArms(settled).map(({ name, summary, overrides }) => ({ name, summary, overrides })),
      seeds: [...new Set(entries.map(({ seed }) => seed))],
      metrics: METRICS,
      cells: entries,
      tuning: this.tuning,
      match: proveMatch(proven, settled.claim.against),
      summary: armSummaries(entries),
    }, "experiment.json");
  }
}
