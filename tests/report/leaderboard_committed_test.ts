// The leaderboard of this repository verifies, and its entries say what follows from their bundles.

import { deepEqual, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { checkEntries } from "../../harness/report/leaderboard/check_entries.ts";
import { findTask } from "../../tasks/registry.ts";

Deno.test("results/leaderboard verifies; if statistics changed, run `deno task leaderboard check --rewrite`", async () => {
  const checked = await checkEntries(fileURLToPath(new URL("../../results/leaderboard", import.meta.url)), {
    sources: async ({ task: { name }, config }) => {
      const task = findTask(name), level = Number(config["task"]?.["level"]);
      return { task, data: name === "arithmetic" ? await task.load({ dataDir: null, level }) : null };
    },
  });
  deepEqual(checked.flatMap(({ id, problem }) => problem === null ? [] : [`${id}: ${problem}`]), []);
  ok(checked.length > 0);
});
