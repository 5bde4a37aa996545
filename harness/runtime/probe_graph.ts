// The graph by which a device is tried: the forward and backward pass of one language-model layer without attention. It
// gathers, normalises, multiplies, takes a softmax, and adds to rows of a table at indices that occur more than once:
// what training stands on, and where devices and their drivers have been wrong. Its weights are constants, so that a run
// measures the device and not the way to it.

import { Graph, type Value } from "../graph/ir.ts";
import { gradients } from "../graph/reverse.ts";

/** Sizes of the layer. */
export interface ProbeShape {
  readonly rows: number;
  readonly width: number;
  readonly inner: number;
  readonly vocabulary: number;
}

/** For numbers: odd sizes, at which a kernel's edges show. */
export const SMALL: ProbeShape = { rows: 37, width: 24, inner: 50, vocabulary: 19 };

/** Values that differ from element to element and repeat nowhere soon. */
const wave = (length: number, scale: number, phase: number) =>
  Float32Array.from({ length }, (_, i) => scale * Math.sin(1.7 * i + phase));

/** What a probe's graph is for. */
export interface ProbeOptions {
  /** Only its time counts: one output, `check`, the sum of all. */
  readonly timed: boolean;
  /** With the fused attention that devices decode by which keep their caches: output `attention`. */
  readonly attends: boolean;
}

/** Outputs: `loss`, and `gradient.<weight>` [as the weight] of each weight. */
export function probeGraph(
  { rows, width, inner, vocabulary }: ProbeShape,
  { timed, attends }: ProbeOptions,
): Graph {
  const g = new Graph(), weights: Record<string, Value> = {};
  const weight = (name: string, shape: readonly number[], scale = 1 / Math.sqrt(shape.at(-1)!)) => {
    const length = shape.reduce((product, dim) => product * dim, 1);
    return weights[name] = g.constant(wave(length, scale, name.length), shape);
  };
  const tokens = g.input("tokens", "int64", [rows]);
  const table = weight("table", [vocabulary, width], 1), norm = weight("norm", [width], 1); // [V, D], [D]
  const x = g.gather(table, tokens); // [N, D]
  const h = g.op("RmsNorm", [x, norm], { epsilon: 1e-5 });
  const gate = g.op("Silu", [g.op("Linear", [h, weight("gate", [inner, width])])]); // [N, F]
  const up = g.op("Linear", [h, weight("up", [inner, width])]);
  const down = g.op("Linear", [g.mul(gate, up), weight("down", [width, inner])]); // [N, D]
  const [last] = g.apply("SkipRmsNorm", [down, x, norm], { epsilon: 1e-5 });
  const logits = g.op("Linear", [last!, table]); // [N, V]
  const probability = g.op("GatherElements", [g.softmax(logits), g.reshape(tokens, [rows, 1])]); // [N, 1]
  const loss = g.neg(g.sum(g.log(g.op("Max", [probability, g.scalar(1e-30)])), [0, 1], false));
  const found = gradients(g, loss, Object.values(weights));
  const named = Object.keys(weights).map((name, i) => [`gradient.${name}`, found[i]!] as const);
  if (timed) {
    const sums = named.map(([, value]) => g.sum(value, value.shape.map((_, axis) => axis), false));
    g.output("check", sums.reduce((a, b) => g.add(a, b), loss));
    return g;
  }
  for (const [name, value] of [["loss", loss] as const, ...named]) g.output(name, value);
  if (attends) g.output("attention", attention(g));
  return g;
}

/** Two heads over one of keys and values, and three rows that hold no token, some, and all but one. */
function attention(g: Graph): Value {
  const rows = 3, capacity = 80, size = 64; // more than a kernel takes at once
  const some = (shape: readonly number[], phase: number) =>
    g.constant(wave(shape.reduce((a, b) => a * b, 1), 1, phase), shape);
  const row = (heads: number, phase: number) => some([rows, 1, heads * size], phase);
  const cache = (phase: number) => some([rows, 1, capacity, size], phase), lengths = Int32Array.of(0, 30, capacity - 1);
  return g.op("GroupQueryAttention", [
    ...[row(2, 1), row(1, 2), row(1, 3), cache(4), cache(5)],
    ...[g.constant(lengths, [rows]), g.constant(Int32Array.of(capacity), [1])],
  ], { heads: 2, kvHeads: 1 });
}

/** The tokens of a run: each row's is one of the vocabulary, most occur more than once. */
export const probeTokens = ({ rows, vocabulary }: ProbeShape): BigInt64Array =>
  BigInt64Array.from({ length: rows }, (_, i) => BigInt((i * i) % vocabulary));
