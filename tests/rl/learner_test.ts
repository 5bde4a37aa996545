// An update against the definition: the gradient is that of the weighted tokens, however the batch is cut into passes,
// and what is reported is what a loop over tokens computes.

import { deepStrictEqual, notDeepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { FailureError } from "../../harness/base/errors.ts";
import { type Config, parseConfig } from "../../harness/config.ts";
import type { Graph } from "../../harness/graph/ir.ts";
import type { Weights } from "../../harness/model/layout.ts";
import { Learner, type SampleGroup, type UpdateReport } from "../../harness/rl/learner.ts";
import { AdamW } from "../../harness/rl/optimizer.ts";
import type { Draws } from "../../harness/rl/generation.ts";
import { gradientName, trainGraph } from "../../harness/rl/train_graph.ts";
import { OutOfDeviceMemory } from "../../harness/runtime/device_failure.ts";
import { LocalRuntime, type Runtime, type Session } from "../../harness/runtime/session.ts";
import { FakeGpu } from "../fakes/gpu.ts";
import { type Array64, relativeError } from "../oracles/float64.ts";
import { runGraph } from "../oracles/onnx.ts";
import {
  EXACT,
  generate,
  type Policy,
  POLICY_NAMES,
  randomPrompts,
  score,
  smallPolicy,
  withRuntime,
} from "./small_policies.ts";

const LENGTHS = [5, 16, 17];
const GROUP = 6;

type Rl = Config["rl"];
const settings = (changes: Partial<Rl> = {}): Rl =>
  parseConfig({ rl: { maxPromptTokens: 32, maxCompletionTokens: 24, maxGradNorm: 1e9, ...changes } }, "test").rl;

interface Learned {
  readonly report: UpdateReport;
  readonly gradient: Float32Array;
  readonly weights: Weights;
}

/** One update of a copy of the policy. */
function learn(
  policy: Policy,
  batch: readonly SampleGroup[],
  rl: Rl,
  reference: Weights | null = null,
  workers = 0,
): Promise<Learned> {
  const weights = { ...policy.weights, data: policy.weights.data.slice() };
  return withRuntime(workers, async (runtime) => {
    const learner = new Learner(runtime, policy.config, weights, rl, reference);
    const optimizer = await AdamW.create(weights, rl, 1);
    const report = await learner.update(batch, optimizer, 1e-3),
      gradient = optimizer.first.map((moment) => moment / (1 - rl.beta1)); // after one step, unclipped
    await Promise.all([learner.dispose(), optimizer.dispose()]);
    return { report, gradient, weights };
  });
}

/** Samples of a policy with weights and advantages that differ from row to row. */
async function sampledBatch(policy: Policy, sampling = {}): Promise<{ batch: SampleGroup[]; draws: Draws[][] }> {
  const prompts = randomPrompts(policy, LENGTHS);
  const draws = await generate(policy, prompts, { group: GROUP, maxTokens: 20, sampling });
  const batch = prompts.map((prompt, p) => ({
    prompt,
    samples: draws[p]!.map((draw, s) => ({
      ...draw,
      advantage: (s - 2.5) * (p + 1) / 3,
      weight: 1 / (10 * draw.tokens.length),
    })),
  }));
  return { batch, draws };
}

/** A runtime that has memory for passes of so many sequences, as a device has. */
function smallDevice(most: number): Runtime {
  const inner = new LocalRuntime({ device: "cpu", threads: 1 });
  const load = async (graph: Graph): Promise<Session> => {
    const session = await inner.load(graph);
    return {
      run: async (feeds, options) => {
        const tokens = feeds.tokens!.shape[0]!, scored = feeds.targets!.shape[0]!;
        if (scored - tokens > most) throw new OutOfDeviceMemory("Cannot run on a small device: it has not the memory");
        return await session.run(feeds, options);
      },
      dispose: () => session.dispose(),
    };
  };
  return { load, device: "cpu", precision: "float32", memory: null, concurrency: 1, dispose: () => inner.dispose() };
}

Deno.test("Learner makes passes smaller where the device has not the memory, remembers it, and says what to set", async () => {
  const policy = smallPolicy("GQA"), { batch } = await sampledBatch(policy), rl = settings();
  const whole = await learn(policy, batch, settings({ microBatch: 4 }));
  const weights = { ...policy.weights, data: policy.weights.data.slice() }, told: number[] = [];
  const create = (smaller: ((sequences: number) => void) | null) =>
    new Learner(smallDevice(4), policy.config, weights, rl, null, null, smaller);
  const optimizer = await AdamW.create(weights, rl, 1), learner = create((sequences) => told.push(sequences));
  await learner.update(batch, optimizer, 1e-3);
  const gradient = optimizer.first.map((moment) => moment / (1 - rl.beta1));
  ok(relativeError(gradient, whole.gradient) < 1e-5);
  await learner.update(batch, optimizer, 1e-3);
  deepStrictEqual(told, [9, 3]); // a pass of 9 takes one group of 6
  await rejects(
    create(null).update(batch, optimizer, 1e-3),
    /small device: .* for a pass of 18 sequences … set rl\.microBatch=9, or let --auto-microbatch/,
  );
  await Promise.all([learner.dispose(), optimizer.dispose()]);
});

Deno.test("Learner sends weights once an update to a device that keeps nothing: its passes are one run", async () => {
  const policy = smallPolicy("GQA"),
    { batch } = await sampledBatch(policy),
    rl = settings({ microBatch: 6, klBeta: 0.1 });
  const reference = { ...policy.weights, data: policy.weights.data.map((weight) => 0.9 * weight) };
  const here = await learn(policy, batch, rl, reference);
  const gpu = new FakeGpu("float32", "cuda"), weights = { ...policy.weights, data: policy.weights.data.slice() };
  const runs: string[] = [],
    runtime: Runtime = {
      ...{
        device: gpu.device,
        memory: gpu.memory,
        precision: gpu.precision,
        concurrency: 1,
        dispose: () => gpu.dispose(),
      },
      load: async (graph, stay, precision) => {
        const session = await gpu.load(graph, stay, precision), kind = graph.outputs.has("loss") ? "train" : "score";
        return {
          run: (feeds, options) => {
            runs.push(`${kind} ${feeds.tokens!.shape.length === 2 ? feeds.tokens!.shape[0] : 1}`);
            return session.run(feeds, options);
          },
          dispose: () => session.dispose(),
        };
      },
    };
  const learner = new Learner(runtime, policy.config, weights, rl, reference),
    optimizer = await AdamW.create(weights, rl, 1);
  const report = await learner.update(batch, optimizer, 1e-3);
  const gradient = optimizer.first.map((moment) => moment / (1 - rl.beta1));
  ok(relativeError(gradient, here.gradient) < 1e-5);
  const numbers = ({ loss, entropy, kl, clipShare, gradientNorm }: UpdateReport) => [
    ...[loss, entropy, kl!, clipShare, gradientNorm],
  ];
  ok(relativeError(numbers(report), numbers(here.report)) < 1e-5);
  deepStrictEqual(runs, ["score 3", "train 3"]);
  await Promise.all([learner.dispose(), optimizer.dispose()]);
});

for (const name of POLICY_NAMES) {
  const policy = smallPolicy(name);

  Deno.test(`Learner's update does not depend on how the batch is cut into passes: ${name}`, async () => {
    const { batch } = await sampledBatch(policy), whole = await learn(policy, batch, settings({ microBatch: 18 }));
    ok(whole.report.samplerTrainerGap <= EXACT);
    for (const microBatch of [0, 1, 2, 4, 6, 7, 12]) {
      const { report, gradient } = await learn(policy, batch, settings({ microBatch }));
      ok(report.samplerTrainerGap <= EXACT, `${microBatch} completions a pass`);
      const error = relativeError(gradient, whole.gradient);
      ok(error < 1e-5, `${microBatch} completions a pass: the gradient is off by ${error}`);
      for (const key of ["loss", "entropy", "clipShare", "gradientNorm"] as const) {
        ok(Math.abs(report[key] - whole.report[key]) < 1e-5 * (1 + Math.abs(whole.report[key])), key);
      }
    }
  });

  Deno.test(`Learner sees no gap under temperature, top-k and top-p: ${name}`, async () => {
    const sampling = { temperature: 1.3, topK: 12, topP: 0.9 }, { batch } = await sampledBatch(policy, sampling);
    const { report } = await learn(policy, batch, settings(sampling));
    ok(report.samplerTrainerGap <= EXACT);
  });
}

Deno.test("Learner's update has the same bits with one worker, with two, and in this thread", async () => {
  const policy = smallPolicy("GQA"),
    { batch } = await sampledBatch(policy),
    rl = settings({ microBatch: 2, klBeta: 0.1 });
  const here = await learn(policy, batch, rl, policy.weights);
  for (const workers of [1, 2]) {
    const there = await learn(policy, batch, rl, policy.weights, workers);
    deepStrictEqual(there.report, here.report);
    deepStrictEqual(there.weights.data, here.weights.data);
  }
});

/** Old probabilities that differ from the policy's by up to a factor e^0.4, either way. */
const moved = (batch: readonly SampleGroup[]): SampleGroup[] =>
  batch.map(({ prompt, samples }, p) => ({
    prompt,
    samples: samples.map((sample, s) => ({
      ...sample,
      probabilities: sample.probabilities.map((x, t) => Math.min(1, x * Math.exp(0.4 * Math.sin(7 * t + 3 * s + p)))),
    })),
  }));

Deno.test("Learner reports loss, clip share and KL, and follows the gradient, of a loop over tokens", async () => {
  const policy = smallPolicy("Qwen2"),
    { batch, draws } = await sampledBatch(policy),
    prompts = batch.map(({ prompt }) => prompt);
  const other = {
    ...policy,
    weights: { ...policy.weights, data: policy.weights.data.map((x, i) => x * (1 + 0.02 * Math.cos(i))) },
  };
  const rl = settings({ clipLow: 0.1, clipHigh: 0.25, klBeta: 0.3 }), old = moved(batch);
  const { report, gradient } = await learn(policy, old, rl, other.weights);

  const now = await score(policy, prompts, draws), reference = await score(other, prompts, draws);
  let loss = 0, clipped = 0, kl = 0, tokens = 0;
  const slopes = old.map(({ samples }, p) =>
    samples.map(({ probabilities, advantage, weight }, s) =>
      Float64Array.from(probabilities, (before, t) => {
        const p1 = now[p]![s]![t]!, q = reference[p]![s]![t]! / p1, ratio = p1 / before;
        const bounded = Math.min(Math.max(ratio, 1 - rl.clipLow), 1 + rl.clipHigh);
        const cut = bounded * advantage < ratio * advantage, k3 = q - Math.log(q) - 1;
        loss += weight * (-Math.min(ratio * advantage, bounded * advantage) + rl.klBeta * k3);
        clipped += cut ? 1 : 0;
        kl += k3;
        tokens++;
        return weight * (-(cut ? 0 : ratio * advantage) + rl.klBeta * (1 - q)); // d loss / d log p
      })
    )
  );
  ok(clipped > 10 && clipped < tokens - 10);
  ok(relativeError([report.loss], [loss]) < 1e-4);
  ok(relativeError([report.clipShare], [clipped / tokens]) < 1e-6);
  ok(relativeError([report.kl!], [kl / tokens]) < 1e-4);

  // The same slopes through the other layout of rows: whole texts, weighted by them.
  const { config, weights: { layout, data } } = policy,
    texts = draws.flatMap((samples, p) =>
      samples.map(({ tokens }, s) => ({
        text: [...prompts[p]!, ...tokens],
        from: prompts[p]!.length,
        slope: slopes[p]![s]!,
      }))
    );
  const count = texts.length, length = Math.max(...texts.map(({ text }) => text.length)) - 1, rows = count * length;
  const column = (element: (text: typeof texts[number], t: number) => number, ...rest: number[]): Array64 => ({
    shape: [rows, ...rest],
    data: Float64Array.from({ length: rows }, (_, row) => element(texts[row % count]!, Math.floor(row / count))),
  });
  const graph = trainGraph({
    config,
    layout,
    shape: { kind: "sequences", length, batch: count },
    objective: { kind: "supervised" },
    temperature: 1,
    kept: false,
    length: 64,
  });
  const results = await runGraph(graph, {
    ...Object.fromEntries(
      layout.parameters.map((
        { name, shape, offset, size },
      ) => [name, { shape, data: Float64Array.from(data.subarray(offset, offset + size)) }]),
    ),
    tokens: column(({ text }, t) => text[t] ?? 0),
    targets: column(({ text }, t) => text[t + 1] ?? 0, 1),
    weight: column(({ from, slope }, t) => -(slope[t + 1 - from] ?? 0), 1),
  });
  for (const { name, offset, size } of layout.parameters) {
    const error = relativeError(gradient.subarray(offset, offset + size), results[gradientName(name)]!.data);
    ok(error < 1e-4, `the gradient of ${name} is off by ${error}`);
  }
});

Deno.test("Learner reports a KL of exactly 0 to a reference that is the policy itself", async () => {
  const policy = smallPolicy("MHA"), { batch } = await sampledBatch(policy);
  strictEqual((await learn(policy, batch, settings({ klBeta: 0.5 }), policy.weights)).report.kl, 0);
  strictEqual((await learn(policy, batch, settings())).report.kl, null);
});

Deno.test("Learner leaves completions of weight 0 out of the gradient and of every mean", async () => {
  const policy = smallPolicy("MHA"), { batch } = await sampledBatch(policy), rl = settings();
  const masked = batch.map(({ prompt, samples }) => ({
    prompt,
    samples: samples.map((sample, s) => s % 2 ? { ...sample, weight: 0 } : sample),
  }));
  const left = batch.map(({ prompt, samples }) => ({ prompt, samples: samples.filter((_, s) => s % 2 === 0) }));
  const one = await learn(policy, masked, rl), other = await learn(policy, left, rl);
  ok(relativeError(one.gradient, other.gradient) < 1e-5);
  ok(relativeError([one.report.entropy, one.report.loss], [other.report.entropy, other.report.loss]) < 1e-5);
});

Deno.test("Learner does nothing to the weights where every advantage is 0", async () => {
  const policy = smallPolicy("MHA"), { batch } = await sampledBatch(policy);
  const flat = batch.map(({ prompt, samples }) => ({
    prompt,
    samples: samples.map((sample) => ({ ...sample, advantage: 0 })),
  }));
  const { report, weights } = await learn(policy, flat, settings());
  strictEqual(report.gradientNorm, 0);
  deepStrictEqual(weights.data, policy.weights.data);
});

Deno.test("Learner raises what was rewarded: a step makes good completions likelier and bad ones less likely", async () => {
  const policy = smallPolicy("MHA"),
    { batch, draws } = await sampledBatch(policy),
    prompts = batch.map(({ prompt }) => prompt);
  const { weights } = await learn(policy, batch, settings());
  notDeepStrictEqual(weights.data, policy.weights.data);
  const after = await score({ ...policy, weights }, prompts, draws);
  const gain = batch.flatMap(({ samples }, p) =>
    samples.map(({ probabilities, advantage }, s) => {
      const change = probabilities.reduce((sum, before, t) => sum + Math.log(after[p]![s]![t]! / before), 0);
      return advantage * change / probabilities.length;
    })
  ).reduce((a, b) => a + b, 0);
  ok(gain > 0);
});

Deno.test("Learner fails where the loss is not finite", async () => {
  const policy = smallPolicy("MHA"), { batch } = await sampledBatch(policy);
  const broken = {
    ...policy,
    weights: { ...policy.weights, data: policy.weights.data.map((x, i) => i === 5 ? NaN : x) },
  };
  await rejects(
    learn(broken, batch, settings()),
    (error) => error instanceof FailureError && /the loss is NaN/.test(error.message),
  );
});
