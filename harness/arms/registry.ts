// The arms that ship, in the order in which help and tables list them. Nothing below this room knows one by name.

import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import type { Arm } from "../contract.ts";
import { base } from "./base.ts";
import { grpo } from "./grpo.ts";

/** All arms. */
export const arms: readonly Arm[] = [base, grpo];

/** The arm of that name. @throws MisuseError with the nearest name where there is none. */
export function findArm(name: string): Arm {
  const found = arms.find((arm) => arm.name === name);
  if (found) return found;
  const names = arms.map((arm) => arm.name);
  throw new MisuseError(`Cannot find arm "${name}": the arms are ${names.join(", ")}${suggest(name, names)}`);
}
