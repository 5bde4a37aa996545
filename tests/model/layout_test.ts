import assert from "node:assert/strict";
import { initialWeights, parameterLayout, parameterView } from "../../harness/model/layout.ts";
import { tinyConfig } from "./tiny_policy.ts";

const everything = { attention_bias: true, mlp_bias: true, tie_word_embeddings: false };
const [qwen2, qwen3] = ["Qwen2", "Qwen3"].map((family) => ({ architectures: [`${family}ForCausalLM`] }));

Deno.test("parameterLayout() lays tensors end to end, those under weight decay first", () => {
  for (const changes of [{}, everything, qwen2, qwen3]) {
    const layout = parameterLayout(tinyConfig(changes));
    let offset = 0;
    for (const parameter of layout.parameters) {
      assert.equal(parameter.offset, offset);
      assert.equal(parameter.size, parameter.shape.reduce((product, dimension) => product * dimension));
      assert.equal(parameter.decay, parameter.shape.length === 2);
      assert.equal(parameter.decay, offset < layout.decayed);
      offset += parameter.size;
    }
    assert.equal(layout.size, offset);
    assert.equal(new Set(layout.parameters.map(({ name }) => name)).size, layout.parameters.length);
  }
});

Deno.test("parameterLayout() has Hugging Face's names and shapes", () => {
  const shapes = new Map(parameterLayout(tinyConfig(everything)).parameters.map(({ name, shape }) => [name, shape]));
  const layer = "model.layers.1";
  assert.deepEqual(shapes.get("model.embed_tokens.weight"), [280, 12]);
  assert.deepEqual(shapes.get("lm_head.weight"), [280, 12]);
  assert.deepEqual(shapes.get(`${layer}.self_attn.q_proj.weight`), [24, 12]);
  assert.deepEqual(shapes.get(`${layer}.self_attn.v_proj.weight`), [12, 12]);
  assert.deepEqual(shapes.get(`${layer}.self_attn.o_proj.weight`), [12, 24]);
  assert.deepEqual(shapes.get(`${layer}.self_attn.o_proj.bias`), [12]);
  assert.deepEqual(shapes.get(`${layer}.mlp.down_proj.weight`), [12, 20]);
  assert.deepEqual(shapes.get(`${layer}.mlp.up_proj.bias`), [20]);
  assert.deepEqual(shapes.get("model.norm.weight"), [12]);
  assert.equal(shapes.size, 2 + 2 * 16 + 1);
  assert.equal(parameterLayout(tinyConfig()).parameters.length, 1 + 2 * 9 + 1);
  const normed = parameterLayout(tinyConfig(qwen3)).parameters, added = ["q_norm", "k_norm"];
  assert.equal(normed.length, 1 + 2 * 11 + 1);
  for (const name of added) {
    assert.deepEqual(normed.find((one) => one.name === `${layer}.self_attn.${name}.weight`)?.shape, [6]);
  }
});

Deno.test("parameterLayout() puts query, key and value of a layer side by side, weights and biases", () => {
  const { parameters } = parameterLayout(tinyConfig(everything));
  for (const kind of ["weight", "bias"]) {
    const at = parameters.findIndex(({ name }) => name === `model.layers.1.self_attn.q_proj.${kind}`);
    assert.deepEqual(
      parameters.slice(at, at + 3).map(({ name }) => name),
      ["q", "k", "v"].map((letter) => `model.layers.1.self_attn.${letter}_proj.${kind}`),
    );
  }
});

Deno.test("initialWeights() are normal matrices, norms of 1 and biases of 0, the same for a seed", () => {
  const config = tinyConfig({ ...everything, initializer_range: 0.05 });
  const weights = initialWeights(config, 3);
  const std = (name: string) =>
    Math.sqrt(parameterView(weights, name).reduce((sum, w) => sum + w * w, 0) / parameterView(weights, name).length);
  assert.ok(Math.abs(std("model.embed_tokens.weight") - 0.05) < 0.003);
  assert.ok(Math.abs(std("model.layers.0.mlp.down_proj.weight") - 0.025) < 0.005);
  assert.ok(parameterView(weights, "model.layers.1.input_layernorm.weight").every((weight) => weight === 1));
  assert.ok(parameterView(weights, "model.norm.weight").every((weight) => weight === 1));
  assert.ok(parameterView(weights, "model.layers.1.self_attn.q_proj.bias").every((weight) => weight === 0));
  assert.deepEqual(initialWeights(config, 3).data, weights.data);
  assert.notDeepEqual(initialWeights(config, 4).data, weights.data);
});

Deno.test("parameterView() is a view, and refuses a name that the layout lacks", () => {
  const weights = initialWeights(tinyConfig(), 0);
  parameterView(weights, "model.norm.weight")[0] = 7;
  assert.equal(weights.data[weights.layout.size - 12], 7);
  assert.throws(() => parameterView(weights, "lm_head.weight"), RangeError);
});
