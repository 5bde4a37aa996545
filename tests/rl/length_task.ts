// A task that grades by length, and what asks a tiny random policy: every status occurs, and nothing is learned.

import { join } from "node:path";
import type { Grade, ItemSource, Task } from "../../harness/contract.ts";
import { initialWeights } from "../../harness/model/layout.ts";
import { type Policy, readPolicy, writePolicy } from "../../harness/model/policy.ts";
import type { Asker } from "../../harness/rl/rollout.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import { sha256 } from "../../harness/base/digest.ts";
import { tinyCompanions, tinyConfig, withFolder } from "../model/tiny_policy.ts";
import { withRuntime } from "./small_policies.ts";

export const STATUSES = ["correct", "wrong", "unparseable", "truncated"] as const;

/** Grades by the completion's length alone, so that every status occurs. */
export const lengthTask: Task = {
  name: "length",
  version: 1,
  summary: "grades by the length of the completion",
  rewards: ["correctness", "length"],
  defaults: {},
  load: () =>
    Promise.resolve({
      splits: { train: { ...lengthItems, size: Infinity }, validation: lengthItems, test: lengthItems },
      digest: sha256("length"),
    }),
  prompt: ({ question }) => [{ role: "user", content: question }],
  grade: (_, completion): Grade => {
    const status = STATUSES[(completion.length + 3) % 4]!;
    return {
      status,
      extracted: status === "correct" ? completion : null,
      rewards: [status === "correct" ? 1 : 0, completion.length],
    };
  },
  answer: ({ gold }, answer) => answer === gold ? "right" : "wrong!",
  example: { item: { id: "example", question: "?", gold: "1" }, completion: "right" },
};
export const lengthItems: ItemSource = {
  size: 7,
  item: (index) => ({ id: `item-${index}`, question: `Anna has ${index} apples.`, gold: `${index}` }),
};

/** A tiny random policy in a folder. */
export async function makeRandomPolicy(folder: string): Promise<Policy> {
  const config = tinyConfig({ initializer_range: 0.5, max_position_embeddings: 128 });
  await writePolicy(folder, { config, weights: initialWeights(config, 0), companions: tinyCompanions }, {
    dtype: "F32",
  });
  return await readPolicy(folder);
}

/** Runs with a tiny random policy and what asks it. */
export async function withAsker(
  work: (asker: Asker, policy: Policy) => Promise<void>,
): Promise<void> {
  await withFolder(async (parent) => {
    const policy = await makeRandomPolicy(join(parent, "policy"));
    await withRuntime(0, async (runtime) => {
      const sampler = new Sampler(runtime, policy.config, policy.tokenizer.eosTokenIds, 128);
      await work(
        { task: lengthTask, tokenizer: policy.tokenizer, sampler, maxPromptTokens: 64, maxTokens: 10 },
        policy,
      );
      await sampler.dispose();
    });
  });
}
