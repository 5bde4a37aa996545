// A question is embedded as the arm did it: by the policy's own embedder, proved by its digest.

import { deepEqual, rejects } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { QuestionEmbedder } from "../../../harness/cli/explore/question_embedder.ts";
import type { EmbedderIdentity } from "../../../harness/contract.ts";
import { readPolicy } from "../../../harness/model/policy.ts";
import type { CellRecord } from "../../../harness/records/schema.ts";
import { policyEmbedder } from "../../../harness/rl/policy_embedder.ts";
import { chooseRuntime } from "../../../harness/runtime/choose.ts";
import { fakeCellRecord } from "../../fakes/records.ts";

const question = "Ann has 3 apples and buys 4 more. How many apples has Ann now?";

/** The record of a cell that used this embedder. */
function recordWith(embedder: EmbedderIdentity, policy: string): CellRecord {
  const record = fakeCellRecord([]), { outcome } = record;
  return { ...record, policy, outcome: outcome && { ...outcome, embedder } };
}

Deno.test("QuestionEmbedder gives the vector that the policy's embedder gave the arm", async () => {
  const policy = await readPolicy(fileURLToPath(new URL("../../../harness/model/embedded/", import.meta.url)));
  const runtime = chooseRuntime("cpu", 1, policy.weights.layout.size), own = policyEmbedder(runtime, policy);
  const questions = new QuestionEmbedder();
  try {
    const record = recordWith(own.identity, "embedded"), [expected] = await own.embed([question]);
    deepEqual(await questions.embed(record, question), expected);
    deepEqual(await questions.embed(record, question), expected);
    await rejects(
      questions.embed(recordWith({ ...own.identity, digest: "0".repeat(64) }, "embedded"), question),
      /FailureError: .* with another digest than "policy" has here … ask for a question that is remembered/,
    );
    await rejects(
      questions.embed(recordWith({ ...own.identity, digest: "1".repeat(64) }, "/no/such/policy"), question),
      /FailureError: Cannot find policy "\/no\/such\/policy": .*; it embeds the question/,
    );
  } finally {
    await questions.close();
    await own.dispose();
    await runtime.dispose();
  }
});

Deno.test("QuestionEmbedder needs to know which embedder it was", async () => {
  await rejects(new QuestionEmbedder().embed(fakeCellRecord([]), question), /the cell's record names no embedder/);
});
