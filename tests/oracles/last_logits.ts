// What a policy makes of one sequence, by a graph of its own: the plain causal forward of all of it, without cache,
// padding or companions. The sampler and the trainer lay tokens out otherwise.

import { Graph } from "../../harness/graph/ir.ts";
import type { Policy } from "../../harness/model/policy.ts";
import { causal, declareModel, decoder, headWeight, residentWeights } from "../../harness/model/transformer.ts";
import { floats } from "../../harness/runtime/session.ts";
import { localRuntime } from "./onnx.ts";

/** Logits after the last of the tokens, [V]. */
export async function lastLogits(
  { config, weights }: Pick<Policy, "config" | "weights">,
  tokens: ArrayLike<number>,
  threads = 1,
): Promise<Float32Array> {
  const { length } = tokens,
    g = new Graph(),
    model = declareModel(g, config, weights.layout.parameters, length, "rows");
  const positions = g.constant(BigInt64Array.from({ length }, (_, i) => BigInt(i)), [length, 1]);
  const hidden = decoder(g, model, g.input("tokens", "int64", [length]), positions, causal(g, model, length, 1).attend);
  const last = g.slice(hidden, 0, length - 1, length); // [1, D]
  g.output("logits", g.op("Linear", [last, headWeight(model)]));
  const session = await localRuntime("cpu", threads).load(g);
  const feeds = { tokens: { shape: [length], data: BigInt64Array.from(Array.from(tokens), BigInt) } };
  const { logits } = await session.run(feeds, { resident: residentWeights(weights) });
  await session.dispose();
  return floats(logits);
}
