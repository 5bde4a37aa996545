// AdamW against torch.optim.AdamW for 100 steps (fixtures/adamw.json), and against its formula across stretches.

import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stream } from "../../harness/base/prng.ts";
import type { Weights } from "../../harness/model/layout.ts";
import { AdamW, type AdamWOptions } from "../../harness/rl/optimizer.ts";
import { gradientName } from "../../harness/rl/train_graph.ts";
import { relativeError } from "../oracles/float64.ts";

/** A matrix [3, 4] under weight decay and a vector [6] without. */
interface Parts {
  readonly decayed: readonly number[];
  readonly plain: readonly number[];
}

interface Fixture {
  readonly options: AdamWOptions;
  readonly initial: Parts;
  readonly learningRates: readonly number[];
  readonly gradients: readonly Parts[];
  readonly gradientNorms: readonly number[];
  readonly float64: Readonly<Record<string, Parts>>;
  readonly float32: Readonly<Record<string, Parts>>;
}

const fixture = JSON.parse(readFileSync(join(import.meta.dirname!, "../fixtures/adamw.json"), "utf8")) as Fixture;
const flat = ({ decayed, plain }: Parts) => [...decayed, ...plain];
/** Weights of one tensor under decay and one without. */
const weightsOf = (data: Iterable<number>, decayed: number): Weights => {
  const floats = Float32Array.from(data), plain = floats.length - decayed;
  const parameters = [
    { name: "decayed", shape: [decayed], offset: 0, size: decayed, decay: true },
    { name: "plain", shape: [plain], offset: decayed, size: plain, decay: false },
  ];
  return { layout: { parameters, size: floats.length, decayed }, data: floats };
};
/** Steps the optimizer along a gradient. */
async function along(
  optimizer: AdamW,
  { layout }: Weights,
  gradient: Iterable<number>,
  learningRate: number,
): Promise<number> {
  const floats = Float32Array.from(gradient);
  const parts = layout.parameters.map((
    { name, shape, offset, size },
  ) => [gradientName(name), { data: floats.slice(offset, offset + size), shape }]);
  await optimizer.add(Object.fromEntries(parts));
  return await optimizer.step(learningRate);
}

Deno.test("AdamW takes PyTorch's steps for 100 updates, clipped and not, with decay and without", async () => {
  const weights = weightsOf(flat(fixture.initial), 12), optimizer = await AdamW.create(weights, fixture.options, 1);
  const clipped = fixture.gradientNorms.filter((norm) => norm > fixture.options.maxGradNorm).length;
  ok(clipped > 10 && clipped < 90, "some steps must be clipped and some not");
  for (const [step, gradient] of fixture.gradients.entries()) {
    const norm = await along(optimizer, weights, flat(gradient), fixture.learningRates[step]!);
    ok(relativeError([norm], [fixture.gradientNorms[step]!]) < 1e-6, `norm of step ${step + 1}`);
    for (const precision of ["float64", "float32"] as const) {
      const expected = fixture[precision][`${step + 1}`];
      if (!expected) continue;
      const error = relativeError(weights.data, flat(expected));
      ok(error <= 2e-6, `after step ${step + 1} the weights are off by ${error} from ${precision}`);
    }
  }
  strictEqual(optimizer.steps, 100);
  await optimizer.dispose();
});

/** One step of AdamW in float64, element by element. */
function naiveStep(
  state: { data: Float64Array; first: Float64Array; second: Float64Array },
  gradient: Float32Array,
  decayed: number,
  t: number,
  rate: number,
  { beta1, beta2, epsilon, weightDecay, maxGradNorm }: AdamWOptions,
): void {
  const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0)), scale = Math.min(1, maxGradNorm / (norm + 1e-6));
  gradient.forEach((raw, i) => {
    const g = raw * scale;
    state.first[i] = beta1 * state.first[i]! + (1 - beta1) * g;
    state.second[i] = beta2 * state.second[i]! + (1 - beta2) * g * g;
    const mean = state.first[i]! / (1 - beta1 ** t), root = Math.sqrt(state.second[i]! / (1 - beta2 ** t));
    const kept = i < decayed ? state.data[i]! * (1 - rate * weightDecay) : state.data[i]!;
    state.data[i] = kept - rate * mean / (root + epsilon);
  });
}

Deno.test("AdamW works stretch by stretch on weights larger than one, with the same bits for any number of threads", async () => {
  const size = 2 ** 18 + 2 ** 17 + 3, decayed = 2 ** 18 + 1, random = stream(1, "adamw");
  const start = Float32Array.from({ length: size }, () => random.normal());
  const gradients = [0, 1].map(() => Float32Array.from({ length: size }, () => random.normal()));
  const run = async (threads: number) => {
    const weights = weightsOf(start, decayed), optimizer = await AdamW.create(weights, fixture.options, threads);
    for (const gradient of gradients) await along(optimizer, weights, gradient, 0.01);
    const digest = optimizer.digest();
    await optimizer.dispose();
    return { data: weights.data, digest };
  };
  const { data, digest } = await run(1);
  const state = { data: Float64Array.from(start), first: new Float64Array(size), second: new Float64Array(size) };
  gradients.forEach((gradient, i) => naiveStep(state, gradient, decayed, i + 1, 0.01, fixture.options));
  ok(relativeError(data, state.data) < 1e-6);
  strictEqual((await run(2)).digest, digest);
});

Deno.test("AdamW at a learning rate of 0 keeps the weights, but its state moves", async () => {
  const weights = weightsOf([1, -2, 3], 2),
    optimizer = await AdamW.create(weights, fixture.options, 1),
    before = optimizer.digest();
  await along(optimizer, weights, [0.1, 0.2, 0.3], 0);
  deepStrictEqual([...weights.data], [1, -2, 3]);
  notStrictEqual(optimizer.digest(), before);
  await optimizer.dispose();
});

Deno.test("AdamW changes nothing where the gradient is not finite, and returns its norm", async () => {
  for (const bad of [NaN, Infinity]) {
    const weights = weightsOf([1, -2, 3], 2), optimizer = await AdamW.create(weights, fixture.options, 1);
    const before = optimizer.digest(), norm = await along(optimizer, weights, [0.1, bad, 0.3], 0.1);
    strictEqual(Number.isFinite(norm), false);
    deepStrictEqual([...weights.data], [1, -2, 3]);
    strictEqual(optimizer.digest(), before);
    await optimizer.dispose();
  }
});
