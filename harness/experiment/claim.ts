// What is claimed of an experiment before it runs: the metric, the comparison, the margin, the stopping rule.

import { MisuseError } from "../base/errors.ts";
import type { Config } from "../config.ts";
import type { Arm } from "../contract.ts";
import type { Claim } from "../records/plan_schema.ts";

/** What may be said of the claim; null: the default, or what the plan in the folder says. */
export interface ClaimOptions {
  /** The arm that the others are compared with; by default plain GRPO, else the first that trains. */
  readonly against?: string | null;
  /** Least difference that matters, in percentage points; 2 by default. */
  readonly margin?: number | null;
  /** Of the final evaluation; accuracy by default. */
  readonly metric?: Claim["metric"] | null;
}

const DEFAULT_AGAINST = "grpo";

/** The claim about these arms. @throws MisuseError for one that the arms or the config do not allow */
export function claimOf(arms: readonly Arm[], config: Config, options: ClaimOptions): Claim {
  const trained = arms.filter((arm) => arm.trains).map((arm) => arm.name);
  const usual = trained.includes(DEFAULT_AGAINST) ? DEFAULT_AGAINST : trained[0] ?? null;
  const against = options.against ?? usual, margin = options.margin ?? 2, metric = options.metric ?? "accuracy";
  if (against !== null && !arms.some((arm) => arm.name === against)) {
    throw new MisuseError(`Cannot compare with --against ${against}: it is not among the arms … add it to --arms`);
  }
  if (!(margin >= 0 && margin <= 100)) {
    throw new MisuseError(`Cannot use --margin ${margin}: it must be a number of percentage points from 0 to 100`);
  }
  if (metric === "passAtSamples" && config.evaluation.samples === 0) {
    throw new MisuseError(
      "Cannot use --metric pass: evaluation.samples is 0 … set it, e.g. --set evaluation.samples=16",
    );
  }
  return {
    metric,
    checkpoint: config.evaluation.checkpoint,
    against,
    margin: margin / 100,
    family: trained.filter((name) => name !== against),
    stopping: `Each cell ends after ${budgetOf(config)}, and the experiment after the cells of this plan, ` +
      "whatever they show; what is added later stands apart as an amendment",
  };
}

/** The budget of a cell in words. */
export function budgetOf({ rl }: Config): string {
  return rl.tokens > 0 ? `${rl.tokens} tokens` : `${rl.updates} updates`;
}
