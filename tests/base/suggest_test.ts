import { strictEqual } from "node:assert/strict";
import { editDistance, suggest } from "../../harness/base/suggest.ts";

Deno.test("editDistance() counts insertions, deletions, substitutions and swaps of neighbours", () => {
  const cases: readonly [string, string, number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["kitten", "sitting", 3],
    ["gpro", "grpo", 1],
    ["abcd", "badc", 2],
    ["same", "same", 0],
  ];
  for (const [a, b, distance] of cases) strictEqual(editDistance(a, b), distance, `${a} -> ${b}`);
});

Deno.test("suggest() names the nearest candidate, whatever the case", () => {
  strictEqual(suggest("gpro", ["base", "grpo"]), ' (did you mean "grpo"?)');
  strictEqual(suggest("GSM8K", ["arithmetic", "gsm8k"]), ' (did you mean "gsm8k"?)');
  strictEqual(suggest("learningRate", ["rl.learningRate", "rl.loss"]), ' (did you mean "rl.learningRate"?)');
});

Deno.test("suggest() says nothing when every candidate is far, or there is none", () => {
  strictEqual(suggest("zebra", ["base", "grpo"]), "");
  strictEqual(suggest("x", ["base", "grpo"]), "");
  strictEqual(suggest("grpo", []), "");
});
