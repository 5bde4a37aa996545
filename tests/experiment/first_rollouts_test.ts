// Before the first update all arms hold the same policy, and so draw the same completions for the same questions.

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { arms } from "../../harness/arms/registry.ts";
import { canonicalJson } from "../../harness/base/canonical_json.ts";
import { sha256 } from "../../harness/base/digest.ts";
import { parseConfig } from "../../harness/config.ts";
import { armConfig } from "../../harness/config_options.ts";
import type { Arm, Outcome } from "../../harness/contract.ts";
import { proveMatch, type ProvenCell } from "../../harness/records/match.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { trainCell } from "../../harness/rl/train.ts";
import { withFolder } from "../model/tiny_policy.ts";
import { lengthTask, makeRandomPolicy } from "../rl/length_task.ts";

const config = parseConfig({
  rl: { updates: 1, questions: 4, completions: 4, maxPromptTokens: 64, maxCompletionTokens: 10 },
  evaluation: { every: 0, validationItems: 1, testItems: 1 },
}, "test");

async function outcomeOf(folder: string, arm: Arm, seed: number): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  await trainCell(
    {
      task: lengthTask,
      taskOptions: { dataDir: null, level: 1 },
      policy: await readPolicy(folder),
      arm,
      seed,
      config: armConfig(config, arm),
      device: "cpu",
      threads: 1,
      matched: { config: sha256(canonicalJson(config)), places: 4 },
      checkpoints: null,
      resumeAt: 0,
      validationOnly: true,
    },
    (event) => event.type === "finished" && outcomes.push(event.outcome),
    new AbortController().signal,
  );
  const [outcome] = outcomes;
  if (!outcome) throw new Error(`${arm.name} did not finish`);
  return outcome;
}

Deno.test("all arms draw the same rollouts in their first update, and the match proof says so", async () => {
  await withFolder(async (parent) => {
    const folder = join(parent, "policy");
    await makeRandomPolicy(folder);
    const cells: ProvenCell[] = [];
    for (const arm of arms) cells.push({ arm: arm.name, seed: 0, outcome: await outcomeOf(folder, arm, 0) });
    const rolloutsOf = (name: string) => cells.find(({ arm }) => arm === name)!.outcome.match.firstRollouts;
    const plain = rolloutsOf("grpo");
    deepStrictEqual(plain.map((group) => group.length), [4, 4, 4, 4]);
    ok(new Set(plain.flat()).size > 8, "the completions differ from each other");
    for (const arm of arms) {
      if (!arm.trains) strictEqual(rolloutsOf(arm.name).length, 0);
      else if (arm.name !== "big-group") deepStrictEqual(rolloutsOf(arm.name), plain, arm.name);
    }
    deepStrictEqual(rolloutsOf("big-group").map((group) => group.slice(0, 4)), plain.slice(0, 2));
    const { matched, problems } = proveMatch(cells, "grpo");
    deepStrictEqual({ matched, problems }, { matched: true, problems: [] });
    const other = { arm: "grpo", seed: 1, outcome: await outcomeOf(folder, arms[1]!, 1) };
    ok(other.outcome.match.firstRollouts.join() !== plain.join());
    strictEqual(proveMatch([...cells, other], "grpo").matched, true);
    strictEqual(proveMatch([...cells, { ...other, seed: 0 }], "grpo").matched, false);
  });
});
