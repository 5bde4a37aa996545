// The tasks that ship, in the order in which help lists them. Below the command line nothing knows one by name.

import { MisuseError } from "../harness/base/errors.ts";
import { suggest } from "../harness/base/suggest.ts";
import type { Task } from "../harness/contract.ts";
import { aime24 } from "./aime24.ts";
import { aimo } from "./aimo.ts";
import { amc23 } from "./amc23.ts";
import { arithmetic } from "./arithmetic.ts";
import { countdown } from "./countdown.ts";
import { gsm8k } from "./gsm8k.ts";
import { math } from "./math.ts";
import { math500 } from "./math500.ts";

/** All tasks. */
export const tasks: readonly Task[] = [arithmetic, countdown, gsm8k, math, math500, aime24, amc23, aimo];

/** The task of that name. @throws MisuseError with the nearest name where there is none. */
export function findTask(name: string): Task {
  const found = tasks.find((task) => task.name === name);
  if (found) return found;
  const names = tasks.map((task) => task.name);
  throw new MisuseError(`Cannot find task "${name}": the tasks are ${names.join(", ")}${suggest(name, names)}`);
}
