// What memory is counted from: an adapter against PEFT's formula, and what it makes smaller. Whether the whole is right is
// told by tests/peers/check_estimate.ts, which runs cells.

import { deepEqual, equal, ok } from "node:assert/strict";
import { parseConfig } from "../../harness/config.ts";
import { initialWeights, parameterLayout } from "../../harness/model/layout.ts";
import { type AdapterOptions, adapterOptions } from "../../harness/model/lora.ts";
import { MergedAdapter } from "../../harness/model/merged_adapter.ts";
import { cellBytes, type CellSetting, warmUpBytes } from "../../harness/rl/cell_bytes.ts";
import { warmUpWork, workloadOf } from "../../harness/rl/workload.ts";
import { tinyConfig } from "../model/tiny_policy.ts";

const model = tinyConfig({ max_position_embeddings: 512 }), layout = parameterLayout(model);
const lengths = { train: [20, 20, 20, 20], validation: [20], test: [20] };

function bytesOf(
  adapter: AdapterOptions | null,
  fields: { rl?: object; checkpoint?: "best"; embeds?: boolean; threads?: number; expected?: number | null } = {},
) {
  const { rl = {}, checkpoint, embeds = false, threads = 1, expected = 48 } = fields;
  const config = parseConfig({
    rl: { questions: 4, completions: 4, maxCompletionTokens: 48, ...rl },
    evaluation: checkpoint ? { checkpoint } : {},
  }, "test");
  const setting: CellSetting = { model, layout, adapter, config, trains: true, embeds, threads };
  const work = (expected: number | null) => workloadOf(model, layout, config, setting, lengths, expected);
  return cellBytes(setting, work(null), work(expected));
}

Deno.test("cellBytes() counts an adapter as PEFT does: r (in + out) floats of each layer, two moments, and a merged copy", async () => {
  const { hiddenSize: d, intermediateSize: ff, heads, kvHeads, headDim, layers } = model;
  const [q, kv] = [heads * headDim, kvHeads * headDim];
  for (
    const [targets, pairs, copied] of [
      [["q_proj", "v_proj"], [[d, q], [d, kv]], d * (q + 2 * kv)], // a decoder reads q, k and v as one
      [["down_proj"], [[ff, d]], ff * d],
      [null, [[d, q], [d, kv], [d, kv], [q, d], [d, ff], [d, ff], [ff, d]], d * (q + 2 * kv) + q * d + 3 * d * ff],
    ] as const
  ) {
    const options = adapterOptions(model, 3, null, targets), { adapter, optimizer, weights } = bytesOf(options);
    const trained = layers * pairs.reduce((sum, [inputs, outputs]) => sum + 3 * (inputs + outputs), 0);
    deepEqual([adapter, optimizer, weights], [4 * (layers * copied + trained), 8 * trained, 4 * layout.size]);
    const held = await MergedAdapter.create(model, initialWeights(model, 0), options, { seed: 0, threads: 1 });
    const [, ...beside] = held.resident.parts; // the policy's own weights come first
    equal(beside.reduce((sum, { data }) => sum + data.byteLength, 0), adapter);
    await held.dispose();
  }
});

Deno.test("cellBytes() with an adapter holds gradients of it alone, and no copy of weights that stay as they are", () => {
  const options = adapterOptions(model, 2, null, null), few = { rl: { microBatch: 4 } };
  const [full, lora] = [bytesOf(null, few), bytesOf(options, few)];
  equal(full.adapter, 0);
  ok(lora.gradients < full.gradients / 2, `${lora.gradients} of ${full.gradients}`);
  ok(lora.passes < full.passes);
  const frozen = { rl: { klBeta: 0.1 }, embeds: true };
  deepEqual([bytesOf(null, frozen).copies, bytesOf(options, frozen).copies], [8 * layout.size, 0]);
  equal(bytesOf(null, { checkpoint: "best" }).copies, 4 * layout.size);
  equal(bytesOf(options, { checkpoint: "best" }).copies, lora.optimizer / 2);
});

Deno.test("cellBytes() keeps fewer sessions where all completions reach the cap than where their length is not known", () => {
  const [even, shorter, unknown] = [48, 20, null].map((expected) => bytesOf(null, { expected }));
  equal(shorter!.passes, 2 * even!.passes); // padded to 32 or to 48 tokens
  equal(unknown!.passes, 3 * even!.passes);
  ok(shorter!.decoding > 2 * even!.decoding);
  equal(unknown!.decoding, shorter!.decoding);
});

Deno.test("cellBytes() parts add up, for a reference of a KL penalty and for workers as well", () => {
  for (const fields of [{}, { rl: { klBeta: 0.1 } }, { threads: 2 }, { embeds: true }]) {
    const { total, ...parts } = bytesOf(null, fields);
    ok(Math.abs(Object.values(parts).reduce((sum, bytes) => sum + bytes) - total) <= 1);
  }
  ok(bytesOf(null, { rl: { klBeta: 0.1 } }).passes > bytesOf(null).passes);
});

Deno.test("warmUpBytes() holds weights, both moments and gradients of all of them", () => {
  const setting = { model, layout, threads: 1 };
  const [short, long] = [20, 60].map((length) =>
    warmUpBytes(setting, warmUpWork(model, layout, 4, [length, length, length, length]))
  );
  ok(short! > 16 * layout.size && long! > short!);
});
