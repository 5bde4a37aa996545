// Small graphs through every op that has a gradient rule. Gradients are checked on them (gradients_test.ts), and ONNX
// Runtime is (lower_test.ts, webgpu_test.ts). The loss of a case is a weighted sum of all its results, with weights that
// differ from element to element.

import { stream } from "../../harness/base/prng.ts";
import { elements, Graph, type Shape, type Value } from "../../harness/graph/ir.ts";
import type { OpName } from "../../harness/graph/ops.ts";
import type { Array64 } from "../oracles/float64.ts";

type Make = (shape: Shape) => Float64Array;
type Ids = (values: readonly number[], shape?: readonly number[]) => Value;

/** What a case builds with: named float inputs that gradients are wanted for, and constants. */
interface Bench {
  readonly g: Graph;
  /** An input with normal random values, or those of `make`. */
  readonly float: (name: string, shape: Shape, make?: Make) => Value;
  readonly ids: Ids;
  readonly mask: (values: readonly number[], shape: readonly number[]) => Value;
}

export interface Case {
  readonly name: string;
  readonly build: (bench: Bench) => readonly Value[];
}

let seed = 0;
const normal: Make = (shape) => {
  const random = stream(seed++, "gradients");
  return Float64Array.from({ length: elements(shape) }, () => random.normal());
};
const positive: Make = (shape) => normal(shape).map((x) => 0.5 + Math.abs(x));

/** A case that is built: what to feed, which inputs want a gradient, and the loss. */
export interface BuiltCase {
  readonly g: Graph;
  readonly feeds: Readonly<Record<string, Array64>>;
  readonly wanted: readonly Value[];
  readonly results: readonly Value[];
  readonly loss: Value;
}

/** Builds a case in a graph of its own; the same numbers each time. */
export function buildCase({ build }: Case): BuiltCase {
  seed = 0;
  const g = new Graph(), feeds: Record<string, Array64> = {}, wanted: Value[] = [];
  const results = build({
    g,
    float: (label, shape, make = normal) => {
      const value = g.input(label, "float32", shape);
      feeds[label] = { shape: shape as readonly number[], data: make(shape) };
      wanted.push(value);
      return value;
    },
    ids: (values, shape = [values.length]) => g.constant(BigInt64Array.from(values, BigInt), shape),
    mask: (values, shape) => g.constant(Uint8Array.from(values), shape),
  });
  const weighted = results.map((value) => {
    const weights = g.constant(Float32Array.from(normal(value.shape)), value.shape as readonly number[]);
    return g.sum(g.mul(value, weights), value.shape.map((_, axis) => axis), false);
  });
  return { g, feeds, wanted, results, loss: weighted.reduce((a, b) => g.add(a, b)) };
}

const binary = (op: OpName, make?: Make): Case[] =>
  [[[2, 3], [2, 3]], [[2, 3], [3]], [[2, 1, 3], [4, 1]], [[], [2, 2]]].map(([a, b]) => ({
    name: `${op} of [${a}] and [${b}]`,
    build: ({ g, float }) => [g.op(op, [float("a", a!, make), float("b", b!, make)])],
  }));
const unary = (op: OpName, make?: Make, attributes = {}): Case => ({
  name: op,
  build: ({ g, float }) => [g.op(op, [float("x", [2, 3], make)], attributes)],
});

/** Attention of 3 queries a row over 5 keys, with `rep` query heads a key head. */
const attention = (name: string, rep: number, batch: readonly number[], split: number, causal: boolean): Case => ({
  name: `Attention, ${name}`,
  build: ({ g, float }) => {
    const [steps, keys, keyHeads, width] = [3, 5, 2, 4];
    const mask = new Float32Array(steps * rep * keys);
    if (causal) {
      for (let row = 0; row < steps * rep; row++) {
        for (let key = 0; key < keys; key++) {
          mask[row * keys + key] = key > Math.floor(row / rep) + 2 ? -1e9 : 0.1 * key;
        }
      }
    }
    const q = float("q", [steps, ...batch, keyHeads * rep, width]);
    const [k, v] = [float("k", [keys, ...batch, keyHeads, width]), float("v", [keys, ...batch, keyHeads, width])];
    return [g.op("Attention", [q, k, v, g.constant(mask, [steps * rep, keys])], { scale: 0.5, split })];
  },
});

const tokenProbability = (name: string, scale: number, kept: boolean): Case => ({
  name: `TokenProbability, ${name}`,
  build: ({ g, float, ids, mask }) => {
    const inputs = [float("h", [3, 4]), float("w", [5, 4]), ids([4, 0, 2], [3, 1])];
    const support = kept ? [mask([0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0], [3, 5])] : [];
    return [g.op("TokenProbability", [...inputs, ...support], { scale })];
  },
});

const skipNorm = (name: string, outputs: readonly number[], make?: Make): Case => ({
  name: `SkipRmsNorm, ${name}`,
  build: ({ g, float }) => {
    const inputs = [float("x", [3, 4]), float("skip", [3, 4]), float("w", [4], make)];
    const results = g.apply("SkipRmsNorm", inputs, { epsilon: 1e-5 });
    return outputs.map((i) => results[i]!);
  },
});
const withZeros: Make = (shape) => normal(shape).map((x, i) => i % 2 ? x : 0);

export const CASES: readonly Case[] = [
  ...(["Add", "Sub", "Mul", "Min", "Max"] as const).flatMap((op) => binary(op)),
  ...binary("Div", positive),
  unary("Neg"),
  unary("Exp"),
  unary("Log", positive),
  unary("Sqrt", positive),
  unary("Sigmoid"),
  unary("Identity"),
  unary("Silu"),
  unary("Softmax"),
  unary("Cast", normal, { dtype: "float32" }),
  unary("Clip", normal, { min: -0.4, max: 0.6 }),
  {
    name: "Where, broadcast",
    build: ({ g, float, mask }) => [g.op("Where", [mask([1, 0, 1], [3]), float("a", [2, 1]), float("b", [2, 3])])],
  },
  {
    name: "conditions, which have no gradient",
    build: ({ g, float }) => {
      const a = float("a", [6]), b = float("b", [6]);
      const less = g.op("Or", [g.op("Less", [a, b]), g.op("Not", [g.op("LessOrEqual", [a, g.scalar(0.1)])])]);
      const where = g.op("Where", [g.op("Or", [less, g.op("Equal", [a, b])]), a, g.mul(a, b)]);
      return [where, g.mul(b, g.cast(less, "float32"))];
    },
  },
  {
    name: "ArgMax as an index, and Gather of a table [5]",
    build: ({ g, float }) => [g.gather(float("table", [5]), g.op("ArgMax", [float("x", [2, 5])]))],
  },
  { name: "Reshape", build: ({ g, float }) => [g.reshape(float("x", [2, 6]), [3, -1])] },
  { name: "Transpose", build: ({ g, float }) => [g.transpose(float("x", [2, 3, 4]), [1, 2, 0])] },
  { name: "Expand", build: ({ g, float }) => [g.expand(float("x", [3, 1]), [2, 3, 4])] },
  { name: "Concat", build: ({ g, float }) => [g.concat([float("a", [2, 1]), float("b", [2, 3])], 1)] },
  {
    name: "Concat of a negative axis",
    build: ({ g, float }) => [g.concat([float("a", [2, 1]), float("b", [2, 3])], -1)],
  },
  ...[[0, 2], [1, 3], [2, 5], [0, 5]].map(([start, end]): Case => ({
    name: `Slice [${start}, ${end})`,
    build: ({ g, float }) => [g.op("Slice", [float("x", [2, 5])], { axis: 1, start: start!, end: end! })],
  })),
  { name: "Slice of a negative axis", build: ({ g, float }) => [g.slice(float("x", [2, 5]), -1, 1, 3)] },
  {
    name: "Split with a part that is not used",
    build: ({ g, float }) => {
      const parts = g.split(float("x", [2, 6]), [1, 2, 3], 1);
      return [parts[0]!, parts[2]!];
    },
  },
  ...(["ReduceSum", "ReduceMean"] as const).flatMap((op) =>
    [[[0], true], [[0], false], [[-1], true], [[0, 2], false]].map(([axes, keepDims]): Case => ({
      name: `${op} over [${axes}]`,
      build: (
        { g, float },
      ) => [g.op(op, [float("x", [2, 3, 4])], { axes: axes as number[], keepDims: keepDims! as boolean })],
    }))
  ),
  { name: "MatMul", build: ({ g, float }) => [g.matmul(float("a", [2, 3]), float("b", [3, 4]))] },
  {
    name: "MatMul of a batch and one matrix",
    build: ({ g, float }) => [g.matmul(float("a", [2, 2, 3]), float("b", [3, 4]))],
  },
  {
    name: "MatMul, batches broadcast",
    build: ({ g, float }) => [g.matmul(float("a", [2, 1, 2, 3]), float("b", [3, 3, 2]))],
  },
  {
    name: "Gather with repeated rows",
    build: ({ g, float, ids }) => [g.gather(float("table", [4, 3]), ids([2, 0, 2, 2]))],
  },
  {
    name: "Gather with indices of rank 2 and of rank 0",
    build: ({ g, float, ids }) => {
      const table = float("table", [3, 3]);
      return [g.gather(table, ids([2, 0, 2, 1], [2, 2])), g.gather(table, ids([1], []))];
    },
  },
  {
    name: "GatherElements with repeated elements",
    build: ({ g, float, ids }) => [g.op("GatherElements", [float("x", [2, 4]), ids([3, 0, 3, 1, 1, 2], [2, 3])])],
  },
  { name: "Linear", build: ({ g, float }) => [g.op("Linear", [float("x", [3, 4]), float("w", [2, 4])])] },
  {
    name: "Linear with a bias",
    build: ({ g, float }) => [g.op("Linear", [float("x", [3, 4]), float("w", [2, 4]), float("b", [2])])],
  },
  ...[false, true].map((biased): Case => ({
    name: `MergedLinear${biased ? " with a bias" : ""}, its weight made from A and B`,
    build: ({ g, float }) => {
      const [x, a, b] = [float("x", [3, 4]), float("a", [2, 4]), float("b", [5, 2])], scale = 1.5;
      const base = g.constant(Float32Array.from({ length: 20 }, (_, i) => Math.sin(i)), [5, 4]);
      const merged = g.op("StopGradient", [g.add(base, g.mul(g.matmul(b, a), g.scalar(scale)))]);
      return [g.op("MergedLinear", [x, merged, a, b, ...(biased ? [float("bias", [5])] : [])], { scale })];
    },
  })),
  {
    name: "RmsNorm",
    build: ({ g, float }) => [g.op("RmsNorm", [float("x", [3, 4]), float("w", [4])], { epsilon: 1e-5 })],
  },
  {
    name: "RmsNorm with zero weights and a large epsilon",
    build: ({ g, float }) => [g.op("RmsNorm", [float("x", [3, 4]), float("w", [4], withZeros)], { epsilon: 0.3 })],
  },
  skipNorm("through the norm", [0]),
  skipNorm("through the residual stream", [2]),
  skipNorm("through both", [0, 2]),
  skipNorm("through both, with zero weights", [0, 2], withZeros),
  {
    name: "Rotary",
    build: ({ g, float, ids }) => {
      const angles = Float32Array.from({ length: 12 }, (_, i) => i * 0.7);
      const table = (f: (x: number) => number) => g.constant(angles.map(f), [6, 2]);
      const inputs = [float("x", [3, 8]), ids([5, 0, 3], [3, 1]), table(Math.cos), table(Math.sin)];
      return [g.op("Rotary", inputs, { heads: 2 })];
    },
  },
  attention("one query head a key head", 1, [2], 0, true),
  attention("three query heads a key head", 3, [2], 0, true),
  attention("values in two parts", 2, [2], 2, true),
  attention("two batch axes, no mask", 2, [2, 2], 3, false),
  tokenProbability("the whole vocabulary", 1, false),
  tokenProbability("with a temperature", 1.6, false),
  tokenProbability("with a limited support", 1, true),
  tokenProbability("with both", 0.7, true),
  {
    name: "a value that is used many times",
    build: ({ g, float }) => {
      const x = float("x", [2, 2]), y = g.mul(x, x);
      return [g.add(g.matmul(y, x), g.exp(y)), g.sub(x, g.mul(y, x))];
    },
  },
  {
    name: "a weight that several products share",
    build: ({ g, float }) => {
      const x = float("x", [3, 4]), w = float("w", [4, 4]);
      const once = g.op("Linear", [x, w]), twice = g.op("Linear", [once, w]);
      return [g.op("Linear", [g.add(twice, once), w]), g.matmul(x, w)];
    },
  },
  {
    name: "a tied embedding",
    build: ({ g, float, ids }) => {
      const table = float("table", [5, 3]), tokens = ids([1, 4, 1]);
      const hidden = g.op("Silu", [g.gather(table, tokens)]);
      const more = g.gather(table, ids([0, 0, 3]));
      return [g.op("TokenProbability", [g.add(hidden, more), table, ids([2, 2, 4], [3, 1])], { scale: 1 })];
    },
  },
  {
    name: "an input that the loss does not depend on",
    build: ({ g, float }) => {
      float("unused", [2]);
      return [g.add(float("x", [2]), g.op("ConstantOfShape", [], { shape: [2] }))];
    },
  },
];
