// The arms that ship, in the order in which help and tables list them: the paper's, its memory's variants, exploration
// alone, controls, rivals. Nothing below this room knows one by name.

import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import type { Arm } from "../contract.ts";
import { armVariant } from "./arm_variant.ts";
import { base } from "./base.ts";
import { bigGroup } from "./big_group.ts";
import { correctnessX2 } from "./correctness_x2.ts";
import { cosine } from "./cosine.ts";
import { drGrpo } from "./dr_grpo.ts";
import { dynamicSampling } from "./dynamic_sampling.ts";
import { exploreAll } from "./explore_all.ts";
import { exploreEntropy } from "./explore_entropy.ts";
import { exploreLexical } from "./explore_lexical.ts";
import { exploreNovelty } from "./explore_novelty.ts";
import { formatFree } from "./format_free.ts";
import { gdpo } from "./gdpo.ts";
import { grpo } from "./grpo.ts";
import { memoryR } from "./memory_r.ts";
import { memoryRPlus } from "./memory_r_plus.ts";
import { randomBonus } from "./random_bonus.ts";
import { replay } from "./replay.ts";
import { rloo } from "./rloo.ts";
import { shuffledMemory } from "./shuffled_memory.ts";

/** All arms. */
export const arms: readonly Arm[] = [
  ...[base, grpo, cosine],
  ...[memoryR, memoryRPlus],
  ...[exploreNovelty, exploreAll, exploreEntropy, exploreLexical],
  ...[randomBonus, correctnessX2, shuffledMemory, formatFree],
  ...[rloo, drGrpo, gdpo, dynamicSampling, replay, bigGroup],
];

/**
 * The arm of that name, or its variant where config fields follow: "memory-r+:order=as-released".
 * @param among where to look; a user's own arms may be added to those that ship
 * @throws MisuseError with the nearest name where there is none, and as {@linkcode armVariant}
 */
export function findArm(name: string, among: readonly Arm[] = arms): Arm {
  const [plain = "", ...settings] = name.split(":").map((part) => part.trim());
  const found = among.find((arm) => arm.name === plain);
  if (found) return settings.length === 0 ? found : armVariant(found, settings);
  const names = among.map((arm) => arm.name);
  throw new MisuseError(`Cannot find arm "${plain}": the arms are ${names.join(", ")}${suggest(plain, names)}`);
}
