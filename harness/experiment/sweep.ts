// Fair tuning: what is tried for every trained arm, on the same seeds and with the same budget, and how one value is
// chosen. A method at its own best setting beside an untuned rival proves nothing. Pure functions; tune_arms.ts runs it.

import { checkArmFields } from "../arms/define_arm.ts";
import { MisuseError } from "../base/errors.ts";
import { type Config, findConfigField } from "../config.ts";
import { armConfig, overrideFields } from "../config_options.ts";
import type { Arm } from "../contract.ts";
import type { SweepRecord } from "../records/plan_schema.ts";
import type { CellRecord, FieldValue, Tuning } from "../records/schema.ts";

/** What to try. */
export interface SweepOptions {
  /** Dotted key of the config field. */
  readonly field: string;
  readonly values: readonly FieldValue[];
  /** Seeds of the tuning cells; none of them may be reported. */
  readonly seeds: readonly number[];
}

const RULE =
  "For each trained arm, the value with the best mean of greedy validation accuracy over the tuning seeds, " +
  "by the weights that would be tested; of equal values the smaller, or the earlier where they are not numbers";

/**
 * The sweep as the plan has it.
 * @param seeds of the reported cells
 * @throws MisuseError for a field that is unknown, shared by all arms or set by an arm itself, for values that it
 * refuses or that are too few, and for seeds that are reported too
 */
export function planSweep(
  { field, values, seeds: tuningSeeds }: SweepOptions,
  arms: readonly Arm[],
  config: Config,
  seeds: readonly number[],
): SweepRecord {
  const refuse = (why: string) => new MisuseError(`Cannot sweep ${field}: ${why}`);
  findConfigField(field, "--sweep");
  checkArmFields({ [field]: values[0] }, "--sweep");
  for (const value of values) overrideFields(config, { [field]: value }, "--sweep");
  if (new Set(values).size !== values.length) throw refuse("a value stands there twice … remove the duplicate");
  if (values.length < 2) throw refuse("one value leaves nothing to choose … give at least two, or use --set");
  const trained = arms.filter((arm) => arm.trains);
  if (trained.length === 0) throw refuse("no arm trains … add one with --arms");
  for (const arm of trained) {
    const { overrides } = arm, fields = typeof overrides === "function" ? overrides(config) : overrides;
    if (field in fields) throw refuse(`arm "${arm.name}" sets it itself … leave the arm or the sweep out`);
  }
  const reported = tuningSeeds.find((seed) => seeds.includes(seed));
  if (reported !== undefined) {
    throw refuse(`seed ${reported} is among the reported ones … choose other seeds with --sweep-seeds`);
  }
  return { field, values, seeds: tuningSeeds, rule: RULE };
}

/** The config of an arm's cell with a value of the sweep; an arm that does not train takes none. */
export function sweptConfig(config: Config, arm: Arm, sweep: SweepRecord | null, value: FieldValue): Config {
  const tuned = sweep && arm.trains ? overrideFields(config, { [sweep.field]: value }, "--sweep") : config;
  return armConfig(tuned, arm);
}

/** Validation accuracy of a tuning cell's final weights; null where it did not finish. */
export function validationAccuracy({ outcome }: CellRecord): number | null {
  const evaluation = outcome?.evaluations.find(({ split, mode, step }) =>
    split === "validation" && mode === "greedy" && step === outcome.evaluatedStep
  );
  return evaluation?.accuracy ?? null;
}

/** Sums of the same shares in another order differ by less, and are no difference. */
const ROUNDING = 1e-9;

/** The value to take, by the rule; null while one of them has no accuracy. */
export function chooseValue(tried: readonly Pick<Tuning["arms"][number]["tried"][number], "value" | "accuracy">[]) {
  let best: { readonly value: FieldValue; readonly accuracy: number } | null = null;
  for (const { value, accuracy } of tried) {
    if (accuracy === null) return null;
    const gain = best ? accuracy - best.accuracy : Infinity;
    const smaller = typeof value === "number" && typeof best?.value === "number" && value < best.value;
    if (gain > ROUNDING || (gain > -ROUNDING && smaller)) best = { value, accuracy };
  }
  return best?.value ?? null;
}
