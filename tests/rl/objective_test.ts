import { deepStrictEqual } from "node:assert/strict";
import { tokenWeights } from "../../harness/rl/objective.ts";

const completion = (tokens: number, truncated = false) => ({ tokens: new Int32Array(tokens), truncated });
const rl = { maskTruncated: false, maxCompletionTokens: 8 } as const;
const COMPLETIONS = [completion(4), completion(2), completion(8, true), completion(2)];

Deno.test("tokenWeights() of grpo: mean over the tokens of a sequence, then over sequences", () => {
  deepStrictEqual([...tokenWeights(COMPLETIONS, { ...rl, loss: "grpo" })], [1 / 16, 1 / 8, 1 / 32, 1 / 8]);
});

Deno.test("tokenWeights() of dapo: mean over all tokens of the batch", () => {
  deepStrictEqual([...tokenWeights(COMPLETIONS, { ...rl, loss: "dapo" })], [1 / 16, 1 / 16, 1 / 16, 1 / 16]);
});

Deno.test("tokenWeights() of dr_grpo: over sequences and the length cap, whatever the lengths", () => {
  deepStrictEqual([...tokenWeights(COMPLETIONS, { ...rl, loss: "dr_grpo" })], [1 / 32, 1 / 32, 1 / 32, 1 / 32]);
});

Deno.test("tokenWeights() leaves truncated completions out where asked; they still count as sequences", () => {
  const masked = { ...rl, maskTruncated: true };
  deepStrictEqual([...tokenWeights(COMPLETIONS, { ...masked, loss: "grpo" })], [1 / 16, 1 / 8, 0, 1 / 8]);
  deepStrictEqual([...tokenWeights(COMPLETIONS, { ...masked, loss: "dapo" })], [1 / 8, 1 / 8, 0, 1 / 8]);
  deepStrictEqual([...tokenWeights(COMPLETIONS, { ...masked, loss: "dr_grpo" })], [1 / 32, 1 / 32, 0, 1 / 32]);
});

Deno.test("tokenWeights() is 0 everywhere where all completions are masked", () => {
  for (const loss of ["grpo", "dapo", "dr_grpo"] as const) {
    const weights = tokenWeights([completion(3, true), completion(5, true)], { ...rl, maskTruncated: true, loss });
    deepStrictEqual([...weights], [0, 0]);
  }
});
