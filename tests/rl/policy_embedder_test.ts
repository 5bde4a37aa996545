// The embedder of the policy that ships: what a vector is, and what it must not depend on.

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { FailureError } from "../../harness/base/errors.ts";
import { Graph } from "../../harness/graph/ir.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { causal, declareModel, decoder, residentWeights } from "../../harness/model/transformer.ts";
import { policyEmbedder } from "../../harness/rl/policy_embedder.ts";
import { PoolRuntime } from "../../harness/runtime/pool.ts";
import { floats, LocalRuntime } from "../../harness/runtime/session.ts";

const policy = await readPolicy(new URL("../../harness/model/embedded", import.meta.url).pathname);
const runtime = new LocalRuntime({ device: "cpu", threads: 1 });
const texts = ["12+7=19", "12+8=20; 20-5=15", "Mia has 12 apples at home.", "12+7=19", "9", "x ".repeat(60)];

/** The mean of the hidden states of one text, without batch or padding. */
async function naive(text: string): Promise<Float64Array> {
  const tokens = policy.tokenizer.encode(text), length = tokens.length, width = policy.config.hiddenSize;
  const config = { ...policy.config, layers: 2 }, g = new Graph();
  const model = declareModel(g, config, policy.weights.layout.parameters, length);
  const positions = g.constant(BigInt64Array.from({ length }, (_, t) => BigInt(t)), [length, 1]);
  const ids = g.input("tokens", "int64", [length]);
  g.output("hidden", decoder(g, model, ids, positions, causal(g, model, length, 1).attend));
  const session = await runtime.load(g);
  const feeds = { tokens: { data: BigInt64Array.from(tokens, BigInt), shape: [length] } };
  const { hidden } = await session.run(feeds, { resident: residentWeights(policy.weights) });
  const mean = new Float64Array(width), states = floats(hidden);
  for (let i = 0; i < states.length; i++) mean[i % width]! += states[i]! / length;
  const norm = Math.hypot(...mean);
  await session.dispose();
  return mean.map((value) => value / norm);
}

Deno.test("policyEmbedder() is the mean hidden state halfway up, of length 1", async () => {
  const embedder = policyEmbedder(runtime, policy);
  const vectors = await embedder.embed(texts);
  equal(embedder.identity.dimensions, 128);
  for (const [i, text] of texts.entries()) {
    const expected = await naive(text);
    ok(vectors[i]!.every((value, d) => Math.abs(value - expected[d]!) < 1e-5), text);
    ok(Math.abs(Math.hypot(...vectors[i]!) - 1) < 1e-6);
  }
  deepEqual(vectors[0], vectors[3]);
  ok(vectors[0]!.some((value, d) => Math.abs(value - vectors[1]![d]!) > 1e-3));
  deepEqual(await embedder.embed([]), []);
  await rejects(embedder.embed([""]), FailureError);
  await embedder.dispose();
});

Deno.test("policyEmbedder() gives a text the same bits alone, in company, and on two workers", async () => {
  const embedder = policyEmbedder(runtime, policy), pool = new PoolRuntime("cpu", 2);
  const many = Array.from({ length: 40 }, (_, i) => `${i}+${i * 7}=${i * 8}`);
  const alone = await embedder.embed([many[5]!]), company = await embedder.embed(many);
  deepEqual(company[5], alone[0]);
  const pooled = policyEmbedder(pool, policy);
  deepEqual(await pooled.embed(many), company);
  await Promise.all([embedder.dispose(), pooled.dispose()]);
  await pool.dispose();
});

Deno.test("policyEmbedder() stays that of the weights that it was made from", async () => {
  const trained = { ...policy, weights: { ...policy.weights, data: policy.weights.data.slice() } };
  const embedder = policyEmbedder(runtime, trained);
  const before = await embedder.embed(texts);
  trained.weights.data.fill(0.01);
  deepEqual(await embedder.embed(texts), before);
  equal(embedder.identity.digest, policyEmbedder(runtime, policy).identity.digest);
  await embedder.dispose();
});
