// The arm that a baseline is made of: plain GRPO under a name of its own.

import { defineArm } from "../../../mod.ts";

export const mine = defineArm({ name: "mine", summary: "plain GRPO", trains: true, overrides: {} });
