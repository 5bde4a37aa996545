import { equal, match, throws } from "node:assert/strict";
import { defineArm } from "../../harness/arms/define_arm.ts";
import { arms } from "../../harness/arms/registry.ts";
import { MisuseError } from "../../harness/base/errors.ts";
import type { Arm } from "../../harness/contract.ts";

const fine: Arm = { name: "my-arm", summary: "mine", trains: true, overrides: {} };

Deno.test("defineArm() gives back what is in order: every arm that ships, and names with + - . _", () => {
  for (const arm of arms) equal(defineArm(arm), arm);
  for (const name of ["a", "My_arm-2.1+", "9lives"]) equal(defineArm({ ...fine, name }).name, name);
  defineArm({ ...fine, overrides: ({ rl }) => ({ "rl.completions": rl.completions + 1 }) });
  defineArm({ ...fine, shaper: () => ({ shape: ({ groups }) => Promise.resolve(groups.map(() => [])) }) });
});

Deno.test("defineArm() says which field is wrong", () => {
  const refused = (fields: Readonly<Record<string, unknown>>, message: RegExp) => {
    const arm = { ...fine };
    Object.assign(arm, fields); // as from a file without types
    throws(() => defineArm(arm), (error: unknown) => {
      if (!(error instanceof MisuseError)) throw error;
      match(error.message, message);
      return true;
    });
  };
  refused({ name: undefined }, /Cannot define the arm: its name is missing/);
  refused({ name: "" }, /its name is ""/);
  refused({ name: 7 }, /its name is 7/);
  for (const name of ["my arm", "a/b", "..", "-x", "a:b=c", "é", "a".repeat(65)]) {
    refused({ name }, /a name must be up to 64 letters, digits and \+ - \. _/);
  }
  refused({ summary: " " }, /Cannot define arm "my-arm": summary is " "/);
  refused({ trains: "yes" }, /trains is "yes", must be true or false/);
  refused({ trains: undefined }, /trains is undefined/);
  refused({ shaper: {} }, /shaper is \{\}, must be a function or left out/);
  refused({ overrides: undefined }, /overrides is undefined, must be a mapping/);
  refused({ overrides: [] }, /overrides is \[\], must be a mapping/);
  refused({ overrides: () => 3 }, /overrides returns no mapping/);
  refused({ overrides: { "rl.advantge": "mean" } }, /"rl\.advantge" \(arm "my-arm"\): .*did you mean "rl\.advantage"/);
  refused({ overrides: { "rl.advantage": "median" } }, /rl\.advantage = "median" \(arm "my-arm"\): must be one of/);
  refused({ overrides: () => ({ "rl.completions": 0 }) }, /rl\.completions = 0 \(arm "my-arm"\)/);
  refused({ overrides: { "rl.updates": 500 } }, /"rl\.updates" \(arm "my-arm"\): .* the same for all arms/);
  refused({ overrides: { "evaluation.testItems": 5 } }, /--set evaluation\.testItems=/);
});

Deno.test("defineArm() refuses what is no arm at all", () => {
  const given: Arm = JSON.parse("{}");
  throws(() => defineArm(given), MisuseError);
});
