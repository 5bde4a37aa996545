// Vectors of texts from the frozen initial policy: the mean over a text's tokens of the hidden states halfway up the
// model, scaled to length 1. The upper half turns towards the next token and costs as much again. Nothing is
// downloaded, and the vectors see what this policy sees; all-MiniLM-L6-v2, which Memory-R+ (arXiv 2504.02273) embeds
// with, is harness/memory/minilm_embedder.ts.

import { sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import type { Embedder } from "../contract.ts";
import { Graph } from "../graph/ir.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Policy } from "../model/policy.ts";
import { causal, declareModel, decoder } from "../model/transformer.ts";
import { SessionCache } from "../runtime/session_cache.ts";
import { floats, release, Resident, type Runtime } from "../runtime/session.ts";
import { inOrder } from "./in_order.ts";
import { bucketsOf, roundUp } from "./run_shapes.ts";

/** Texts in one pass; a constant, so that a vector does not depend on what is embedded beside it. */
export const EMBED_BATCH = 16;
/** Sessions of so many lengths are kept. */
export const EMBED_LENGTHS = 4;

/** Means of the hidden states [B, D]: the sum over tokens [T * B] with weights [T, B, 1], which are 0 for padding. */
function meanGraph(config: ModelConfig, policy: Policy, length: number): Graph {
  const g = new Graph(), inputs = inputsOf(policy, config.layers);
  const model = declareModel(g, config, inputs, length);
  const positions = g.constant(
    BigInt64Array.from({ length: length * EMBED_BATCH }, (_, i) => BigInt(Math.floor(i / EMBED_BATCH))),
    [length * EMBED_BATCH, 1],
  );
  const tokens = g.input("tokens", "int64", [length * EMBED_BATCH]);
  const hidden = decoder(g, model, tokens, positions, causal(g, model, length, EMBED_BATCH).attend); // [T * B, D]
  const weight = g.input("weight", "float32", [length, EMBED_BATCH, 1]);
  g.output("mean", g.sum(g.mul(g.reshape(hidden, [length, EMBED_BATCH, config.hiddenSize]), weight), [0], false));
  return g;
}

/** Weights of the embedding, the first layers and the final norm. */
function inputsOf({ weights: { layout } }: Policy, layers: number) {
  return layout.parameters.filter(({ name }) => {
    const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
    return layer === undefined ? name !== "lm_head.weight" : Number(layer) < layers;
  });
}

/** An embedder from the policy's weights as they are now; `initial` is a copy where they are trained. */
export function policyEmbedder(
  runtime: Runtime,
  policy: Policy,
  initial: Float32Array = policy.weights.data.slice(),
): Embedder {
  const { tokenizer, weights } = policy;
  const config = { ...policy.config, layers: Math.ceil(policy.config.layers / 2) };
  const bucket = bucketsOf(weights.layout.size).completion;
  const resident = new Resident([{ data: initial, views: inputsOf(policy, config.layers) }]);
  const sessions = new SessionCache(runtime, EMBED_LENGTHS);

  const run = async (texts: readonly Int32Array[]): Promise<Float32Array[]> => {
    const length = roundUp(Math.max(...texts.map((text) => text.length)), bucket);
    const tokens = new BigInt64Array(length * EMBED_BATCH), weight = new Float32Array(length * EMBED_BATCH);
    texts.forEach((text, b) =>
      text.forEach((token, t) => {
        tokens[t * EMBED_BATCH + b] = BigInt(token);
        weight[t * EMBED_BATCH + b] = 1 / text.length;
      })
    );
    const session = await sessions.get(`${length}`, () => meanGraph(config, policy, length));
    const results = await session.run({
      tokens: { data: tokens, shape: [length * EMBED_BATCH] },
      weight: { data: weight, shape: [length, EMBED_BATCH, 1] },
    }, { resident });
    const means = floats(results.mean); // [B, D]
    const vectors = texts.map((_, b) => unit(means.subarray(b * config.hiddenSize, (b + 1) * config.hiddenSize)));
    release(results);
    return vectors;
  };

  return {
    identity: {
      name: "policy",
      digest: sha256(`hidden state after layer ${config.layers}, mean over tokens; ${policy.digest}`),
      dimensions: config.hiddenSize,
    },
    async embed(texts) {
      const different = [...new Set(texts)]; // an able policy repeats itself
      const encoded = different.map((text) => {
        const tokens = tokenizer.encode(text).subarray(0, policy.config.maxPositions);
        if (tokens.length === 0) throw new FailureError(`Cannot embed ${JSON.stringify(text)}: it has no tokens`);
        return tokens;
      });
      const byLength = encoded.map((_, i) => i).sort((a, b) => encoded[a]!.length - encoded[b]!.length || a - b);
      const vectors = new Map<string, Float32Array>();
      const batches = Array.from(
        { length: Math.ceil(byLength.length / EMBED_BATCH) },
        (_, i) => byLength.slice(i * EMBED_BATCH, (i + 1) * EMBED_BATCH),
      );
      const runs = inOrder(batches, runtime.concurrency, async (batch) => ({
        batch,
        found: await run(batch.map((i) => encoded[i]!)),
      }));
      for await (const { batch, found } of runs) batch.forEach((i, b) => vectors.set(different[i]!, found[b]!));
      return texts.map((text) => vectors.get(text)!);
    },
    dispose: () => sessions.dispose(),
  };
}

function unit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const norm = Math.sqrt(squares);
  if (!(norm > 0 && norm < Infinity)) {
    throw new FailureError(`Cannot embed with the policy: a vector has norm ${norm}, must be positive and finite`);
  }
  return vector.map((value) => value / norm);
}
