// What ONNX Runtime computes against the float64 oracle, op by op and gradient by gradient, for each lowering. All
// lowerings consist of operators that the CPU has, so all of them are run here; webgpu_test.ts runs one on its device.

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { Graph, type Node, reachable, type Value } from "../../harness/graph/ir.ts";
import { halfName, lower, type Target } from "../../harness/graph/lower.ts";
import type { OpName } from "../../harness/graph/ops.ts";
import { gradients } from "../../harness/graph/reverse.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";
import { type Array64, interpret, relativeError } from "../oracles/float64.ts";
import { roundingGraph } from "../oracles/float16.ts";
import { runGraph } from "../oracles/onnx.ts";
import { buildCase, CASES } from "./cases.ts";

const TARGETS: readonly Target[] = ["plain", "cpu", "webgpu", "cuda"];
const FLOAT32 = 1e-5;
const FLOAT64 = 1e-6; // constants of the graph are float32

type Arrays = Readonly<Record<string, Array64>>;

function compare(actual: Arrays, expected: Arrays, tolerance: number, where: string): void {
  deepStrictEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
  for (const [name, { shape, data }] of Object.entries(expected)) {
    deepStrictEqual(actual[name]!.shape, shape, `${where}: shape of ${name}`);
    const error = relativeError(actual[name]!.data, data);
    ok(error <= tolerance, `${where}: ${name} is off by ${error}`);
  }
}

/** Every lowering of a graph, by the oracle and by ONNX Runtime, against the graph itself. */
async function checkLowerings(name: string, g: Graph, feeds: Arrays): Promise<void> {
  verifyGraph(g);
  const expected = interpret(g, feeds);
  for (const target of TARGETS) {
    const lowered = lower(g, target);
    verifyGraph(lowered);
    compare(interpret(lowered, feeds), expected, FLOAT64, `${name}, ${target}, float64`);
    compare(await runGraph(lowered, feeds), expected, FLOAT32, `${name}, ${target}, ONNX Runtime`);
  }
}

const float = (shape: readonly number[], ...data: number[]): Array64 => ({ shape, data: Float64Array.from(data) });
const ids = (g: Graph, shape: readonly number[], ...values: number[]): Value =>
  g.constant(BigInt64Array.from(values, BigInt), shape);

for (const entry of CASES) {
  Deno.test(`lower() keeps values and gradients: ${entry.name}`, async () => {
    const { g, feeds, wanted, results, loss } = buildCase(entry);
    results.forEach((value, i) => g.output(`result.${i}`, value));
    g.output("loss", loss);
    gradients(g, loss, wanted).forEach((value, i) => value && g.output(`gradient.${i}`, value));
    await checkLowerings(entry.name, g, feeds);
  });
}

/** Ops without a gradient, or that the cases above use in passing only. */
const OTHERS: Readonly<Record<string, (g: Graph, x: Value, y: Value) => readonly Value[]>> = {
  CumSum: (g, x) => [g.op("CumSum", [x])],
  "CumSum of many blocks, whole and not": (g, x) => {
    const wide = g.expand(g.reshape(x, [2, 4, 1]), [2, 4, 64]);
    const whole = g.reshape(wide, [2, 256]);
    return [g.op("CumSum", [whole]), g.op("CumSum", [g.slice(whole, 1, 0, 203)])];
  },
  "GroupQueryAttention of rows with caches of different lengths": (g, x, y) => {
    const wide = (shape: readonly number[], ...parts: readonly Value[]) => g.reshape(g.concat(parts, 1), shape);
    const query = wide([2, 1, 16], x, y, y, x), key = wide([2, 1, 8], y, x), value = wide([2, 1, 8], x, g.neg(y));
    const cache = wide([2, 1, 6, 8], x, y, x, x, y, y, y, x, x, y, x, y), before = g.constant(Int32Array.of(3, 1), [2]);
    const reach = g.constant(Int32Array.of(5), [1]), shape = { heads: 2, kvHeads: 1 };
    const [o, keys, values] = g.apply(
      "GroupQueryAttention",
      [query, key, value, cache, g.neg(cache), before, reach],
      shape,
    );
    const held = (cache: Value) => g.slice(cache, 2, 0, 2); // what is beyond a row's tokens may be anything
    return [o!, held(keys!), held(values!)];
  },
  "ShortCumSum, of what comes before": (g, x) => [g.op("ShortCumSum", [x], { exclusive: true })],
  "TopK and its indices": (g, x) => g.apply("TopK", [x], { k: 3 }),
  ArgMax: (g, x) => [g.op("ArgMax", [x])],
  SliceFrom: (g, x) => [g.op("SliceFrom", [x], { axis: 1, start: 2 })],
  "ReduceMax and ReduceMin": (g, x) => [
    g.op("ReduceMax", [x], { axes: [0], keepDims: false }),
    g.op("ReduceMin", [x], { axes: [-1], keepDims: true }),
  ],
  "ScatterAdd with duplicate indices": (g, x, y) => [
    g.op("ScatterAdd", [x, ids(g, [2, 3], 1, 1, 3, 0, 0, 0), g.slice(y, 1, 0, 3)], { axis: -1 }),
    g.op("ScatterAdd", [x, ids(g, [2, 4], 1, 1, 1, 0, 1, 0, 1, 0), y], { axis: 0 }),
  ],
  "ScatterRows with duplicate indices": (g, x, y) => [
    g.op("ScatterRows", [g.concat([x, y], 0), ids(g, [2, 1], 3, 3), y]),
  ],
  "comparison and logic": (g, x, y) => {
    const less = g.op("Less", [x, y]), most = g.op("LessOrEqual", [x, y]), equal = g.op("Equal", [x, y]);
    return [less, most, equal, g.op("Or", [less, equal]), g.op("Not", [most]), g.op("Where", [less, x, y])];
  },
  casts: (
    g,
    x,
  ) => [
    g.cast(x, "int64"),
    g.cast(x, "int32"),
    g.cast(g.cast(x, "int64"), "bool"),
    g.cast(g.cast(x, "int64"), "float32"),
  ],
  "an output that is an input, a constant, or named twice": (g, x) => [x, g.scalar(3), g.exp(x), g.exp(x)],
  "WeightGradient and EmbeddingGradient, accumulated": (g, x, y) => [
    g.op("WeightGradient", [x, y, g.op("WeightGradient", [y, x])]),
    g.op("EmbeddingGradient", [ids(g, [2], 2, 2), x, g.op("EmbeddingGradient", [ids(g, [2], 0, 2), y], { rows: 3 })], {
      rows: 3,
    }),
  ],
  "FusedMatMul, time-major, with alpha": (g, x, y) => {
    const [a, b] = [g.reshape(x, [2, 2, 2]), g.reshape(y, [2, 2, 2])];
    return [
      g.op("FusedMatMul", [a, b], { timeMajorA: true, timeMajorB: true, transposeB: true, alpha: 0.5 }),
      g.op("FusedMatMul", [a, b], { timeMajorB: true, transposeA: true, alpha: -1 }),
    ];
  },
};

for (const [name, build] of Object.entries(OTHERS)) {
  Deno.test(`lower() keeps values: ${name}`, async () => {
    const g = new Graph(), x = g.input("x", "float32", [2, 4]), y = g.input("y", "float32", [2, 4]);
    build(g, x, y).forEach((value, i) => g.output(`result.${i}`, value));
    await checkLowerings(name, g, {
      x: float([2, 4], 1, -2, 3, 0.5, 2, 2, -1, 7),
      y: float([2, 4], 1, 1, -3, 4, 2, 0, 0, -7),
    });
  });
}

Deno.test("running sums over a vocabulary cost a device few additions, and rise only where a probability is", async () => {
  const width = 50_000, random = stream(1, "lower"), g = new Graph();
  g.output("sums", g.op("CumSum", [g.input("x", "float32", [2, width])]));
  const data = Float64Array.from({ length: 2 * width }, () => random.uniform() < 0.5 ? 0 : random.uniform() ** 8);
  for (const target of ["webgpu", "cuda"] as const) {
    const lowered = lower(g, target), { sums } = await runGraph(lowered, { x: { shape: [2, width], data } });
    const wrong = data.findIndex((x, i) => {
      const before = i % width === 0 ? 0 : sums!.data[i - 1]!;
      return x === 0 ? sums!.data[i] !== before : sums!.data[i]! < before;
    });
    strictEqual(wrong, -1, target);
    const additions = reachable(lowered.outputs.values()).filter(({ op }) => /CumSum$/.test(op)).map(({ outputs }) => {
      const shape = outputs[0]!.shape as readonly number[]; // a kernel adds up to `axis` elements for each
      return shape.reduce((a, b) => a * b, 1) * shape.at(-1)!;
    });
    ok(additions.reduce((a, b) => a + b, 0) < 100 * data.length, `${target}: ${additions}`);
  }
});

/** sum of the first `steps` rows of a table, each times k + 1, until the running sum exceeds 10; all sums as a scan. */
function loopGraph(): Graph {
  const g = new Graph();
  const steps = g.reshape(g.input("steps", "int64", [1]), []),
    table = g.input("table", "float32", [4, 2]),
    k = g.input("k", "float32", []);
  const parameters = [
    g.parameter("i", "int64", []),
    g.parameter("on", "bool", []),
    g.parameter("total", "float32", [2]),
  ];
  const [i, , total] = parameters as [Value, Value, Value];
  const factor = g.op("Exp", [g.add(k, g.scalar(1))]); // the same in every step
  const next = g.add(total, g.mul(g.gather(table, i), factor));
  const going = g.op("Less", [g.op("ReduceMax", [next], { axes: [0], keepDims: false }), g.scalar(10)]);
  const body = { parameters, results: [going, next, next] };
  const always = g.constant(Uint8Array.of(1), []), start = g.constant(new Float32Array(2), [2]);
  const [final, sums] = g.apply("Loop", [steps, always, start], { body });
  g.output("final", final!);
  g.output("sums", sums!);
  return g;
}

Deno.test("lower() keeps a Loop: all steps, an early end by its condition, and no step at all", async () => {
  const g = loopGraph(), table = float([4, 2], 1, 0, 1, 1, 1, 0, 5, 1), k = float([], 0);
  for (const [steps, rows] of [[2, 2], [4, 4], [3, 3], [0, 0]]) {
    const feeds = { steps: float([1], steps!), table, k };
    strictEqual(interpret(g, feeds).sums!.shape[0], rows);
    if (steps! > 0) await checkLowerings(`Loop, ${steps} steps`, g, feeds);
  }
  const cut = { steps: float([1], 4), table: float([4, 2], 1, 0, 9, 0, 1, 1, 1, 1), k };
  strictEqual(interpret(g, cut).sums!.shape[0], 2);
  await checkLowerings("Loop, ended early", g, cut);
  const none = await runGraph(g, { steps: float([1], 0), table, k });
  deepStrictEqual([none.sums!.shape, [...none.final!.data]], [[0, 2], [0, 0]]);
});

/** Largest relative error of float16, where numbers of size 1 meet a few times. */
const FLOAT16 = 1e-2;

for (const entry of CASES) {
  Deno.test(`lower() to float16 keeps values and gradients: ${entry.name}`, async () => {
    const { g, feeds, wanted, results, loss } = buildCase(entry);
    results.forEach((value, i) => g.output(`result.${i}`, value));
    gradients(g, loss, wanted).forEach((value, i) => value && g.output(`gradient.${i}`, value));
    const expected = interpret(g, feeds);
    for (const target of TARGETS) {
      const lowered = lower(g, target, { precision: "float16" });
      verifyGraph(lowered);
      compare(interpret(lowered, feeds), expected, FLOAT64, `${entry.name}, ${target}, float64`);
      compare(await runGraph(lowered, feeds), expected, FLOAT16, `${entry.name}, ${target}, ONNX Runtime`);
      const rounded = await runGraph(roundingGraph(lowered), feeds);
      compare(rounded, expected, FLOAT16, `${entry.name}, ${target}, rounded`);
      ok(!reachable(lowered.outputs.values()).some(isWideProduct), `${entry.name}, ${target}: a product is float32`);
      const twice = reachable(lower(lowered, target, { precision: "float16" }).outputs.values());
      strictEqual(twice.length, reachable(lowered.outputs.values()).length, "a product is rounded once");
    }
  });
}

Deno.test("lower() to float16 may take inputs of products rounded already: each once, and in float32 too where it is looked up", () => {
  const g = new Graph(), table = g.input("table", "float32", [3, 4]), w = g.input("w", "float32", [5, 4]);
  const x = g.gather(table, ids(g, [2], 2, 0));
  g.output("y", g.op("Linear", [g.op("Linear", [x, w]), g.transpose(w, [1, 0])]));
  g.output("z", g.op("Linear", [x, table]));
  const feeds = { table: float([3, 4], ...Array(12).keys()), w: float([5, 4], ...Array(20).keys()) };
  for (const target of TARGETS) {
    const lowered = lower(g, target, { precision: "float16", halfInputs: true });
    verifyGraph(lowered);
    deepStrictEqual([...lowered.inputs.keys()].sort(), ["table", halfName("table"), halfName("w")].sort());
    const rounded = { ...feeds, [halfName("table")]: feeds.table, [halfName("w")]: feeds.w };
    compare(interpret(lowered, rounded), interpret(g, feeds), FLOAT64, target);
  }
});

/** A product of two matrices in float32. */
const isWideProduct = ({ op, inputs }: Node) =>
  ["MatMul", "FusedMatMul", "Gemm"].includes(op) && inputs[0]!.dtype === "float32" &&
  !inputs.some((input) => input!.shape.length === 2 && input!.shape.includes(1));

const COMPOSITES: readonly OpName[] = [
  "Linear",
  "RmsNorm",
  "SkipRmsNorm",
  "Rotary",
  "Silu",
  "Attention",
  "TokenProbability",
  "WeightGradient",
  "EmbeddingGradient",
];
const FUSED: readonly OpName[] = [
  ...COMPOSITES,
  "FusedMatMul",
  "Gemm",
  "SimplifiedLayerNormalization",
  "SkipSimplifiedLayerNormalization",
  "RotaryEmbedding",
  "QuickGelu",
];

Deno.test("lower() leaves no composite behind, and `plain` and `webgpu` no operator that their devices lack", () => {
  const lacking: Readonly<Record<Target, readonly OpName[]>> = {
    plain: FUSED,
    cpu: COMPOSITES,
    webgpu: [...COMPOSITES, "FusedMatMul", "ConstantOfShape"],
    cuda: COMPOSITES,
  };
  for (const entry of CASES) {
    const { g, wanted, loss } = buildCase(entry);
    g.output("loss", loss);
    gradients(g, loss, wanted).forEach((value, i) => value && g.output(`gradient.${i}`, value));
    for (const target of TARGETS) {
      const ops = new Set(reachable(lower(g, target).outputs.values()).map(({ op }) => op));
      deepStrictEqual(lacking[target].filter((op) => ops.has(op)), [], `${entry.name}, ${target}`);
    }
  }
});

Deno.test("lower() twice is lower() once", () => {
  for (const entry of CASES) {
    const { g, loss } = buildCase(entry);
    g.output("loss", loss);
    for (const target of TARGETS) {
      const once = lower(g, target), ops = (graph: Graph) => reachable(graph.outputs.values()).map(({ op }) => op);
      deepStrictEqual(ops(lower(once, target)), ops(once));
    }
  }
});
