// An arm with some config fields of its own, written behind its name: "memory-r+:order=as-released", "cosine:unit=chars",
// "grpo:rl.advantage=mean:rl.loss=dr_grpo". The whole text is the variant's name, so that records and tables say what ran.

import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import { configFields } from "../config.ts";
import { armConfig, defaultConfig, readSetting } from "../config_options.ts";
import type { Arm, ConfigFields } from "../contract.ts";
import { checkArmFields } from "./define_arm.ts";

/**
 * The arm with `field=value` settings over its own. A field may go without its group where only one group has it.
 * @throws MisuseError for a setting that is unknown, ambiguous, repeated, out of range or not an arm's to make, and for
 * a value that does not fit a name
 */
export function armVariant(arm: Arm, settings: readonly string[]): Arm {
  const parts = settings.map((setting) => setting.split("=").map((part) => part.trim()).join("="));
  const name = [arm.name, ...parts].join(":"), where = `arm "${name}"`;
  const fields: Record<string, unknown> = {};
  for (const part of parts) {
    if (!/^[\w.]+=[A-Za-z0-9+._-]+$/.test(part)) {
      throw new MisuseError(
        `Cannot use ${where}: "${part}" must look like field=value, e.g. order=as-released, ` +
          "with letters, digits and + - . _ for a value; set anything else with --set",
      );
    }
    const { key, value } = readSetting(part.replace(/^\w+(?==)/, (field) => fullKey(field, where)), where);
    if (key in fields) throw new MisuseError(`Cannot use ${where}: ${key} is set twice`);
    fields[key] = value;
  }
  checkArmFields(fields, where);
  const { overrides } = arm;
  const variant: Arm = {
    ...arm,
    name,
    summary: `${arm.summary}; ${parts.join(", ")}`,
    overrides: typeof overrides === "function"
      ? (config): ConfigFields => ({ ...overrides(config), ...fields })
      : { ...overrides, ...fields },
  };
  armConfig(defaultConfig, variant);
  return variant;
}

/** The dotted key of a field named without its group. @throws MisuseError with the nearest where no group has it */
function fullKey(field: string, where: string): string {
  const keys = configFields.map(({ key }) => key).filter((key) => key.endsWith(`.${field}`));
  if (keys.length > 1) {
    throw new MisuseError(`Cannot use ${where}: "${field}" is one of ${keys.join(", ")}; write which`);
  }
  if (keys[0] !== undefined) return keys[0];
  const names = configFields.map(({ key }) => key.slice(key.indexOf(".") + 1));
  throw new MisuseError(`Cannot use ${where}: there is no config field "${field}"${suggest(field, names)}`);
}
