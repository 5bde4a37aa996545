// What is asked for beside what the folder already holds. A new folder gets the plan as it is; the same plan is gone on
// with; other arms or seeds are appended as an amendment; any other difference is refused by name, because cells that
// differ in it are not matched.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { FailureError, MisuseError } from "../base/errors.ts";
import { readJsonFile } from "../base/json_file.ts";
import { changes } from "../records/differences.ts";
import { amendPlan, checkPlan, type PlannedArm, type PlanRecord } from "../records/plan_schema.ts";
import { SCHEMA_VERSION } from "../records/schema.ts";
import type { ClaimOptions } from "./claim.ts";
import { isTransient } from "./folder_lock.ts";
import type { ExperimentPlan } from "./plan.ts";

export const PLAN_FILE = "plan.json";

/** A cell by name; `amendment` is 0 for a cell of the plan itself, else the number of the amendment that added it. */
export interface NamedCell {
  readonly arm: string;
  readonly seed: number;
  readonly amendment: number;
}

/** All cells of a plan in the order in which they were planned, each once. */
export function namedCells({ arms, seeds, amendments }: PlanRecord): NamedCell[] {
  const cells = new Map<string, NamedCell>();
  for (const [amendment, part] of [{ arms, seeds }, ...amendments].entries()) {
    for (const { name } of part.arms) {
      for (const seed of part.seeds) {
        const key = `${seed} ${name}`;
        if (!cells.has(key)) cells.set(key, { arm: name, seed, amendment });
      }
    }
  }
  return [...cells.values()];
}

/** All arms of a plan, each once. */
export function namedArms({ arms, amendments }: PlanRecord): PlannedArm[] {
  const all = [...arms, ...amendments.flatMap((amendment) => amendment.arms)];
  return all.filter((arm, i) => all.findIndex(({ name }) => name === arm.name) === i);
}

/**
 * The plan that the folder will have.
 * @throws MisuseError for a folder that is not an experiment's, or whose experiment differs in more than arms and seeds
 */
export async function settlePlan(asked: ExperimentPlan): Promise<PlanRecord> {
  const { out, record } = asked, path = join(out, PLAN_FILE);
  if (!existsSync(path)) {
    const foreign = existsSync(out) ? readdirSync(out).find((name) => !isTransient(name)) : undefined;
    if (foreign === undefined) return record;
    throw new MisuseError(
      `Cannot write to "${out}": it holds ${foreign} and no ${PLAN_FILE} … choose another folder with --out`,
    );
  }
  const before = await readOwnPlan(path).catch((error) => {
    if (!(error instanceof FailureError)) throw error;
    throw new MisuseError(`${error.message}, or choose another folder with --out`, { cause: error });
  });
  const shared = namedArms(before).filter(({ name }) => record.arms.some((arm) => arm.name === name));
  const compare = (plan: PlanRecord) => comparable(plan, shared.map(({ name }) => name), asked.claim);
  const found = changes(compare(before), compare(record));
  if (found.length > 0) {
    throw new MisuseError(
      `Cannot go on with the experiment in "${out}": ${found.join("; ")} … ask for what it was, or choose another ` +
        "folder with --out",
    );
  }
  const known = new Set(namedCells(before).map(({ arm, seed }) => `${seed} ${arm}`));
  const all = namedCells(record).every(({ arm, seed }) => known.has(`${seed} ${arm}`));
  return all ? before : amendPlan(before, { arms: record.arms, seeds: record.seeds });
}

/** The plan, if it can be gone on with: one of an older schema version would get cells that differ from its own. */
async function readOwnPlan(path: string): Promise<PlanRecord> {
  const stored = await readJsonFile(path), plan = checkPlan(stored, path);
  if (stored.schemaVersion === SCHEMA_VERSION) return plan;
  throw new FailureError(
    `Cannot go on with "${path}": it has schema version ${stored.schemaVersion}, and cells are now written in ` +
      `${SCHEMA_VERSION} … use the version of Matchbox that wrote it`,
  );
}

/** What must be equal: all but labels, arms that one of the plans lacks, and what was not said of the claim. */
function comparable(plan: PlanRecord, shared: readonly string[], said: ClaimOptions): Record<string, unknown> {
  const { matchbox, task, policy, device, precision = "float32", config, sweep, claim } = plan;
  const arms = namedArms(plan).filter(({ name }) => shared.includes(name));
  return {
    matchbox,
    task,
    policy: policy.files,
    warmUp: policy.warmUp,
    adapter: policy.adapter,
    device,
    precision,
    config,
    sweep,
    arms: Object.fromEntries(arms.map(({ name, overrides, file }) => [name, { overrides, file }])),
    claim: {
      ...(typeof said.against === "string" ? { against: claim.against } : {}),
      ...(typeof said.margin === "number" ? { margin: claim.margin } : {}),
      ...(typeof said.metric === "string" ? { metric: claim.metric } : {}),
    },
  };
}
