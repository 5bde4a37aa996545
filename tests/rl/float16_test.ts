// Sampling and training in float16 against float32, on a fake GPU that keeps weights and caches as WebGPU does, and on one
// that keeps none, as CUDA. Tolerances are those of eleven bits.

import { deepStrictEqual, notDeepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { FailureError } from "../../harness/base/errors.ts";
import { stream } from "../../harness/base/prng.ts";
import { parseConfig } from "../../harness/config.ts";
import { adapterOptions } from "../../harness/model/lora.ts";
import { MergedAdapter } from "../../harness/model/merged_adapter.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { createOptimizer } from "../../harness/rl/create_optimizer.ts";
import { Learner, type SampleGroup } from "../../harness/rl/learner.ts";
import type { Draws } from "../../harness/rl/generation.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import { LocalRuntime, type Runtime } from "../../harness/runtime/session.ts";
import { FakeGpu } from "../fakes/gpu.ts";
import { relativeError } from "../oracles/float64.ts";
import {
  LENGTH,
  PLAIN,
  type Policy,
  POLICY_NAMES,
  type PolicyName,
  randomPrompts,
  smallPolicy,
} from "./small_policies.ts";

const { rl } = parseConfig({
  rl: { maxPromptTokens: 32, maxCompletionTokens: 24, maxGradNorm: 0.5, klBeta: 0.1, microBatch: 4 },
}, "the test");

/** A policy with heads that ONNX Runtime's attention takes on WebGPU. */
const wideHeads = (name: PolicyName, changes: Readonly<Record<string, unknown>> = {}): Policy =>
  smallPolicy(name, { head_dim: 8, ...changes });

const onCpu = () => new LocalRuntime({ device: "cpu", threads: 1 });
const copyOf = ({ config, weights }: Policy): Policy => (
  { config, weights: { ...weights, data: weights.data.slice() } }
);

async function draw(runtime: Runtime, policy: Policy, resident = residentWeights(policy.weights)): Promise<Draws[][]> {
  const sampler = new Sampler(runtime, policy.config, [7, 21], LENGTH);
  const random = (prompt: number, sample: number) => stream(4, "rollout", 0, prompt, sample);
  const options = { group: 4, maxTokens: 12, sampling: PLAIN, random };
  const draws = await sampler.generate(resident, randomPrompts(policy, [5, 16, 17]), options);
  await sampler.dispose();
  return draws;
}

/** Drawn in float32, so that all precisions learn from the same. */
async function batchOf(policy: Policy, weight = 0.05): Promise<SampleGroup[]> {
  const draws = await draw(onCpu(), policy);
  return randomPrompts(policy, [5, 16, 17]).map((prompt, p) => ({
    prompt,
    samples: draws[p]!.map((draw, s) => ({ ...draw, advantage: (s - 1.5) * (p + 1) / 3, weight })),
  }));
}

/** Some updates of a copy of the policy, or of an adapter to it. */
async function learn(runtime: Runtime, original: Policy, batch: readonly SampleGroup[], updates = 2, adapted = false) {
  const policy = copyOf(original), { config, weights } = policy;
  const adapter = adapted
    ? await MergedAdapter.create(config, weights, adapterOptions(config, 3, null, null), {
      ...{ seed: 1, threads: 1, device: runtime },
    })
    : null;
  const learner = new Learner(runtime, config, weights, rl, original.weights, adapter);
  const optimizer = await createOptimizer(runtime, learner.trained, learner.resident, rl, 1), reports = [];
  for (let i = 0; i < updates; i++) reports.push(await learner.update(batch, optimizer, 1e-3));
  await optimizer.settle();
  const draws = await draw(runtime, policy, learner.resident);
  const result = { reports, trained: learner.trained.data, first: optimizer.first, draws, policy };
  await Promise.all([learner.dispose(), optimizer.dispose(), adapter?.dispose()]);
  return { ...result, scale: learner.lossScale, steps: optimizer.steps };
}

for (const name of POLICY_NAMES) {
  Deno.test(`an update in float16 is that of float32 within rounding, with resident weights and without: ${name}`, async () => {
    const policy = wideHeads(name, { initializer_range: 0.2 }), batch = await batchOf(policy);
    for (const adapted of [false, true]) {
      const wide = await learn(onCpu(), policy, batch, 1, adapted);
      for (const runtime of [new FakeGpu("float16", "cuda"), new FakeGpu("float16", "webgpu")]) {
        const { reports: [report], first, scale } = await learn(runtime, policy, batch, 1, adapted);
        const [expected] = wide.reports, where = `${runtime.device}, ${adapted ? "adapter" : "weights"}`;
        const error = relativeError(first, wide.first);
        ok(error > 0 && error < 1e-2, `${where}: the gradient is off by ${error}`);
        for (const key of ["loss", "entropy", "kl", "gradientNorm"] as const) {
          const [found, right] = [report![key]!, expected![key]!];
          ok(Math.abs(found - right) < 1e-2 * (0.1 + Math.abs(right)), `${where}: ${key} is ${found}, not ${right}`);
        }
        strictEqual(scale!.value, 2 ** 12);
        await runtime.dispose();
      }
    }
  });
}

Deno.test("sampler and trainer agree in float16 as far as its products do", async () => {
  for (const name of POLICY_NAMES) {
    const policy = wideHeads(name, { initializer_range: 0.2 });
    for (const runtime of [new FakeGpu("float16", "cuda"), new FakeGpu("float16", "webgpu")]) {
      const draws = await draw(runtime, policy), prompts = randomPrompts(policy, [5, 16, 17]);
      const batch = prompts.map((prompt, p) => ({
        prompt,
        samples: draws[p]!.map((draw) => ({ ...draw, advantage: 1, weight: 0.1 })),
      }));
      const { reports: [report] } = await learn(runtime, policy, batch, 1);
      ok(report!.samplerTrainerGap < 2e-2, `${name}, ${runtime.device}: ${report!.samplerTrainerGap}`);
      await runtime.dispose();
    }
  }
});

Deno.test("a device in float16 keeps caches in float16, and rounds weights once an update", async () => {
  const policy = wideHeads("GQA"),
    device = new FakeGpu("float16", "webgpu"),
    resident = residentWeights(policy.weights);
  const first = await draw(device, policy, resident), copies = { ...device.copies };
  deepStrictEqual([device.stayed.get("k.0"), device.stayed.get("grown.v.1")], ["float16", "float16"]);
  const matrices = policy.weights.layout.parameters.filter(({ shape }) => shape.length === 2);
  strictEqual(copies.float16, matrices.length);
  deepStrictEqual(await draw(device, policy, resident), first);
  deepStrictEqual(device.copies, copies, "nothing goes up, and nothing is rounded again");
  policy.weights.data.forEach((x, i) => policy.weights.data[i] = 0.8 * x);
  resident.changed();
  notDeepStrictEqual(await draw(device, policy, resident), first);
  strictEqual(device.copies.float16, 2 * copies.float16);
  await device.dispose();
});

Deno.test("after updates in float16 the device draws from the new weights", async () => {
  for (const adapted of [false, true]) {
    const policy = wideHeads("Qwen2"), batch = await batchOf(policy);
    const device = new FakeGpu("float16", "webgpu"), learned = await learn(device, policy, batch, 2, adapted);
    const fresh = new FakeGpu("float16", "webgpu");
    notDeepStrictEqual(learned.draws, await draw(fresh, policy));
    if (!adapted) deepStrictEqual(learned.draws, await draw(fresh, learned.policy));
    await Promise.all([device.dispose(), fresh.dispose()]);
  }
});

Deno.test("where a gradient overflows the scale is halved and the same batch learned from again", async () => {
  const policy = wideHeads("GQA", { initializer_range: 0.2 });
  const batch = await batchOf(policy), large = await batchOf(policy, 0.05 * 2 ** 14); // overflows by its weight
  for (const make of [() => new FakeGpu("float16", "cuda"), () => new FakeGpu("float16", "webgpu")]) {
    const [plain, overflown] = [await learn(make(), policy, batch, 1), await learn(make(), policy, large, 1)];
    ok(overflown.scale!.value < plain.scale!.value, `${overflown.scale!.value}`);
    strictEqual(overflown.steps, 1);
    const [a, b] = [plain.reports[0]!, overflown.reports[0]!];
    ok(Math.abs(b.gradientNorm / a.gradientNorm / 2 ** 14 - 1) < 1e-2, `${b.gradientNorm}`);
    ok(Math.abs(b.loss / a.loss / 2 ** 14 - 1) < 1e-3, `${b.loss}`);
  }
  const endless = await batchOf(policy, 1e9);
  await rejects(learn(new FakeGpu("float16", "cuda"), policy, endless, 1), (error: Error) => {
    return error instanceof FailureError && /gradient norm is .* or choose --precision float32/.test(error.message);
  });
});

Deno.test("float32 has no loss scale", async () => {
  const policy = wideHeads("GQA"), { scale } = await learn(onCpu(), policy, await batchOf(policy), 1);
  strictEqual(scale, null);
});
