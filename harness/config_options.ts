// How a config comes about: layers over the defaults, each checked on its own so that a message names where the bad
// value stands. The order is the caller's: defaults < the task's < profile < config file < --set < the arm's own fields.
// Files are not read here; see harness/cli/config_file.ts.

import { MisuseError } from "./base/errors.ts";
import { type Config, type ConfigField, configSchema, findConfigField, parseConfig } from "./config.ts";

/**
 * The config with some fields replaced.
 * @param values nested, as in a config file: `{ rl: { learningRate: 1e-5 } }`.
 * @param where whence they come, for the message.
 * @throws MisuseError for unknown keys and for values out of range.
 */
export function overrideConfig(config: Config, values: unknown, where: string): Config {
  parseConfig(values, where);
  const merged: Record<string, unknown> = { ...config };
  for (const [group, fields] of Object.entries(Object(values))) {
    merged[group] = { ...Object(merged[group]), ...Object(fields) };
  }
  return parseConfig(merged, where);
}

/** {@linkcode overrideConfig} with dotted keys, as arms have them: `{ "rl.advantage": "mean" }`. */
export function overrideFields(config: Config, fields: Readonly<Record<string, unknown>>, where: string): Config {
  const nested: Record<string, Record<string, unknown>> = {};
  for (const [key, value] of Object.entries(fields)) {
    findConfigField(key, where);
    const [group = "", name = ""] = key.split(".");
    (nested[group] ??= {})[name] = value;
  }
  return overrideConfig(config, nested, where);
}

/**
 * The config with `key=value` settings applied, each value read as its field's type.
 * @throws MisuseError for a setting without "=", an unknown or repeated key, or a value that the field refuses.
 */
export function applySettings(config: Config, settings: readonly string[]): Config {
  const fields: Record<string, unknown> = {};
  for (const setting of settings) {
    const { key, value } = readSetting(setting, "--set");
    if (key in fields) throw new MisuseError(`Cannot use --set ${setting}: ${key} is set twice`);
    fields[key] = value;
  }
  return overrideFields(config, fields, "--set");
}

/**
 * One `key=value` with the value as its field's type, whose range is not checked here.
 * @param where whence it comes, for the message.
 * @throws MisuseError for a setting without "=" and for an unknown key.
 */
export function readSetting(setting: string, where: string): { readonly key: string; readonly value: unknown } {
  const at = setting.indexOf("=");
  if (at < 1) {
    throw new MisuseError(`Cannot use ${where} ${setting}: it must look like key=value, e.g. rl.learningRate=1e-5`);
  }
  const field = findConfigField(setting.slice(0, at).trim(), where);
  return { key: field.key, value: readValue(field, setting.slice(at + 1).trim()) };
}

/** What does not read as the field's type stays text, which the schema then refuses with the allowed range. */
function readValue(field: ConfigField, text: string): unknown {
  if (field.type === "boolean" && /^(true|false)$/.test(text)) return text === "true";
  const numeric = field.type === "number" || field.type === "integer";
  return numeric && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : text;
}

/** The config that an arm trains with. */
export function armConfig(config: Config, { name, overrides }: ArmFields): Config {
  const fields = typeof overrides === "function" ? overrides(config) : overrides;
  return overrideFields(config, fields, `arm "${name}"`);
}

/** What an arm says of the config; harness/contract.ts has the whole arm. */
interface ArmFields {
  readonly name: string;
  readonly overrides: Readonly<Record<string, unknown>> | ((config: Config) => Readonly<Record<string, unknown>>);
}

/** All defaults. */
export const defaultConfig: Config = parseConfig({} satisfies Parameters<typeof configSchema.parse>[0], "defaults");
