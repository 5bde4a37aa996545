// The sampler's graph where caches stay on a device between runs: a few tokens one after the other, without a Loop, which
// WebGPU has not, and which on the CPU would fetch the caches from the device and send them back at every token. Attention
// is one fused operator, which writes a row's new key and value into its cache where they belong: the first run of it
// copies the cache that it was fed, the others work in place. Rows of different lengths lie beside each other, each with
// as many tokens as it has.

import { type Dtype, Graph, type Value } from "../graph/ir.ts";
import { declareModel, decoder } from "../model/transformer.ts";
import { cacheNames, type DecodeOptions, decodeWeights, draw, type Staying } from "./decode_graph.ts";

/**
 * n further tokens of each row (p, g). Inputs: the last `token` [R] of each row and its `position` [R] int32, which is how
 * many tokens its caches hold as well; `reach` [1] int32, as many as the longest will hold at the end; `uniform` [n, R]; and
 * the caches `k.l`, `v.l` [R, KV, C, hd]. Outputs: `tokens` and `drawn` [n, R], `kept` [n, R, V], and the caches `grown.k.l`,
 * `grown.v.l`.
 */
export function stayingDecodeGraph(options: DecodeOptions, { tokens: count, capacity, precision }: Staying): Graph {
  const { config, length, prompts, group, products, sampling } = options, rows = prompts * group;
  const { heads, kvHeads, headDim, layers } = config;
  const g = new Graph(), model = declareModel(g, config, decodeWeights(options), length, products);
  const caches = Array.from({ length: layers }, (_, layer) => {
    const names = cacheNames(layer), shape = [rows, kvHeads, capacity, headDim];
    return { k: g.input(names.k, precision, shape), v: g.input(names.v, precision, shape) };
  });
  const start = g.input("position", "int32", [rows]), reach = g.input("reach", "int32", [1]);
  const attendFrom = (before: Value) => (layer: number, q: Value, k: Value, v: Value) => {
    const [query, key, value] = [q, k, v].map((x) => g.reshape(g.cast(x, precision), [rows, 1, x.shape[1] as number]));
    const [o, keys, values] = g.apply(
      "GroupQueryAttention",
      [query!, key!, value!, caches[layer]!.k, caches[layer]!.v, before, reach],
      { heads, kvHeads },
    );
    caches[layer] = { k: keys!, v: values! };
    return g.cast(g.reshape(o!, [rows, heads * headDim]), "float32");
  };
  let token = g.input("token", "int64", [rows]);
  const drawn: (readonly Value[])[] = [];
  for (let i = 0; i < count; i++) {
    const before = i === 0 ? start : g.add(start, g.constant(Int32Array.of(i), [1]));
    const positions = g.cast(g.reshape(before, [rows, 1]), "int64");
    const hidden = decoder(g, model, token, positions, attendFrom(before));
    const uniform = () => g.reshape(g.slice(g.input("uniform", "float32", [count, rows]), 0, i, i + 1), [rows]);
    const { kept, ...one } = draw(g, model, hidden, uniform, sampling, true);
    token = one.token;
    drawn.push([one.token, one.probability, ...(kept ? [kept] : [])]);
  }
  const together = (which: number, dtype: Dtype) => { // as float32, which is exact for tokens, and what they were
    const parts = drawn.map((of) => of[which]!).map((value) =>
      value.node.op === "Cast" ? value.node.inputs[0]! : g.cast(value, "float32")
    );
    const shape = which === 2 ? parts[0]!.shape as readonly number[] : [rows];
    return g.cast(g.concat(parts.map((part) => g.reshape(part, [1, ...shape])), 0), dtype);
  };
  g.output("tokens", together(0, "int64"));
  g.output("drawn", together(1, "float32"));
  if (drawn[0]!.length > 2) g.output("kept", together(2, "bool"));
  caches.forEach(({ k, v }, layer) => {
    g.output(`grown.k.${layer}`, k);
    g.output(`grown.v.${layer}`, v);
  });
  return g;
}
