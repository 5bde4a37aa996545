// The expected numbers are those of transformers 5.23's LlamaRotaryEmbedding at head_dim 8, theta 10000 and a context of
// 128, position 99; float32 powers differ by an ulp between libraries, which position 99 turns into some 1e-6.

import assert from "node:assert/strict";
import { ropeTables } from "../../harness/model/rope.ts";
import { tinyConfig } from "./tiny_policy.ts";

const llama3 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
};
const unscaled = [
  0.0398208797,
  -0.889190912,
  0.548689902,
  0.995103478,
  -0.999206841,
  -0.457536399,
  0.836025953,
  0.0988383666,
];

const cases: readonly (readonly [string, unknown, number, readonly number[]])[] = [
  ["unscaled", null, 128, unscaled],
  [
    "linear",
    { rope_type: "linear", factor: 4 },
    128,
    [0.927644372, -0.785933137, 0.9695279, 0.999693751, -0.373464763, 0.618311524, 0.244980901, 0.0247474741],
  ],
  ["dynamic within the context", { rope_type: "dynamic", factor: 2.5 }, 100, unscaled],
  [
    "dynamic beyond the context",
    { rope_type: "dynamic", factor: 2.5 },
    300,
    [0.0398208797, 0.975262642, 0.931971908, 0.99974215, -0.999206841, -0.221049249, 0.36253044, 0.0227077268],
  ],
  [
    "llama3",
    llama3,
    128,
    [0.0398208797, 0.275983661, 0.992352724, 0.999923408, -0.999206841, 0.961162329, 0.12343438, 0.0123746851],
  ],
];

for (const [name, scaling, length, expected] of cases) {
  Deno.test(`ropeTables() are those of transformers: ${name}`, () => {
    const config = tinyConfig({ head_dim: 8, max_position_embeddings: 128, rope_theta: 10000, rope_scaling: scaling });
    const { cos, sin } = ropeTables(config, length);
    assert.equal(cos.length, length * 4);
    const row = [...cos.subarray(99 * 4, 100 * 4), ...sin.subarray(99 * 4, 100 * 4)];
    row.forEach((value, i) =>
      assert.ok(Math.abs(value - expected[i]!) < 3e-6, `${i}: ${value} against ${expected[i]}`)
    );
    assert.deepEqual([...cos.subarray(0, 4), ...sin.subarray(0, 4)], [1, 1, 1, 1, 0, 0, 0, 0]);
  });
}

Deno.test("ropeTables() of a shorter length are the first rows of those of a longer one", () => {
  const config = tinyConfig({ rope_scaling: llama3 });
  const long = ropeTables(config, 50), short = ropeTables(config, 20);
  assert.deepEqual(short.cos, long.cos.subarray(0, short.cos.length));
  assert.deepEqual(short.sin, long.sin.subarray(0, short.sin.length));
});
