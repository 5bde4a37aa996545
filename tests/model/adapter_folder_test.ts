// Adapters of others, read and merged: what Python's peft 0.21.2 merges is what comes out, and what we do not do is
// refused by name. The fixtures are peft's (tests/fixtures/make_model_fixtures.py).

import { deepEqual, equal, notDeepEqual, ok, rejects } from "node:assert/strict";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import {
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  isAdapterFolder,
  openAdapter,
  readAdapterConfig,
} from "../../harness/model/adapter_folder.ts";
import { parseModelConfig } from "../../harness/model/config.ts";
import { parameterLayout, parameterView } from "../../harness/model/layout.ts";
import { mergeFolder } from "../../harness/model/merged_adapter.ts";
import { openTensors, readWeights } from "../../harness/model/safetensors.ts";
import { relativeError } from "../oracles/float64.ts";
import { withFolder } from "./tiny_policy.ts";

const FIXTURES = join(import.meta.dirname!, "../fixtures");
const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));
const folderOf = (name: string) => join(FIXTURES, "adapters", name);

async function baseOf(name: string) {
  const base = join(FIXTURES, "models", read(folderOf(name), "expected.json").model);
  return await readWeights(base, parameterLayout(parseModelConfig(read(base, "config.json"), base)));
}

for (const name of readdirSync(join(FIXTURES, "adapters"))) {
  Deno.test(`mergeFolder() makes of a policy's weights what peft's merge_and_unload() makes of them: ${name}`, async () => {
    const weights = await baseOf(name), before = weights.data.slice(), folder = folderOf(name);
    await mergeFolder(weights, folder);
    const merged: Record<string, { data: number[] }> = read(folder, "expected.json").merged;
    for (const [module, { data }] of Object.entries(merged)) {
      const error = relativeError(parameterView(weights, `${module}.weight`), data);
      ok(error <= 1e-6, `${module} is off by ${error}`);
    }
    // A naive sum in float64 for every matrix of the file; everything else is untouched.
    const config = await readAdapterConfig(folder), { rank, scale } = config;
    const expected = Float64Array.from(before);
    for (const { weight, a, b } of await openAdapter(folder, config, weights.layout)) {
      const [outputs = 0, inputs = 0] = weight.shape, first = await a.read(), second = await b.read();
      for (let i = 0; i < outputs; i++) {
        for (let j = 0; j < inputs; j++) {
          let sum = 0;
          for (let k = 0; k < rank; k++) sum += second[i * rank + k]! * first[k * inputs + j]!;
          expected[weight.offset + i * inputs + j]! += scale * sum;
        }
      }
    }
    for (const { name, offset, size } of weights.layout.parameters) {
      const own = weights.data.subarray(offset, offset + size), wanted = expected.subarray(offset, offset + size);
      const changed = wanted.some((x, i) => x !== before[offset + i]);
      if (changed) ok(relativeError(own, wanted) <= 1e-6, name);
      else deepEqual(own, before.subarray(offset, offset + size), name);
    }
    notDeepEqual(weights.data, before);
  });
}

Deno.test("readAdapterConfig() scales by alpha / r, or by alpha / sqrt(r) where the adapter is rank-stabilised", async () => {
  const { scale, rank, targets, base } = await readAdapterConfig(folderOf("llama-rank-stabilised"));
  deepEqual([scale, rank, targets, base], [3 / 2, 4, null, "llama-gqa-llama3"]); // its list holds for one layer alone
  const plain = await readAdapterConfig(folderOf("qwen3-q-v"));
  deepEqual([plain.scale, plain.targets], [3 / 2, ["q_proj", "v_proj"]]);
});

const withConfig = (changes: Record<string, unknown>, work: (folder: string) => Promise<void>) =>
  withFolder(async (folder) => {
    const source = folderOf("qwen3-q-v");
    writeFileSync(join(folder, ADAPTER_CONFIG), JSON.stringify({ ...read(source, ADAPTER_CONFIG), ...changes }));
    copyFileSync(join(source, ADAPTER_WEIGHTS), join(folder, ADAPTER_WEIGHTS));
    await work(folder);
  });

const refused = (work: Promise<unknown>, kind: typeof FailureError | typeof MisuseError, pattern: RegExp) =>
  rejects(work, (error: unknown) => {
    ok(error instanceof kind && pattern.test(error.message), String(error));
    ok(/^Cannot .* … .*[^.]$/.test(error.message), error.message);
    return true;
  });

Deno.test("readAdapterConfig() refuses what it does not do, naming the field and its value, and a way out", async () => {
  for (
    const changes of [
      { peft_type: "LOHA" },
      { task_type: "SEQ_CLS" },
      { use_dora: true },
      { bias: "all" },
      { lora_bias: true },
      { fan_in_fan_out: true },
      { modules_to_save: ["lm_head"] },
      { rank_pattern: { q_proj: 8 } },
      { alpha_pattern: { q_proj: 8 } },
      { trainable_token_indices: [1] },
      { layer_replication: [[0, 1]] },
      { init_lora_weights: "pissa_niter_4" },
      { a_field_of_tomorrow: 1 },
    ]
  ) {
    const [[field, value]] = Object.entries(changes) as [[string, unknown]];
    await withConfig(changes, (folder) =>
      refused(
        readAdapterConfig(folder),
        MisuseError,
        new RegExp(
          `"${field}" is ${JSON.stringify(value).replace(/[[\]{}]/g, "\\$&")} … use .*merge_and_unload\\(\\)$`,
        ),
      ));
  }
  const off = { a_field_of_tomorrow: false, another: null, modules_to_save: [], init_lora_weights: "gaussian" };
  await withConfig(off, async (folder) => equal((await readAdapterConfig(folder)).rank, 2));
});

Deno.test("readAdapterConfig() refuses values that no adapter can have", async () => {
  for (
    const [field, value] of [
      ["base_model_name_or_path", null],
      ["base_model_name_or_path", ""],
      ["revision", 3],
      ["r", 0],
      ["r", 1.5],
      ["lora_alpha", "16"],
      ["use_rslora", "yes"],
    ] as const
  ) {
    await withConfig(
      { [field]: value },
      (folder) =>
        refused(
          readAdapterConfig(folder),
          FailureError,
          new RegExp(`"${field}" is ${JSON.stringify(value)}; it must be`),
        ),
    );
  }
});

Deno.test("readAdapterConfig() joins the policy's name and revision, but for a policy in a folder", () =>
  withConfig({ base_model_name_or_path: "org/model", revision: "v1" }, async (folder) => {
    equal((await readAdapterConfig(folder)).base, "org/model@v1");
    const own = { ...read(folder, ADAPTER_CONFIG), base_model_name_or_path: folder };
    writeFileSync(join(folder, ADAPTER_CONFIG), JSON.stringify(own));
    equal((await readAdapterConfig(folder)).base, folder);
  }));

Deno.test("openAdapter() refuses matrices that are missing, misshapen, or of no layer of the policy", async () => {
  const { layout } = await baseOf("qwen3-q-v");
  const opened = async (changes: Record<string, unknown>, pattern: RegExp, other = layout) => {
    await withConfig(changes, async (folder) => {
      const config = await readAdapterConfig(folder);
      await refused(openAdapter(folder, config, other), FailureError, pattern);
    });
  };
  const prefix = "base_model\\.model\\.model\\.layers\\.0\\.self_attn";
  await opened(
    { target_modules: ["q_proj", "k_proj", "v_proj"] },
    new RegExp(`"${prefix}\\.k_proj\\.lora_A.*" is missing`),
  );
  await opened({ r: 3 }, new RegExp(`"${prefix}\\.q_proj\\.lora_A.weight" has shape \\[2,16\\] and not \\[3,16\\]`));
  const parameters = layout.parameters.filter(({ name }) => !name.includes("layers.1"));
  await opened({}, /layers\.1\.self_attn\..* is no matrix of a linear layer/, { ...layout, parameters });
  await opened(
    { target_modules: "none of them" },
    /is no matrix of a linear layer/,
    { ...layout, parameters: [] },
  );
});

Deno.test("isAdapterFolder() takes a folder with an adapter for one, unless a policy's weights are there", () =>
  withConfig({}, (folder) => {
    equal(isAdapterFolder(folder), true);
    writeFileSync(join(folder, "config.json"), "{}"); // as some tools leave it there
    equal(isAdapterFolder(folder), true);
    writeFileSync(join(folder, "model.safetensors"), "");
    equal(isAdapterFolder(folder), false);
    return Promise.resolve();
  }));

Deno.test("openTensors() reads a tensor alone, and only when it is asked for", async () => {
  const tensors = await openTensors(join(folderOf("llama-rank-stabilised"), ADAPTER_WEIGHTS));
  const { shape, read } = tensors.get("base_model.model.model.layers.1.mlp.down_proj.lora_A.weight")!;
  const floats = await read();
  deepEqual([shape, floats.length, tensors.size], [[4, 24], 96, 4]);
  ok(floats.some((x) => x !== 0) && floats.every((x) => Math.abs(x) < 1));
});
