// The way in for an arm of one's own: a file that exports defineArm({ … }), given as --arm-file. It is checked for what a
// type checker does not see: names that become folders, config keys, values out of range. tests/examples/my_arm.ts is a
// worked example; the arms that ship hold to the same, which a test checks.

import { MisuseError } from "../base/errors.ts";
import { isObject } from "../base/json_file.ts";
import { checkName } from "../base/legal_name.ts";
import { armConfig, defaultConfig } from "../config_options.ts";
import type { Arm, ConfigFields } from "../contract.ts";

/** What all arms of an experiment share, or there is nothing to compare: groups and single fields. */
const shared = ["task", "evaluation", "collapse", "rl.updates", "rl.tokens"];

/** @throws MisuseError where the fields are not an arm's to set. @param where the arm, for the message. */
export function checkArmFields(fields: ConfigFields, where: string): void {
  for (const key of Object.keys(fields)) {
    if (!shared.some((one) => key === one || key.startsWith(`${one}.`))) continue;
    throw new MisuseError(
      `Cannot use config key "${key}" (${where}): questions, evaluation and budget are the same for all arms; ` +
        `set it for the whole experiment, with --set ${key}=…`,
    );
  }
}

/**
 * The arm, checked.
 * @throws MisuseError for a name that is missing or not letters, digits and + - . _, a missing summary, `trains` that is
 * no boolean, overrides that are no mapping or hold a key or value that the config refuses, a shaper that is no function
 */
export function defineArm(arm: Arm): Arm {
  const given: Readonly<Record<string, unknown>> = { ...arm }; // what a file without types may hold
  checkName("arm", given["name"]);
  const refuse = (what: string) => new MisuseError(`Cannot define arm "${arm.name}": ${what}`);
  const found = (field: string) => `${field} is ${JSON.stringify(given[field]) ?? typeof given[field]}`;
  if (typeof given["summary"] !== "string" || given["summary"].trim() === "") {
    throw refuse(`${found("summary")}, must be a text that is not empty`);
  }
  if (typeof given["trains"] !== "boolean") throw refuse(`${found("trains")}, must be true or false`);
  if (given["shaper"] !== undefined && typeof given["shaper"] !== "function") {
    throw refuse(`${found("shaper")}, must be a function or left out`);
  }
  if (typeof given["overrides"] !== "function" && !isObject(given["overrides"])) {
    throw refuse(`${found("overrides")}, must be a mapping of config keys to values, {} for none, or a function`);
  }
  const fields: unknown = typeof arm.overrides === "function" ? arm.overrides(defaultConfig) : arm.overrides;
  if (!isObject(fields)) throw refuse("overrides returns no mapping of config keys to values");
  checkArmFields(fields, `arm "${arm.name}"`);
  armConfig(defaultConfig, arm);
  return arm;
}
