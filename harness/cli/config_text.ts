// What `bench --print-config` shows: every field as this command has it, and for a profile that repeats a paper's runs
// beside it what the paper had, where that is said, and why the two differ.

import { type Config, configFields } from "../config.ts";
import type { RecipeRow } from "../experiment/paper_profiles.ts";
import { alignColumns } from "./format.ts";

/** What a command comes to. */
export interface Resolved {
  readonly task: string;
  readonly policy: string;
  readonly arms: readonly string[];
  readonly seeds: readonly number[];
  readonly prompt: string;
  readonly config: Config;
}

/** The table. @param recipe what to show beside the values; none: the defaults */
export function configText(resolved: Resolved, recipe: readonly RecipeRow[] = []): string {
  const { config, arms, seeds, task, policy, prompt } = resolved;
  const named = new Map<string, string>([
    ...Object.entries({ task, policy, arms: arms.join(", "), seeds: seeds.join(", "), prompt }),
    ...Object.entries(config).flatMap(([group, fields]) =>
      Object.entries(fields).map(([name, value]) => [`${group}.${name}`, String(value)] as const)
    ),
  ]);
  const defaults = new Map(configFields.map(({ key, default: value }) => [key, String(value)]));
  const rows = new Map(recipe.map((row) => [row.field, row]));
  const fields = [...new Set([...recipe.map(({ field }) => field), ...named.keys()])];
  if (recipe.length === 0) {
    const lines = fields.map((field) => [field, named.get(field) ?? "", defaults.get(field) ?? ""]);
    return alignColumns([["field", "value", "default"], [], ...lines], 3);
  }
  const lines = fields.map((field) => {
    const row = rows.get(field), value = named.get(field) ?? String(row?.value);
    if (!row) return [field, value, "-", "not of the paper"];
    const paper = row.paper === null ? "not known" : String(row.paper) === value ? "same" : `! ${row.paper}`;
    return [field, value, paper, [row.source, row.note].filter(Boolean).join(": ")];
  });
  return `${alignColumns([["field", "value", "paper", "said in: note"], [], ...lines], 4)}\n\n` +
    "! differs from the paper's runs. v1: arXiv 2504.02273v1; code: github.com/thaihungle/Memory-R at a193f4f;\n" +
    "TRL: defaults of TRL 0.14.0, which the code pins; derived: follows from the others.";
}
