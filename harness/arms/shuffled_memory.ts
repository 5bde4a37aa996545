// Control of Memory-R+: everything as in harness/arms/memory_r_plus.ts, but a group is compared with the memories of
// another question, the next one of the step that differs (the first after the last). What is remembered goes under the
// right question. The bonuses keep their form, size and semantics of "near" and "far"; only the claim that LIKE questions
// are what helps is taken away. No method; the released code looks up every second question under another one's key by
// mistake, but writes there as well (memory.key=as-released).
//
// It needs two questions a step. In a step whose questions are all the same there is no other to read from, and nothing
// is rewarded.

import { MisuseError } from "../base/errors.ts";
import type { Arm } from "../contract.ts";
import { memoryShaper } from "./memory_shaper.ts";

/** Memory-R+ that reads the memories of another question. */
export const shuffledMemory: Arm = {
  name: "shuffled-memory",
  summary: "control: Memory-R+ that looks up another question's neighbours",
  trains: true,
  overrides: {},
  shaper: (setup) => {
    if (setup.config.rl.questions < 2) {
      throw new MisuseError(
        "Cannot run arm shuffled-memory: rl.questions = 1 leaves no other question to read from; set it to 2 or more",
      );
    }
    return memoryShaper(setup, ["exploit", "explore"], "another");
  },
};
