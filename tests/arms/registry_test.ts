import { equal, match, throws } from "node:assert/strict";
import { arms, findArm } from "../../harness/arms/registry.ts";
import { MisuseError } from "../../harness/base/errors.ts";
import { armConfig, defaultConfig } from "../../harness/config_options.ts";

Deno.test("arms have different names, fit for a folder and a list, and overrides that the config knows", () => {
  equal(new Set(arms.map((arm) => arm.name)).size, arms.length);
  for (const arm of arms) {
    match(arm.name, /^[a-z0-9][a-z0-9+-]*$/);
    match(arm.summary, /\S/);
    armConfig(defaultConfig, arm);
  }
});

Deno.test("findArm() finds by name and suggests the nearest", () => {
  for (const arm of arms) equal(findArm(arm.name), arm);
  throws(() => findArm("gpro"), (error: unknown) => error instanceof MisuseError && /"grpo"\?/.test(error.message));
});
