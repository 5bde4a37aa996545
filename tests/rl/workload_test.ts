// What is counted before a run against what the sampler and the learner then run.

import { deepEqual, equal, ok } from "node:assert/strict";
import { parseConfig } from "../../harness/config.ts";
import { parameterLayout } from "../../harness/model/layout.ts";
import type { Graph } from "../../harness/graph/ir.ts";
import { stream } from "../../harness/base/prng.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { probeSizes } from "../../harness/rl/calibrate.ts";
import { Learner } from "../../harness/rl/learner.ts";
import { AdamW } from "../../harness/rl/optimizer.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import { Supervisor } from "../../harness/rl/supervise.ts";
import { warmUpWork, workloadOf } from "../../harness/rl/workload.ts";
import { LocalRuntime, type Runtime, type Session } from "../../harness/runtime/session.ts";
import { tinyConfig } from "../model/tiny_policy.ts";
import { initialWeights } from "../../harness/model/layout.ts";

const model = tinyConfig({ max_position_embeddings: 512 }), layout = parameterLayout(model), trains = { trains: true };

/** A runtime that keeps which graphs were run: by an output's name. */
function countingRuntime(): { runtime: Runtime; runs: string[] } {
  const inner = new LocalRuntime({ device: "cpu", threads: 1 }), runs: string[] = [];
  const load = async (graph: Graph): Promise<Session> => {
    const session = await inner.load(graph),
      kind = ["token", "tokens", "loss"].find((name) => graph.outputs.has(name))!;
    return {
      run: (feeds, options) => {
        runs.push(kind);
        return session.run(feeds, options);
      },
      dispose: () => session.dispose(),
    };
  };
  return {
    runtime: {
      load,
      device: "cpu",
      memory: null,
      precision: "float32",
      concurrency: 1,
      dispose: () => inner.dispose(),
    },
    runs,
  };
}

Deno.test("workloadOf() counts the shards and passes that the sampler and the learner run", async () => {
  const config = parseConfig({
    rl: { questions: 6, completions: 16, maxPromptTokens: 40, maxCompletionTokens: 20, microBatch: 24 },
  }, "test");
  const lengths = { train: [5, 9, 17, 33, 12, 20], validation: [8, 8], test: [8] };
  const work = workloadOf(model, layout, config, trains, lengths, Infinity);
  equal(work.tokens, 20);
  equal(work.alive, 1);

  const { runtime, runs } = countingRuntime(), weights = initialWeights(model, 0);
  const prompts = lengths.train.map((length) => new Int32Array(length).fill(3));
  const sampler = new Sampler(runtime, model, [-1], 128),
    learner = new Learner(runtime, model, weights, config.rl, null);
  const drawn = await sampler.generate(residentWeights(weights), prompts, {
    ...{ group: 16, maxTokens: 20, sampling: { greedy: false, temperature: 1, topK: 0, topP: 1 } },
    random: (p, g) => stream(0, "test", p, g),
  });
  equal(runs.filter((kind) => kind === "token").length, work.rollout.length);
  const optimizer = await AdamW.create(weights, config.rl, 1);
  const batch = drawn.map((group, p) => ({
    prompt: prompts[p]!,
    samples: group.map((draws, i) => ({ ...draws, advantage: i % 2 ? 1 : -1, weight: 0.01 })),
  }));
  await learner.update(batch, optimizer, 1e-6);
  equal(runs.filter((kind) => kind === "loss").length, work.passes.length);
  deepEqual(work.rollout.map(({ prompts, promptLength, group }) => [prompts, promptLength, group]), [
    [2, 16, 16],
    [2, 48, 16],
    [2, 32, 16],
  ]);
  ok(work.passes.every(({ length, group }) => length === 32 && group === 16));
  await Promise.all([sampler.dispose(), learner.dispose(), optimizer.dispose()]);
});

Deno.test("workloadOf() counts updates by their budget, and evaluations as the loop makes them", () => {
  const lengths = { train: [10, 10], validation: new Array<number>(70).fill(10), test: [10, 10, 10] };
  const of = (text: Parameters<typeof parseConfig>[0], arm = trains) =>
    workloadOf(model, layout, parseConfig(text, "test"), arm, lengths, Infinity);
  const rl = { questions: 2, completions: 4, maxCompletionTokens: 5 };
  const plain = of({ rl: { ...rl, updates: 12 }, evaluation: { every: 5, validationItems: 70, testItems: 2 } });
  deepEqual([plain.updates, plain.validations, plain.tests, plain.draws], [12, 4, 2, 1]); // 0, 5, 10, 12
  deepEqual(plain.validation.map(({ prompts }) => prompts), [32, 32, 6]);
  deepEqual([plain.test.length, plain.sampled.length], [1, 0]);
  equal(of({ rl: { ...rl, tokens: 600 } }).updates, 10); // 2 x 10 + 8 x 5 each
  const idle = of({ rl }, { trains: false });
  deepEqual([idle.updates, idle.validations, idle.tests], [0, 1, 1]);
  equal(of({ rl: { ...rl, redraws: 3 } }).draws, 4);
  equal(of({ rl, evaluation: { samples: 8, testItems: 3 } }).sampled[0]!.group, 8);
});

Deno.test("workloadOf() spreads completions around the length that is expected of them", () => {
  const config = parseConfig({ rl: { questions: 4, completions: 8, maxCompletionTokens: 64 } }, "test");
  const lengths = { train: [10, 10, 10, 10], validation: [10], test: [10] };
  const work = workloadOf(model, layout, config, trains, lengths, 20);
  ok(work.tokens > 35 && work.tokens <= 40, `${work.tokens}`);
  ok(work.alive > 0.5 && work.alive < 1, `${work.alive}`);
  equal(workloadOf(model, layout, config, trains, lengths, 64).tokens, 64);
});

Deno.test("workloadOf() keeps the mean that is expected near the cap: most completions reach it", () => {
  const config = parseConfig({ rl: { questions: 4, completions: 16, maxCompletionTokens: 64, microBatch: 1 } }, "test");
  const lengths = { train: [10, 10, 10, 10], validation: [10], test: [10] };
  const mean = (expected: number) => {
    const { passes } = workloadOf(model, layout, config, trains, lengths, expected); // padded to 16 tokens
    return passes.reduce((sum, { length }) => sum + length, 0) / passes.length;
  };
  for (const expected of [20, 32, 44, 56, 64]) {
    ok(mean(expected) >= expected && mean(expected) < expected + 10, `${expected}: ${mean(expected)}`);
  }
  equal(workloadOf(model, layout, config, trains, lengths, 63).shrinks, false);
  equal(workloadOf(model, layout, config, trains, lengths, 40).shrinks, true);
  equal(workloadOf(model, layout, config, trains, lengths, null).shrinks, true);
});

Deno.test("workloadOf() counts the shapes that occur: of prompts in turn, and of lengths that are not known", () => {
  const config = parseConfig({ rl: { questions: 2, completions: 4, maxCompletionTokens: 64 } }, "test");
  const lengths = { train: [10, 10], order: [10, 10, 20, 20, 10, 10], validation: [10], test: [10] };
  const of = (expected: number | null) => workloadOf(model, layout, config, trains, lengths, expected);
  deepEqual([of(64), of(20), of(null)].map(({ passShapes }) => passShapes), [2, 2 * 3, 2 * 4]);
  deepEqual(of(64).shardShapes.map(({ promptLength, group }) => [promptLength, group]), [[16, 4], [32, 4], [16, 1]]);
});

Deno.test("warmUpWork() counts the passes that a warm-up runs", async () => {
  const { runtime, runs } = countingRuntime(), weights = initialWeights(model, 0);
  const lengths = Array.from({ length: 40 }, (_, i) => 200 + i);
  const options = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };
  const supervisor = await Supervisor.create(runtime, model, weights, options, 1);
  await supervisor.step(
    lengths.map((length) => ({ prompt: new Int32Array(length - 5).fill(3), completion: new Int32Array(5).fill(4) })),
    1e-6,
  );
  const { passes, passShapes } = warmUpWork(model, layout, 40, lengths);
  equal(runs.filter((kind) => kind === "loss").length, passes.length);
  deepEqual([passes.reduce((sum, { batch }) => sum + batch, 0), passes[0]!.length], [40, 240]);
  equal(passShapes, 1);
  await supervisor.dispose();
});

Deno.test("probeSizes() takes a small model as it is, and few layers and words of a large one", () => {
  deepEqual(probeSizes(model, 7), [model]);
  const large = tinyConfig({
    hidden_size: 1024,
    head_dim: 256,
    intermediate_size: 4096,
    vocab_size: 50000,
    num_hidden_layers: 20,
  });
  deepEqual(probeSizes(large, 3).map(({ layers, vocabSize }) => [layers, vocabSize]), [[3, 4096], [6, 4096], [
    3,
    32768,
  ]]);
  deepEqual(probeSizes(large, 11), [large]);
});
