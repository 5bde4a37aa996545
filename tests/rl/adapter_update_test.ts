// Updates of an adapter: sampler and trainer agree to the bit as they do without one, and the gradients of A and B are
// what the chain rule makes of the gradient that training the merged weights themselves has.

import { deepStrictEqual, notDeepStrictEqual, ok } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { parseConfig } from "../../harness/config.ts";
import { parameterView, type Weights } from "../../harness/model/layout.ts";
import { type AdapterOptions, adapterOptions, matrixNames, targetsOf } from "../../harness/model/lora.ts";
import { MergedAdapter } from "../../harness/model/merged_adapter.ts";
import { Learner, type SampleGroup, type UpdateReport } from "../../harness/rl/learner.ts";
import { AdamW } from "../../harness/rl/optimizer.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import type { Resident, Runtime } from "../../harness/runtime/session.ts";
import { relativeError } from "../oracles/float64.ts";
import {
  EXACT,
  LENGTH,
  PLAIN,
  type Policy,
  POLICY_NAMES,
  randomPrompts,
  smallPolicy,
  withRuntime,
} from "./small_policies.ts";

const { rl } = parseConfig({
  rl: { maxPromptTokens: 32, maxCompletionTokens: 24, maxGradNorm: 1e9, klBeta: 0.1, microBatch: 6 },
}, "test");

async function draw(runtime: Runtime, policy: Policy, weights: Resident): Promise<SampleGroup[]> {
  const prompts = randomPrompts(policy, [5, 16, 17]), sampler = new Sampler(runtime, policy.config, [7, 21], LENGTH);
  const random = (prompt: number, sample: number) => stream(4, "rollout", 0, prompt, sample);
  const drawn = await sampler.generate(weights, prompts, { group: 4, maxTokens: 20, sampling: PLAIN, random });
  await sampler.dispose();
  return prompts.map((prompt, p) => ({
    prompt,
    samples: drawn[p]!.map((draws, s) => ({ ...draws, advantage: (s - 1.3) * (p + 1), weight: 0.02 })),
  }));
}

interface Learned {
  readonly reports: readonly UpdateReport[];
  /** Of the first update. */
  readonly gradient: Weights;
  /** The adapter before that, and after the last. */
  readonly before: Weights;
  readonly after: Weights;
  /** The policy's weights with the adapter merged in, before the first. */
  readonly merged: Weights;
}

/** Two updates of an adapter whose B is not zero. */
function learn(policy: Policy, options: AdapterOptions, workers = 0): Promise<Learned> {
  return withRuntime(workers, async (runtime) => {
    const { config, weights } = policy;
    const adapter = await MergedAdapter.create(config, weights, options, { seed: 5, threads: 1 });
    const random = stream(6, "adapter test");
    for (const { module } of targetsOf(config, options.targets)) {
      const b = parameterView(adapter.weights, matrixNames(module).b);
      b.forEach((_, i) => b[i] = 0.2 * random.normal());
    }
    const learner = new Learner(runtime, config, weights, rl, weights, adapter);
    await learner.changed();
    const copy = ({ layout, data }: Weights) => ({ layout, data: data.slice() });
    const before = copy(adapter.weights), merged = copy(weights), tensors = adapter.resident.tensors();
    for (const { name } of weights.layout.parameters) {
      parameterView(merged, name).set(tensors[name]!.data as Float32Array);
    }
    const optimizer = await AdamW.create(learner.trained, rl, 1), reports: UpdateReport[] = [];
    let gradient = before;
    for (const step of [0, 1]) {
      reports.push(await learner.update(await draw(runtime, policy, adapter.resident), optimizer, 1e-2));
      if (step > 0) break;
      gradient = { ...before, data: optimizer.first.map((moment) => moment / (1 - rl.beta1)) }; // unclipped
    }
    await Promise.all([learner.dispose(), optimizer.dispose(), adapter.dispose()]);
    return { reports, gradient, before, after: copy(adapter.weights), merged };
  });
}

/** The gradient of the same first update, where the merged weights themselves are trained. */
function fullGradient(policy: Policy, merged: Weights): Promise<Weights> {
  return withRuntime(0, async (runtime) => {
    const weights = { ...merged, data: merged.data.slice() };
    const learner = new Learner(runtime, policy.config, weights, rl, policy.weights);
    const optimizer = await AdamW.create(weights, rl, 1);
    await learner.update(await draw(runtime, policy, learner.resident), optimizer, 1e-2);
    await Promise.all([learner.dispose(), optimizer.dispose()]);
    return { ...merged, data: optimizer.first.map((moment) => moment / (1 - rl.beta1)) };
  });
}

/** a [n, k] times b [k, m]. */
const product = (
  n: number,
  k: number,
  m: number,
  a: (i: number, j: number) => number,
  b: (i: number, j: number) => number,
) =>
  Float64Array.from({ length: n * m }, (_, at) => {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += a(Math.floor(at / m), j) * b(j, at % m);
    return sum;
  });

for (const name of POLICY_NAMES) {
  const policy = smallPolicy(name);
  for (const targets of [null, ["q_proj", "v_proj", "down_proj"]]) {
    Deno.test(`Learner trains an adapter to ${targets ?? "all layers"} by the chain rule, without a gap: ${name}`, async () => {
      const options = adapterOptions(policy.config, 3, 5, targets), frozen = policy.weights.data.slice();
      const { reports, gradient, before, after, merged } = await learn(policy, options);
      for (const report of reports) ok(report.samplerTrainerGap <= EXACT);
      ok(reports[0]!.kl! > 0);
      deepStrictEqual(policy.weights.data, frozen);
      notDeepStrictEqual(after.data, before.data);
      const full = await fullGradient(policy, merged), scale = options.alpha / options.rank, r = options.rank;
      for (
        const { module, weight: { name, shape: [outputs = 0, inputs = 0] } } of targetsOf(
          policy.config,
          options.targets,
        )
      ) {
        const names = matrixNames(module), dW = parameterView(full, name);
        const a = parameterView(before, names.a), b = parameterView(before, names.b);
        const dA = product(r, outputs, inputs, (i, o) => scale * b[o * r + i]!, (o, j) => dW[o * inputs + j]!);
        const dB = product(outputs, inputs, r, (o, j) => scale * dW[o * inputs + j]!, (j, i) => a[i * inputs + j]!);
        for (const [matrix, expected] of [[names.a, dA], [names.b, dB]] as const) {
          const error = relativeError(parameterView(gradient, matrix), expected);
          ok(error < 1e-4, `the gradient of ${matrix} is off by ${error}`);
        }
      }
    });
  }
}

Deno.test("Learner's updates of an adapter have the same bits with one worker, with two, and in this thread", async () => {
  const policy = smallPolicy("GQA"), options = adapterOptions(policy.config, 3, 5, null);
  const here = await learn(policy, options);
  for (const workers of [1, 2]) {
    const there = await learn(policy, options, workers);
    deepStrictEqual(there.reports, here.reports);
    deepStrictEqual(there.after.data, here.after.data);
  }
});
