// Named sizes of an experiment, as data: what --profile stands for. Everything in them can be set one by one as well.

import { arms } from "../arms/registry.ts";
import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import { type ConfigInput, parseConfig } from "../config.ts";
import { aimoRecipe, gsm8kRecipe, recipeConfig, type RecipeRow } from "./paper_profiles.ts";

/** What a profile sets; what it leaves out keeps the config's default. */
export interface Profile {
  readonly summary: string;
  /** The task that it is for; any, if none is named. */
  readonly task?: string;
  /** Its policy; the one that ships, if none is named. */
  readonly policy?: string;
  readonly arms: readonly string[];
  readonly seeds: readonly number[];
  readonly config: ConfigInput;
  /** Field by field what a paper's runs had, where the profile repeats them. */
  readonly recipe?: readonly RecipeRow[];
}

/** All profiles by name. */
export const profiles: Readonly<Record<string, Profile>> = {
  smoke: {
    summary: "does everything work: seconds",
    arms: ["base", "grpo", "memory-r+"],
    seeds: [0],
    config: {
      rl: { updates: 6 },
      evaluation: { every: 3, validationItems: 32, testItems: 32 },
    },
  },
  quick: {
    summary: "three arms learn: minutes on 2 cores",
    arms: ["grpo", "memory-r+", "explore-novelty"],
    seeds: [0, 1, 2],
    config: {
      rl: { updates: 120 },
      evaluation: { every: 20, validationItems: 256, testItems: 256 },
    },
  },
  full: {
    summary: "all arms: hours",
    arms: arms.map((arm) => arm.name),
    seeds: [0, 1, 2, 3, 4, 5, 6, 7],
    config: {
      rl: { updates: 120 },
      evaluation: { every: 20, validationItems: 256, testItems: 512 },
    },
  },
  "paper": paperProfile("Memory-R+ on GSM8K as in the paper: a GPU's work", gsm8kRecipe),
  "paper-aimo": paperProfile("the same on NuminaMath-TIR", aimoRecipe),
};

function paperProfile(summary: string, recipe: readonly RecipeRow[]): Profile {
  const said = (field: string) => String(recipe.find((row) => row.field === field)?.value);
  return {
    summary,
    task: said("task"),
    policy: said("policy"),
    arms: said("arms").split(", "),
    seeds: said("seeds").split(", ").map(Number),
    config: parseConfig(recipeConfig(recipe), "the paper's recipe"),
    recipe,
  };
}

/** The profile of that name. @throws MisuseError with the nearest name where there is none. */
export function findProfile(name: string): Profile {
  const found = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (found) return found;
  const names = Object.keys(profiles);
  throw new MisuseError(`Cannot find profile "${name}": the profiles are ${names.join(", ")}${suggest(name, names)}`);
}
