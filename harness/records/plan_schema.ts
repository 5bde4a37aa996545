// The shape of plan.json: what an experiment will run and what is claimed of it, written and digested before anything
// runs. What was added later stands in `amendments`, each with a digest that chains on the one before, so that a report
// can tell what was planned from what was not.

import { z } from "zod";
import { DEVICES } from "../base/device_names.ts";
import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { isObject, readJsonFile } from "../base/json_file.ts";
import { halfSchema, SCHEMA_VERSION, taskStyle } from "./schema.ts";
import { checkStored, storedDigest } from "./store.ts";

const sha256Hex = () => z.string().regex(/^[0-9a-f]{64}$/);
const fieldValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const seeds = z.array(z.int().min(0)).min(1);

const plannedArm = z.strictObject({
  name: z.string(),
  summary: z.string(),
  overrides: z.record(z.string(), fieldValue).describe("config fields that define the arm, by dotted name"),
  file: sha256Hex().nullable().describe("SHA-256 of the file that defines it; null for an arm of Matchbox"),
});

/** What is claimed, before anything is known. */
const claim = z.strictObject({
  metric: z.enum(["accuracy", "passAtSamples"]).describe("of the final evaluation on test questions"),
  checkpoint: z.enum(["last", "best"]).describe("whose weights are evaluated: the last, or the best on validation"),
  against: z.string().nullable().describe("the arm that the others are compared with; null without trained arms"),
  margin: z.number().min(0).max(1).describe("least difference that matters, as a share"),
  family: z.array(z.string()).describe("the arms that are compared with it: one family of comparisons"),
  stopping: z.string().describe("when a cell, and when the experiment, ends"),
});

/** What is trained in place of the policy's weights, the same for all cells; see harness/model/lora.ts. */
export const adapterSchema = z.strictObject({
  rank: z.int().min(1),
  alpha: z.number().positive().describe("B A is scaled by alpha / rank"),
  targets: z.array(z.string()).min(1).describe("linear layers, by the last part of their names"),
});

/** A task as it is asked for: which, of which data, in which style. */
export const askedTaskSchema = z.strictObject({
  name: z.string(),
  version: z.int().min(0),
  data: sha256Hex(),
  file: sha256Hex().nullable().describe("SHA-256 of the file that defines it; null for a task of Matchbox"),
  ...taskStyle,
});

/** A policy as it was found, before anything is done to it. */
export const foundPolicySchema = z.strictObject({
  name: z.string(),
  base: z.string().exactOptional().describe("the policy that the named adapter is merged into; absent: it is none"),
  files: z.record(z.string(), sha256Hex()).describe("SHA-256 of weights, config and tokenizer files"),
});

const sweep = z.strictObject({
  field: z.string(),
  values: z.array(fieldValue).min(1),
  seeds,
  rule: z.string().describe("how the value of each arm is chosen"),
});

/** plan.json. */
export const planSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  kind: z.literal("matchbox.plan"),
  matchbox: z.string().describe("version"),
  task: askedTaskSchema,
  policy: foundPolicySchema.extend({
    warmUp: z.strictObject({
      updates: z.int().min(1),
      questions: z.int().min(1).describe("demonstrations of an update"),
      learningRate: z.number().positive().describe("peak"),
    }).optional().describe("supervised warm-up on the task's layout before any arm, the same for all"),
    adapter: adapterSchema.exactOptional().describe("LoRA: what is trained, the policy's weights being frozen"),
  }),
  profile: z.string(),
  device: z.enum(DEVICES),
  precision: halfSchema,
  config: z.record(z.string(), z.record(z.string(), fieldValue)).describe("before the arms' own fields"),
  arms: z.array(plannedArm).min(1),
  seeds,
  budget: z.string().describe("updates or tokens of a cell"),
  claim,
  sweep: sweep.nullable().describe("fair tuning: the same grid, budget and seeds for every trained arm"),
  digest: sha256Hex().describe("SHA-256 of the canonical JSON (RFC 8785) of all but `digest` and `amendments`"),
  amendments: z.array(z.strictObject({
    arms: z.array(plannedArm).min(1),
    seeds,
    digest: sha256Hex().describe("SHA-256 of the digest before and the canonical JSON of `arms` and `seeds`"),
  })).describe("cells that were added later: exploratory"),
});

/** Read-only through and through. */
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

export type PlanRecord = Frozen<z.output<typeof planSchema>>;
export type PlannedArm = Frozen<z.output<typeof plannedArm>>;
export type Claim = Frozen<z.output<typeof claim>>;
export type SweepRecord = Frozen<z.output<typeof sweep>>;
type Amendment = PlanRecord["amendments"][number];

/** The plan with its digest. */
export function sealPlan(plan: Omit<PlanRecord, "digest" | "amendments">): PlanRecord {
  return { ...plan, digest: sha256(canonicalJson(plan)), amendments: [] };
}

/** The plan with cells added to it. */
export function amendPlan(plan: PlanRecord, added: Omit<Amendment, "digest">): PlanRecord {
  const before = plan.amendments.at(-1)?.digest ?? plan.digest;
  const amendment = { ...added, digest: sha256(before, canonicalJson(added)) };
  return { ...plan, amendments: [...plan.amendments, amendment] };
}

/** A plan.json. @throws FailureError if it is missing, malformed, of an unknown version, or a digest does not hold */
export async function readPlan(path: string): Promise<PlanRecord> {
  return checkPlan(await readJsonFile(path), path);
}

/** The value as a plan. @throws FailureError as {@linkcode readPlan} does */
export function checkPlan(value: unknown, place: string): PlanRecord {
  const plan = checkStored("matchbox.plan", planSchema, value, place);
  const { digest: _, amendments, ...content } = isObject(value) ? value : {};
  const broken = plan.digest === storedDigest(content, place)
    ? brokenAmendment(plan.digest, amendments, place)
    : "digest";
  if (broken === null) return plan;
  throw new FailureError(`Cannot trust "${place}": ${broken} does not fit what the plan says … restore the file`);
}

/** Where the chain of stored amendments breaks; null: nowhere. */
function brokenAmendment(digest: string, amendments: unknown, place: string): string | null {
  let before = digest;
  for (const [i, amendment] of Array.isArray(amendments) ? amendments.entries() : []) {
    const { digest: own, ...added } = amendment;
    if (own !== storedDigest(added, place, before)) return `amendments.${i}.digest`;
    before = own;
  }
  return null;
}
