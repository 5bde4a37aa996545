// Runs the graphs of training and of sampling on the WebGPU provider, in the precision of its argument, and on the CPU, in
// a process of its own because the Vulkan driver is chosen when a process starts. Prints the relative error of every
// output as JSON.

import process from "node:process";
import { parseConfig } from "../../harness/config.ts";
import { Graph } from "../../harness/graph/ir.ts";
import { lower } from "../../harness/graph/lower.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";
import { adapterOptions } from "../../harness/model/lora.ts";
import { MergedAdapter } from "../../harness/model/merged_adapter.ts";
import { weightsDigest } from "../../harness/model/policy.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { createOptimizer } from "../../harness/rl/create_optimizer.ts";
import { Learner, type SampleGroup } from "../../harness/rl/learner.ts";
import type { Draws } from "../../harness/rl/generation.ts";
import { promptFeeds } from "../../harness/rl/run_shapes.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import { trainGraph } from "../../harness/rl/train_graph.ts";
import { onDevice } from "../../harness/runtime/device_memory.ts";
import { parsePrecision } from "../../harness/runtime/devices.ts";
import { type Device, floats, LocalRuntime } from "../../harness/runtime/session.ts";
import { stream } from "../../harness/base/prng.ts";
import { relativeError } from "../oracles/float64.ts";
import { LENGTH, PLAIN, type Policy, randomPrompts, smallPolicy } from "../rl/small_policies.ts";

const column = (rows: number, value: (i: number) => number) => ({
  data: Float32Array.from({ length: rows }, (_, i) => value(i)),
  shape: [rows, 1],
});

/** What a policy computes in where it is not on the CPU. */
const precision = parsePrecision(process.argv[2]!);

/** A loss so many times larger has gradients that float16 does not hold. */
const OVERFLOWS = 2 ** 30, lossScales: number[] = [];

const runtimeOn = (device: Device) =>
  new LocalRuntime({ device, threads: 1, precision: device === "cpu" ? "float32" : precision });

/** Every output of a policy-gradient pass. */
async function pass({ config, weights }: Policy, device: Device): Promise<Record<string, Float32Array>> {
  const [promptLength, length, group] = [8, 6, 2],
    prompts = randomPrompts({ config, weights }, [5, 8]),
    width = prompts.length * group,
    rows = length * width;
  const graph = trainGraph({
    config,
    layout: weights.layout,
    shape: { kind: "completions", promptLength, prompts: prompts.length, length, group },
    objective: { kind: "policy-gradient", clipLow: 0.2, clipHigh: 0.2, klBeta: 0.1 },
    temperature: 0.9,
    kept: false,
    length: 32,
  });
  verifyGraph(lower(graph, "webgpu", { precision, halfInputs: true }));
  const random = stream(1, "webgpu"),
    ids = (count: number) => BigInt64Array.from({ length: count }, () => BigInt(random.int(config.vocabSize)));
  const runtime = runtimeOn(device), session = await runtime.load(graph, [], runtime.precision);
  const results = await session.run({
    ...promptFeeds(prompts, promptLength),
    tokens: { data: ids(rows - width), shape: [rows - width] },
    positions: {
      data: BigInt64Array.from(
        { length: rows - width },
        (_, row) => BigInt(prompts[Math.floor(row % width / group)]!.length + Math.floor(row / width)),
      ),
      shape: [rows - width, 1],
    },
    targets: { data: ids(rows), shape: [rows, 1] },
    weight: column(rows, (i) => (i % 3) / 10),
    advantage: column(rows, (i) => Math.sin(i)),
    counted: column(rows, () => 1),
    old: column(rows, () => 0.03),
    reference: column(rows, () => 0.04),
  }, { resident: residentWeights(weights) });
  await session.dispose();
  return Object.fromEntries(
    Object.entries(results).map(([name, tensor]) => [name, floats(tensor).slice()]),
  );
}

/** Sampled completions whose support is limited. */
async function draws(policy: Policy, device: Device): Promise<Draws[]> {
  const runtime = runtimeOn(device), sampling = { ...PLAIN, temperature: 0.9, topK: 8 };
  const sampler = new Sampler(runtime, policy.config, [39], LENGTH);
  const random = (prompt: number, sample: number) => stream(2, "rollout", 0, prompt, sample);
  const options = { group: 2, maxTokens: 6, sampling, random };
  const all = await sampler.generate(residentWeights(policy.weights), randomPrompts(policy, [5, 9]), options);
  await sampler.dispose();
  return all.flat();
}

const { rl } = parseConfig({
  rl: { maxPromptTokens: 16, maxCompletionTokens: 8, epsilon: 1e-3, klBeta: 0.1, microBatch: 2, weightDecay: 0.1 },
}, "the test");

/** Completions of two prompts, of which a pass takes one. */
function batchOf(policy: Policy): SampleGroup[] {
  const random = stream(3, "webgpu"), tokens = () => Int32Array.from({ length: 6 }, () => random.int(40));
  return randomPrompts(policy, [5, 8]).map((prompt, p) => ({
    prompt,
    samples: [0, 1].map((s) => ({
      ...{ tokens: tokens(), probabilities: new Float32Array(6).fill(0.03), kept: null },
      ...{ advantage: s - 0.3 - p, weight: 0.05 },
    })),
  }));
}

/** What is trained and the optimizer's moments after two updates, and one more after the host has changed both. */
async function learn(policy: Policy, device: Device, adapted: boolean): Promise<Record<string, Float32Array>> {
  const { config } = policy, weights = { ...policy.weights, data: policy.weights.data.slice() };
  const runtime = runtimeOn(device);
  const adapter = adapted
    ? await MergedAdapter.create(config, weights, adapterOptions(config, 2, null, null), {
      seed: 1,
      threads: 1,
      device: runtime,
    })
    : null;
  const learner = new Learner(runtime, config, weights, rl, policy.weights, adapter), { trained } = learner;
  const optimizer = await createOptimizer(runtime, trained, learner.resident, rl, 1), batch = batchOf(policy);
  learner.lossScale?.load(JSON.stringify({ value: OVERFLOWS, good: 0 }));
  const found: Record<string, Float32Array> = {}, kind = adapted ? "adapter" : "weights";
  for (const update of [1, 2, 3]) {
    const { gradientNorm } = await learner.update(batch, optimizer, 1e-2);
    found[`${kind}, gradient norm ${update}`] = Float32Array.of(gradientNorm);
    if (update === 1) continue;
    await optimizer.settle();
    found[`${kind} after update ${update}`] = trained.data.slice();
    found[`${kind}, moments after update ${update}`] = Float32Array.of(...optimizer.first, ...optimizer.second);
    for (const array of [trained.data, optimizer.first, optimizer.second]) array.forEach((x, i) => array[i] = x / 2);
    optimizer.changed();
    await learner.changed();
  }
  if (learner.lossScale) lossScales.push(learner.lossScale.value);
  await Promise.all([learner.dispose(), optimizer.dispose(), adapter?.dispose()]);
  await runtime.dispose();
  return found;
}

/** A sum of so many ones, which are all made before. */
async function ones(count: number): Promise<number> {
  const runtime = runtimeOn("webgpu"), g = new Graph();
  const all = g.expand(g.input("one", "float32", [1, 1]), [count / 1024, 1024]);
  g.output("sum", g.sum(g.sum(all, [1], false), [0], true));
  const session = await runtime.load(g);
  const { sum } = await session.run({ one: { data: Float32Array.of(1), shape: [1, 1] } });
  await session.dispose();
  return floats(sum)[0]!;
}

/** Running sums of many blocks, the last of which is not whole. */
async function runningSums(device: Device): Promise<Record<string, Float32Array>> {
  const runtime = runtimeOn(device), g = new Graph(), shape = [3, 1000];
  g.output("running sums", g.op("CumSum", [g.input("x", "float32", shape)]));
  const session = await runtime.load(g);
  const found = await session.run({
    x: { data: Float32Array.from({ length: 3000 }, (_, i) => 1 + Math.sin(i)), shape },
  });
  await session.dispose();
  return { "running sums": floats(found["running sums"]) };
}

/** What stayed of a session that has been disposed of: e. */
async function outlived(): Promise<number> {
  const runtime = runtimeOn("webgpu"), g = new Graph();
  g.output("y", g.exp(g.input("x", "float32", [1000])));
  const session = await runtime.load(g, ["y"]);
  const y = onDevice((await session.run({ x: { data: new Float32Array(1000).fill(1), shape: [1000] } })).y);
  await session.dispose();
  const host = new Float32Array(1000);
  await runtime.memory!.download(y, host);
  y.dispose();
  await runtime.dispose();
  return host[999]!;
}

/** How far sums of softmax are from 1 where a tensor is larger than the 128 MiB that every driver binds. */
async function wide(): Promise<number> {
  const runtime = runtimeOn("webgpu"), g = new Graph(), rows = 1025, columns = 2 ** 15;
  const all = g.expand(g.input("row", "float32", [1, columns]), [rows, columns]);
  g.output("sum", g.sum(g.softmax(all), [1], false));
  const session = await runtime.load(g);
  const row = { data: Float32Array.from({ length: columns }, (_, i) => Math.sin(i)), shape: [1, columns] };
  const { sum } = await session.run({ row });
  await session.dispose();
  return Math.max(...floats(sum).map((x) => Math.abs(x - 1)));
}

/** What the parent checks. */
export interface Report {
  readonly errors: Readonly<Record<string, number>>;
  readonly tokens: Readonly<Record<"webgpu" | "cpu", readonly string[]>>;
  /** What is left of a loss scale of 2^30, with all weights and with an adapter; none in float32. */
  readonly lossScales: readonly number[];
  /** No run wrote to the weights. */
  readonly intact: boolean;
  /** What is thrown for a tensor of 2 GiB, more than a buffer of this driver takes. */
  readonly outOfMemory: string;
  /** A sum of 2048 ones, after that. */
  readonly afterwards: number;
  /** See {@linkcode wide}, or why it was refused. */
  readonly wide: number | string;
  /** An element of a tensor that was read after its session's end: e. */
  readonly outlived: number;
}

// One layer with everything: the driver compiles every kernel for every shape, which takes most of the time.
const policy = smallPolicy("Qwen3", { num_hidden_layers: 1, head_dim: 8 }), before = weightsDigest(policy.weights);
const on = async (device: Device) => ({
  ...await pass(policy, device),
  ...await learn(policy, device, false),
  ...await learn(policy, device, true),
  ...await runningSums(device),
});
const expected = await on("cpu"), actual = await on("webgpu");
const here = await draws(policy, "cpu"), there = await draws(policy, "webgpu");
const texts = (draws: readonly Draws[]) => draws.map(({ tokens }) => tokens.join());
const report: Report = {
  errors: Object.fromEntries([
    ...Object.entries(expected).map(([name, data]) => [name, relativeError(actual[name]!, data)]),
    ...here.map(({ probabilities }, i) => [`sample ${i}`, relativeError(there[i]!.probabilities, probabilities)]),
  ]),
  tokens: { webgpu: texts(there), cpu: texts(here) },
  lossScales,
  intact: weightsDigest(policy.weights) === before,
  outOfMemory: await ones(2 ** 29).then(() => "nothing", String),
  afterwards: await ones(2048),
  wide: await wide().catch(String),
  outlived: await outlived(),
};
console.log(JSON.stringify(report));
