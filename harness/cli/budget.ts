// `--budget updates=120` or `--budget tokens=250000`: the budget of a cell as config fields.

import { MisuseError } from "../base/errors.ts";

const FIELDS = ["rl.updates", "rl.tokens"];

/**
 * The settings that a budget stands for, as --set has them. A budget of updates leaves none of tokens.
 * @throws MisuseError for text that is no budget, and where --set names the budget as well
 */
export function budgetSettings(budget: string | undefined, settings: readonly string[]): readonly string[] {
  if (budget === undefined) return [];
  const [, unit, count] = /^\s*(updates|tokens)\s*=\s*([1-9]\d{0,11})\s*$/.exec(budget) ?? [];
  if (unit === undefined) {
    throw new MisuseError(`Cannot use --budget ${budget}: it must look like updates=120 or tokens=250000`);
  }
  const twice = settings.find((setting) => FIELDS.includes(setting.split("=")[0]?.trim() ?? ""));
  if (twice !== undefined) {
    throw new MisuseError(`Cannot use --budget ${budget} with --set ${twice}: both set the budget … remove one`);
  }
  return unit === "updates" ? [`rl.updates=${count}`, "rl.tokens=0"] : [`rl.tokens=${count}`];
}
