// LoRA against Python's peft: adapters that it made over tiny random models, with their logits, the gradients of A and B,
// merged weights and its files (tests/fixtures/make_model_fixtures.py). And what ours begins with, refuses and computes.

import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { reachable } from "../../harness/graph/ir.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";
import { peftName, writeAdapter } from "../../harness/model/adapter_folder.ts";
import { type ModelConfig, parseModelConfig } from "../../harness/model/config.ts";
import { parameterLayout, parameterView, type Weights } from "../../harness/model/layout.ts";
import {
  adapterLayout,
  type AdapterOptions,
  adapterOptions,
  initialAdapter,
  matrixNames,
  TARGETS,
  targetsOf,
} from "../../harness/model/lora.ts";
import { MergedAdapter } from "../../harness/model/merged_adapter.ts";
import { readWeights } from "../../harness/model/safetensors.ts";
import { fusedWeights } from "../../harness/model/transformer.ts";
import { gradientName, trainGraph } from "../../harness/rl/train_graph.ts";
import { floats, LocalRuntime, type Tensors } from "../../harness/runtime/session.ts";
import { relativeError } from "../oracles/float64.ts";
import { tinyConfig } from "./tiny_policy.ts";

const FIXTURES = join(import.meta.dirname!, "../fixtures");
const TOLERANCE = 1e-4;

interface Numbers {
  readonly shape: number[];
  readonly data: number[];
}

/** What peft computed: objective = sum of weights * log-probabilities. */
interface Expected {
  readonly model: string;
  readonly tokens: number[][]; // [B][T]
  readonly weights: number[][]; // [B][T-1]
  readonly objective: number;
  readonly gradients: Readonly<Record<string, Numbers>>;
  readonly merged: Readonly<Record<string, Numbers>>;
}

interface Fixture {
  readonly expected: Expected;
  readonly config: ModelConfig;
  readonly policy: Weights;
  readonly options: AdapterOptions;
  /** As peft wrote them. */
  readonly peft: { readonly config: Record<string, unknown>; readonly file: Uint8Array };
  readonly adapter: Weights;
}

/** As ours can be; tests/model/adapter_folder_test.ts reads the others too. */
const NAMES = ["qwen2-all-linear", "qwen3-q-v"];

async function readFixture(name: string): Promise<Fixture> {
  const folder = join(FIXTURES, "adapters", name);
  const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));
  const expected: Expected = read(folder, "expected.json"), base = join(FIXTURES, "models", expected.model);
  const config = parseModelConfig(read(base, "config.json"), base), asked = read(folder, "adapter_config.json");
  const options = adapterOptions(config, asked.r, asked.lora_alpha, asked.target_modules);
  const file = readFileSync(join(folder, "adapter_model.safetensors"));
  const adapter = { layout: adapterLayout(config, options), data: floatsOf(file, adapterLayout(config, options)) };
  const policy = await readWeights(base, parameterLayout(config));
  return { expected, config, policy, options, peft: { config: asked, file }, adapter };
}

/** Tensors of a safetensors file in float32, in the layout's order, found by their names there. */
function floatsOf(file: Uint8Array, { parameters, size }: Weights["layout"]): Float32Array {
  const view = new DataView(file.buffer, file.byteOffset), start = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start))), data = new Float32Array(size);
  for (const { name, shape, offset } of parameters) {
    const entry = header[peftName(name)];
    deepStrictEqual(entry.shape, shape, name);
    const [from, to] = entry.data_offsets;
    for (let at = from; at < to; at += 4) data[offset + (at - from) / 4] = view.getFloat32(start + at, true);
  }
  return data;
}

/** [B][T] to rows (t, b). */
const timeMajor = (rows: readonly (readonly number[])[]): number[] =>
  rows[0]!.flatMap((_, t) => rows.map((row) => row[t]!));

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string, tolerance = TOLERANCE): void {
  const error = relativeError(actual, expected);
  ok(error <= tolerance, `${what} is off by ${error}`);
}

async function withAdapter<T>(
  { config, policy, options, adapter }: Pick<Fixture, "config" | "policy" | "options" | "adapter">,
  work: (adapter: MergedAdapter) => Promise<T>,
): Promise<T> {
  const merged = await MergedAdapter.create(config, policy, options, { seed: 0, threads: 1 });
  merged.weights.data.set(adapter.data);
  await merged.merge();
  try {
    return await work(merged);
  } finally {
    await merged.dispose();
  }
}

/** The graph of the fixtures' objective. */
function objectiveGraph({ config, policy: { layout }, options, expected: { tokens } }: Fixture) {
  const [batch, length] = [tokens.length, tokens[0]!.length];
  const shape = { kind: "sequences" as const, length, batch }, objective = { kind: "supervised" as const };
  return trainGraph({ config, layout, adapter: options, shape, objective, temperature: 1, kept: false, length });
}

for (const name of NAMES) {
  Deno.test(`an adapted policy has peft's objective and its gradients of A and B, and of nothing else: ${name}`, async () => {
    const fixture = await readFixture(name), { expected, adapter } = fixture, graph = objectiveGraph(fixture);
    verifyGraph(graph);
    const rows = expected.tokens.flat().length;
    const shifted = (values: readonly (readonly number[])[]) => timeMajor(values.map((row) => [...row, 0]));
    const whole = (values: readonly number[], shape: readonly number[]) => ({
      data: BigInt64Array.from(values, BigInt),
      shape,
    });
    const feeds: Tensors = {
      tokens: whole(timeMajor(expected.tokens), [rows]),
      targets: whole(shifted(expected.tokens.map((row) => row.slice(1))), [rows, 1]),
      weight: { data: Float32Array.from(shifted(expected.weights)), shape: [rows, 1] },
    };
    const runtime = new LocalRuntime({ device: "cpu", threads: 1 }), session = await runtime.load(graph);
    const results = await withAdapter(fixture, ({ resident }) => session.run(feeds, { resident }));
    close(floats(results.loss), [-expected.objective], "objective");
    const outputs = [...graph.outputs.keys()].filter((output) => output.startsWith(gradientName("")));
    deepStrictEqual(outputs.sort(), adapter.layout.parameters.map(({ name }) => gradientName(name)).sort());
    strictEqual(outputs.length, Object.keys(expected.gradients).length);
    for (const { name, shape } of adapter.layout.parameters) {
      const reference = expected.gradients[peftName(name)]!;
      deepStrictEqual([...shape], reference.shape);
      close(floats(results[gradientName(name)]).map((x) => -x), reference.data, `gradient of ${name}`);
    }
    await session.dispose();
  });

  Deno.test(`MergedAdapter merges as peft does, wherever the policy's weights are read, and leaves them alone: ${name}`, async () => {
    const fixture = await readFixture(name),
      { expected, policy, options, config } = fixture,
      before = policy.data.slice();
    const adapted = new Set(targetsOf(config, options.targets).map(({ weight }) => weight.name));
    await withAdapter(fixture, ({ resident }) => {
      const tensors = resident.tensors(), floatsOf = (name: string) => tensors[name]!.data as Float32Array;
      for (const [module, { shape, data }] of Object.entries(expected.merged)) {
        deepStrictEqual([...tensors[`${module}.weight`]!.shape], shape);
        close(floatsOf(`${module}.weight`), data, module, 1e-6);
      }
      for (const { name } of policy.layout.parameters) {
        if (!adapted.has(name)) deepStrictEqual(floatsOf(name), parameterView(policy, name), `${name} is not adapted`);
      }
      for (const { name } of fusedWeights(policy.layout).filter(({ name }) => name.endsWith("qkv_proj.weight"))) {
        const parts = ["q", "k", "v"].map((part) => floatsOf(name.replace("qkv", part)));
        deepStrictEqual([...floatsOf(name)], parts.flatMap((part) => [...part]), name);
      }
      return Promise.resolve();
    });
    deepStrictEqual(policy.data, before);
  });

  Deno.test(`writeAdapter() writes peft's file to the byte, and a config of peft's fields and values: ${name}`, async () => {
    const { options, adapter, peft, expected } = await readFixture(name), folder = mkdtempSync(join(tmpdir(), "lora-"));
    try {
      const base = { name: expected.model, revision: null };
      await writeAdapter(folder, { options, weights: adapter, base }, { dtype: "F32" });
      deepStrictEqual(readdirSync(folder).sort(), ["adapter_config.json", "adapter_model.safetensors"]);
      deepStrictEqual(readFileSync(join(folder, "adapter_model.safetensors")), peft.file);
      const written: Record<string, unknown> = JSON.parse(readFileSync(join(folder, "adapter_config.json"), "utf8"));
      const theirs = Object.fromEntries(Object.keys(written).map((key) => [key, peft.config[key]]));
      deepStrictEqual(written, theirs);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

Deno.test("trainGraph() makes neither the gradient of a frozen weight nor what only that would need", async () => {
  const fixture = await readFixture("qwen2-all-linear"), { config, options } = fixture;
  const shapes = new Set(parameterLayout(config).parameters.map(({ shape }) => shape.join()));
  const ops = (targets: readonly string[]) =>
    reachable(objectiveGraph({ ...fixture, options: { ...options, targets } }).outputs.values());
  const all = ops(TARGETS);
  ok(!all.some(({ op }) => op === "EmbeddingGradient"), "the embedding is frozen");
  const weightGradients = all.filter(({ op }) => op === "WeightGradient");
  strictEqual(weightGradients.length, 2 * TARGETS.length * config.layers);
  for (const { outputs: [value] } of weightGradients) ok(!shapes.has(value!.shape.join()), `[${value!.shape}]`);
  // The last layer's down_proj alone would need nothing below it: a product that turns dy back goes with each layer above.
  const products = (targets: readonly string[]) => ops(targets).filter(({ op }) => op === "MatMul").length;
  ok(products(["down_proj"]) < products(["q_proj"]) && products(["q_proj"]) < products(TARGETS));
});

Deno.test("an adapter begins as no change to the bit: A uniform within 1 / sqrt(in), B zero", async () => {
  const { config, policy } = await readFixture("qwen2-all-linear"), options = adapterOptions(config, 4, null, null);
  const adapter = initialAdapter(config, options, 3);
  for (const { module, weight: { shape: [, inputs = 0] } } of targetsOf(config, options.targets)) {
    const names = matrixNames(module), a = parameterView(adapter, names.a), bound = 1 / Math.sqrt(inputs);
    ok(parameterView(adapter, names.b).every((x) => x === 0));
    ok(a.every((x) => Math.abs(x) <= bound) && a.some((x) => x > bound / 2) && a.some((x) => x < -bound / 2));
  }
  await withAdapter({ config, policy, options, adapter }, ({ resident }) => {
    const tensors = resident.tensors();
    for (const { name } of policy.layout.parameters) {
      ok(parameterView(policy, name).every((x, i) => x === (tensors[name]!.data as Float32Array)[i]), name);
    }
    return Promise.resolve();
  });
});

Deno.test("initialAdapter() draws a matrix from the seed and its place, whatever else is adapted", () => {
  const config = tinyConfig({}),
    all = adapterOptions(config, 2, null, null),
    some = adapterOptions(config, 2, 1, ["v_proj"]);
  const name = matrixNames("model.layers.1.self_attn.v_proj").a;
  const drawn = (options: AdapterOptions, seed: number) => parameterView(initialAdapter(config, options, seed), name);
  deepStrictEqual(drawn(all, 1), drawn(some, 1));
  ok(drawn(all, 1).some((x, i) => x !== drawn(all, 2)[i]));
});

Deno.test("adapterOptions() takes twice the rank as alpha, all linear layers, and targets in an order of their own", () => {
  const config = tinyConfig({});
  deepStrictEqual(adapterOptions(config, 4, null, null), { rank: 4, alpha: 8, targets: [...TARGETS] });
  deepStrictEqual(adapterOptions(config, 4, 3.5, ["all-linear"]), { rank: 4, alpha: 3.5, targets: [...TARGETS] });
  deepStrictEqual(adapterOptions(config, 1, null, ["v_proj", "q_proj"]).targets, ["q_proj", "v_proj"]);
});

Deno.test("adapterOptions() refuses what no adapter can have, naming the flag, the value and what is allowed", () => {
  const config = tinyConfig({}), { hiddenSize } = config;
  const refused = (rank: number, alpha: number | null, targets: string[] | null, message: RegExp) =>
    throws(() => adapterOptions(config, rank, alpha, targets), (error: unknown) => {
      ok(error instanceof MisuseError && message.test(error.message), String(error));
      return true;
    });
  for (const rank of [0, -1, 1.5, hiddenSize + 1, NaN]) {
    refused(
      rank,
      null,
      null,
      new RegExp(`^Cannot use --lora ${rank}: the rank must be an integer from 1 to ${hiddenSize}`),
    );
  }
  for (const alpha of [0, -2, NaN, Infinity]) {
    refused(4, alpha, null, new RegExp(`^Cannot use --lora-alpha ${alpha}: `));
  }
  refused(
    4,
    null,
    ["q_prj"],
    /--lora-targets q_prj: .*"q_prj" \(did you mean "q_proj"\?\) … the layers are q_proj, .*all-linear/,
  );
  refused(4, null, ["q_proj", "q_proj"], /--lora-targets q_proj,q_proj: it names q_proj twice/);
  refused(4, null, ["q_proj", "all-linear"], /there is no linear layer "all-linear"/);
  refused(4, null, ["lm_head"], /there is no linear layer "lm_head"/);
  refused(4, null, [], /it names no layer/);
});

Deno.test("writeAdapter() refuses a folder that cannot be made", async () => {
  const { options, adapter } = await readFixture("qwen3-q-v"), base = { name: "base", revision: null };
  const writing = writeAdapter(join(import.meta.filename!, "below"), { options, weights: adapter, base }, {
    dtype: "F32",
  });
  await rejects(writing, FailureError);
});
