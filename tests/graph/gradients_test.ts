// Every gradient rule against central differences, both in float64: no rounding hides a wrong sign or a lost factor.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { GRADIENTS } from "../../harness/graph/gradients.ts";
import { bodyOf, Graph, reachable, type Value } from "../../harness/graph/ir.ts";
import type { OpName } from "../../harness/graph/ops.ts";
import { gradients } from "../../harness/graph/reverse.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";
import { interpretedOps, interpretValues, relativeError } from "../oracles/float64.ts";
import { runGraph } from "../oracles/onnx.ts";
import { buildCase, type Case, CASES } from "./cases.ts";

const TOLERANCE = 1e-6;
const STEP = 1e-5;

/** Compares each input's gradient with its central differences. */
function check(entry: Case): void {
  const { name } = entry, { g, feeds, wanted, loss } = buildCase(entry);
  const found = gradients(g, loss, wanted);
  g.output("loss", loss);
  found.forEach((value, i) => value && g.output(`gradient.${i}`, value));
  verifyGraph(g);
  const lossAt = () => interpretValues(g, feeds, [loss])[0]!.data[0]!;
  const actual = interpretValues(g, feeds, found.filter((value) => value !== null));
  [...g.inputs.keys()].forEach((label, i) => {
    const data = feeds[label]!.data;
    const expected = data.map((x, element) => {
      data[element] = x + STEP;
      const above = lossAt();
      data[element] = x - STEP;
      const below = lossAt();
      data[element] = x;
      return (above - below) / (2 * STEP);
    });
    if (!found[i]) return ok(expected.every((x) => Math.abs(x) < 1e-9), `${name}: "${label}" must have a gradient`);
    const gradient = actual[found.slice(0, i).filter((value) => value !== null).length]!;
    deepStrictEqual(gradient.shape, [...wanted[i]!.shape], `${name}: shape of the gradient of "${label}"`);
    const error = relativeError(gradient.data, expected);
    ok(error <= TOLERANCE, `${name}: the gradient of "${label}" is off by ${error}`);
  });
}

for (const entry of CASES) {
  Deno.test(`gradients() equals central differences: ${entry.name}`, () => check(entry));
}

Deno.test("gradients() stops at StopGradient", () => {
  const g = new Graph(), x = g.input("x", "float32", [3]);
  const loss = g.sum(g.mul(x, g.op("StopGradient", [g.mul(x, x)])), [0], false);
  const feeds = { x: { shape: [3], data: Float64Array.of(1, -2, 3) } };
  deepStrictEqual([...interpretValues(g, feeds, [gradients(g, loss, [x])[0]!])[0]!.data], [1, 4, 9]);
});

Deno.test("gradients() gives a tie of Min and Max to the first value", () => {
  const g = new Graph(), a = g.input("a", "float32", [1]), b = g.input("b", "float32", [1]);
  const feeds = { a: { shape: [1], data: Float64Array.of(2) }, b: { shape: [1], data: Float64Array.of(2) } };
  for (const op of ["Min", "Max"] as const) {
    const found = gradients(g, g.op(op, [a, b]), [a, b]).map((value) => value!);
    deepStrictEqual(interpretValues(g, feeds, found).map(({ data }) => data[0]), [1, 0]);
  }
});

Deno.test("gradients() may be asked for values in the middle of a graph", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]), middle = g.exp(x);
  const found = gradients(g, g.sum(g.mul(middle, middle), [0], false), [middle, x]);
  const feeds = { x: { shape: [2], data: Float64Array.of(0, 1) } };
  const [ofMiddle, ofX] = interpretValues(g, feeds, found.map((value) => value!));
  ok(relativeError(ofMiddle!.data, [2, 2 * Math.E]) < 1e-12);
  ok(relativeError(ofX!.data, [2, 2 * Math.E ** 2]) < 1e-12);
});

/** A stack of gated blocks whose gates and products may be made again. */
function gatedBlocks(sparing: boolean) {
  const g = new Graph(), again = sparing ? { again: true } : {};
  const wanted: Value[] = [], frozen: Value[] = [];
  let x = g.input("x", "float32", [5, 4]);
  for (const layer of [0, 1]) {
    const input = (name: string, shape: number[]) => g.input(`${name}${layer}`, "float32", shape);
    const [up, gate, down] = [input("up", [6, 4]), input("gate", [6, 4]), input("down", [4, 6])];
    wanted.push(up, gate);
    frozen.push(down);
    const silu = g.op("Silu", [g.op("Linear", [x, gate])], again);
    const product = g.op("Mul", [silu, g.op("Linear", [x, up])], again);
    x = g.add(x, g.op("Linear", [product, down]));
  }
  const loss = g.sum(g.mul(x, x), [0, 1], false);
  gradients(g, loss, wanted, { sparing }).forEach((value, i) => g.output(`gradient.${i}`, value!));
  return { g, wanted };
}

Deno.test("gradients() sparing memory has the bits of gradients() not sparing it, makes values again, and orders the rest", async () => {
  const [plain, sparing] = [gatedBlocks(false), gatedBlocks(true)];
  const feeds = Object.fromEntries([...plain.g.inputs].map(([name, { shape }], i) => {
    const sizes = shape as readonly number[], length = sizes.reduce((a, b) => a * b, 1);
    return [name, { shape: sizes, data: Float64Array.from({ length }, (_, j) => Math.sin(7 * i + j)) }];
  }));
  verifyGraph(sparing.g);
  deepStrictEqual(await runGraph(sparing.g, feeds), await runGraph(plain.g, feeds));
  const count = (g: Graph, op: OpName) => reachable(g.outputs.values()).filter((node) => node.op === op).length;
  strictEqual(count(plain.g, "After"), 0);
  deepStrictEqual([count(plain.g, "Silu"), count(sparing.g, "Silu")], [2, 4]);
  // In the order that ONNX Runtime must keep: nothing of the first block's backward pass before the second's gradients.
  const readers = (value: Value): Set<Value> => {
    const found = new Set([value]);
    for (const node of reachable(sparing.g.outputs.values())) {
      if (node.inputs.some((input) => input && found.has(input))) node.outputs.forEach((output) => found.add(output));
    }
    return found;
  };
  const [up0, gate0, up1, gate1] = [0, 1, 2, 3].map((i) => sparing.g.outputs.get(`gradient.${i}`)!);
  for (const later of [up0!, gate0!]) ok(readers(up1!).has(later) && readers(gate1!).has(later));
});

/** Graphs through an op that has no rule: the message must name the op. */
const REFUSED: Readonly<Record<Exclude<OpName, keyof typeof GRADIENTS>, (g: Graph, x: Value) => Value>> = {
  CumSum: (g, x) => g.op("CumSum", [x]),
  ShortCumSum: (g, x) => g.op("ShortCumSum", [x]),
  GroupQueryAttention: (g, x) => {
    const row = g.reshape(x, [3, 1, 4]), cache = g.reshape(x, [3, 1, 1, 4]), one = g.constant(Int32Array.of(1), [1]);
    const none = g.constant(new Int32Array(3), [3]);
    return g.op("GroupQueryAttention", [row, row, row, cache, cache, none, one], { heads: 1, kvHeads: 1 });
  },
  TopK: (g, x) => g.op("TopK", [x], { k: 2 }),
  SliceFrom: (g, x) => g.op("SliceFrom", [x], { axis: 0, start: 1 }),
  ReduceMax: (g, x) => g.op("ReduceMax", [x], { axes: [0], keepDims: false }),
  ReduceMin: (g, x) => g.op("ReduceMin", [x], { axes: [0], keepDims: false }),
  ScatterAdd: (g, x) =>
    g.op("ScatterAdd", [x, g.constant(BigInt64Array.from(new Array(12).fill(0n)), [3, 4]), x], { axis: 0 }),
  Loop: (g, x) => {
    const parameters = [
      g.parameter("i", "int64", []),
      g.parameter("on", "bool", []),
      g.parameter("x", "float32", [3, 4]),
    ];
    const body = { parameters, results: [parameters[1]!, g.exp(parameters[2]!)] };
    return g.apply("Loop", [g.constant(BigInt64Array.of(2n), []), g.constant(Uint8Array.of(1), []), x], { body })[0]!;
  },
  After: (g, x) => g.op("After", [x, x]),
  WeightGradient: (g, x) => g.op("WeightGradient", [x, x]),
  EmbeddingGradient: (g, x) =>
    g.op("EmbeddingGradient", [g.constant(BigInt64Array.of(0n, 1n, 1n), [3]), x], { rows: 2 }),
  ScatterRows: (g, x) => {
    const rows = g.constant(new BigInt64Array(x.shape[0] as number), [x.shape[0] as number, 1]);
    return g.op("ScatterRows", [x, rows, x]);
  },
  FusedMatMul: (g, x) => g.op("FusedMatMul", [x, x], { transposeB: true, alpha: 1 }),
  Gemm: (g, x) => g.op("Gemm", [x, x], { transB: 1 }),
  SimplifiedLayerNormalization: (g, x) =>
    g.op("SimplifiedLayerNormalization", [x, g.constant(new Float32Array(4), [4])], { epsilon: 1 }),
  SkipSimplifiedLayerNormalization: (g, x) =>
    g.op("SkipSimplifiedLayerNormalization", [x, x, g.constant(new Float32Array(4), [4])], { epsilon: 1 }),
  RotaryEmbedding: (g, x) => g.op("RotaryEmbedding", [x, x, x, x], { num_heads: 1 }),
  QuickGelu: (g, x) => g.op("QuickGelu", [x], { alpha: 1 }),
};

for (const [op, through] of Object.entries(REFUSED)) {
  Deno.test(`gradients() refuses ${op} by name: it has no rule`, () => {
    const g = new Graph(), x = g.input("x", "float32", [3, 4]), y = through(g, x);
    const axes = y.shape.map((_, axis) => axis);
    const loss = y.shape.includes("?") ? y : g.sum(y, axes, false);
    throws(() => gradients(g, loss, [x]), { name: "TypeError", message: new RegExp(`"${op}"`) });
  });
}

Deno.test("gradients() refuses a Loop that reads a wanted value from outside of its body", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]);
  const parameters = [g.parameter("i", "int64", []), g.parameter("on", "bool", []), g.parameter("y", "float32", [2])];
  const body = { parameters, results: [parameters[1]!, g.mul(parameters[2]!, x)] };
  const start = g.constant(Float32Array.of(1, 1), [2]);
  const [y] = g.apply("Loop", [g.constant(BigInt64Array.of(2n), []), g.constant(Uint8Array.of(1), []), start], {
    body,
  });
  throws(() => gradients(g, g.sum(y!, [0], false), [x]), /"Loop"/);
});

Deno.test("gradients() refuses a loss that is not a scalar", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]);
  throws(() => gradients(g, g.exp(x), [x]), { name: "TypeError", message: /must be a scalar/ });
});

Deno.test("gradients() refuses a gradient through an output that the op's rule does not cover", () => {
  const g = new Graph(), x = g.input("x", "float32", [2, 3]), w = g.input("w", "float32", [3]);
  const total = (value: Value) => g.sum(value, value.shape.map((_, axis) => axis), false);
  const inverse = g.apply("RmsNorm", [x, w], { epsilon: 1e-5 })[1]!;
  throws(() => gradients(g, total(inverse), [x]), { name: "TypeError", message: /"RmsNorm".*output 1/ });
  const head = g.input("head", "float32", [4, 3]), targets = g.constant(BigInt64Array.of(0n, 1n), [2, 1]);
  const [p, , logits] = g.apply("TokenProbability", [x, head, targets], { scale: 1 });
  throws(() => gradients(g, g.add(total(p!), total(logits!)), [x]), {
    name: "TypeError",
    message: /"TokenProbability".*output 2/,
  });
});

Deno.test("the gradient table and its tests cover every op", () => {
  const tested = new Set<OpName>(Object.keys(REFUSED) as OpName[]);
  for (const entry of CASES) {
    const { results } = buildCase(entry);
    for (const node of reachable(results)) if (!bodyOf(node)) tested.add(node.op);
  }
  tested.add("StopGradient").add("Parameter"); // above, in tests of their own
  deepStrictEqual([...tested].sort(), [...interpretedOps].sort());
  for (const op of interpretedOps) strictEqual(op in GRADIENTS, !(op in REFUSED), op);
});
