// Named sizes of an experiment, as data: what --profile stands for. Everything in them can be set one by one as well.

import { arms } from "../arms/registry.ts";
import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import type { ConfigInput } from "../config.ts";

/** What a profile sets; what it leaves out keeps the config's default. */
export interface Profile {
  readonly summary: string;
  readonly arms: readonly string[];
  readonly seeds: readonly number[];
  readonly config: ConfigInput;
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
};

/** The profile of that name. @throws MisuseError with the nearest name where there is none. */
export function findProfile(name: string): Profile {
  const found = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (found) return found;
  const names = Object.keys(profiles);
  throw new MisuseError(`Cannot find profile "${name}": the profiles are ${names.join(", ")}${suggest(name, names)}`);
}
