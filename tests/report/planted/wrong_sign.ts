// The same arm after a slip: every advantage has the wrong sign, for the total reward is turned around.

import { defineArm } from "../../../mod.ts";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

export const mine = defineArm({
  name: "mine",
  summary: "plain GRPO, turned around",
  trains: true,
  overrides: {},
  shaper: () => ({
    shape: ({ groups }) =>
      Promise.resolve(groups.map(({ grades }) => {
        const values = grades.map(({ rewards }) => -2 * sum(rewards));
        return [{ name: "slip", raw: values, values }];
      })),
  }),
});
