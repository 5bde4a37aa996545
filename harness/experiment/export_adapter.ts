// What exporting an adapter needs beside exporting a policy (export_policy.ts): the policy that it adapts, by the name that
// PEFT finds it by, or with the adapter merged into it. A policy that was warmed up has no name: it stays in the folder of
// its experiment, and only the whole can leave it.

import { availableParallelism } from "node:os";
import { FailureError, MisuseError } from "../base/errors.ts";
import type { Outcome } from "../contract.ts";
import type { Weights } from "../model/layout.ts";
import type { AdapterOptions } from "../model/lora.ts";
import { MergedAdapter } from "../model/merged_adapter.ts";
import { readPolicyWeights, weightsDigest } from "../model/policy.ts";
import type { PlanRecord } from "../records/plan_schema.ts";
import { initialDigest } from "../rl/match_proof.ts";
import type { FoundPolicy } from "./policies.ts";
import { warmedFolder } from "./warm_up_policy.ts";

/** What an adapter that is written alone says of itself. */
export interface AdapterBase {
  readonly adapter: AdapterOptions;
  /** The policy on the Hub and its commit, or the last part of where it lay. */
  readonly name: string;
  readonly revision: string | null;
}

/**
 * @param cell its name, for messages
 * @param merged a whole policy is wanted
 * @returns null where a whole policy is written
 * @throws MisuseError where there is no adapter to merge, or nobody could find the policy that it adapts
 */
export function checkAdapterExport(cell: string, { policy }: PlanRecord, merged: boolean): AdapterBase | null {
  const { name, base, adapter, warmUp } = policy;
  if (merged && !adapter) {
    throw new MisuseError(
      `Cannot merge the adapter of ${cell}: it trained all weights and has none … leave --merged out`,
    );
  }
  if (!adapter || merged) return null;
  if (warmUp) {
    throw new MisuseError(
      `Cannot export the adapter of ${cell} alone: it adapts the warmed-up policy, which is in no other place … ` +
        "write the whole policy with --merged",
    );
  }
  if (base !== undefined) {
    throw new MisuseError(
      `Cannot export the adapter of ${cell} alone: it adapts "${base}" with another adapter merged into it, which is in ` +
        "no other place … write the whole policy with --merged",
    );
  }
  const [, hub, revision = null] = /^([^/\\]+\/[^/\\]+)@([0-9a-f]{40})$/.exec(name) ?? [];
  return { adapter, name: hub ?? name.split(/[\\/]/).findLast((part) => part !== "") ?? name, revision };
}

/**
 * The weights that a cell began with, with its adapter merged into them: what the cell itself computed with, to the bit.
 * @param folder of the experiment
 * @param found the policy that the plan names
 * @throws FailureError where the weights are not those that the cell began with
 */
export async function mergedPolicy(
  folder: string,
  { plan: { policy: { adapter: options, warmUp } }, outcome, found, trained }: {
    readonly plan: PlanRecord;
    readonly outcome: Outcome;
    readonly found: FoundPolicy;
    /** A and B. */
    readonly trained: Weights;
  },
): Promise<Weights> {
  if (!options) throw new Error("Cannot merge: the cell has no adapter");
  const from = warmUp ? warmedFolder(folder) : found.folder;
  const policy = await readPolicyWeights(from, found.model, warmUp ? undefined : found.merged);
  if (initialDigest(weightsDigest(policy), options) !== outcome.match.weights) {
    throw new FailureError(`Cannot merge the adapter: "${from}" does not hold the weights that it was trained with`);
  }
  const adapter = await MergedAdapter.create(found.model, policy, options, {
    seed: 0,
    threads: availableParallelism(),
  });
  adapter.weights.data.set(trained.data);
  await adapter.merge();
  adapter.intoPolicy();
  await adapter.dispose();
  return policy;
}
