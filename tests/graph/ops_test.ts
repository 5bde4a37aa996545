// The op table refuses what does not fit, by the op's name and before anything is encoded; what it infers agrees with
// what the oracle computes.

import { deepStrictEqual, throws } from "node:assert/strict";
import { Graph, type TensorType, type Value } from "../../harness/graph/ir.ts";
import { inferOutputs, type OpName } from "../../harness/graph/ops.ts";
import { interpretedOps, interpretValues } from "../oracles/float64.ts";
import { buildCase, CASES } from "./cases.ts";
import { reachable } from "../../harness/graph/ir.ts";

const float = (...shape: readonly (number | "?")[]): TensorType => ({ dtype: "float32", shape });
const int = (...shape: readonly number[]): TensorType => ({ dtype: "int64", shape });
const bool = (...shape: readonly number[]): TensorType => ({ dtype: "bool", shape });

type Refused = readonly [
  inputs: readonly TensorType[],
  attributes?: Record<string, number | readonly number[] | boolean>,
];
const broadcasting: readonly Refused[] = [[[float(2, 3), float(2)]], [[float(2), int(2)]], [[float(2)]]];
const reduction: readonly Refused[] = [[[float(2, 3)], { axes: [2], keepDims: true }], [[float(2, 3)], {
  axes: [-3],
  keepDims: true,
}]];
const product: readonly Refused[] = [[[float(2, 3), float(2, 3)]], [[float(3), float(3, 2)]], [[
  float(2, 2, 3),
  float(4, 3, 2),
]], [[float(2, 3), int(3, 2)]]];
const norm: readonly Refused[] = [[[float(2, 3), float(2)]], [[float(2, 3), float(1, 3)]]];
const skipNorm: readonly Refused[] = [[[float(2, 3), float(2, 3), float(2)]], [[float(2, 3), float(3), float(3)]]];

/** Inputs and attributes that each op must refuse. */
const REFUSED: Partial<Record<OpName, readonly Refused[]>> = {
  Add: broadcasting,
  Sub: broadcasting,
  Mul: broadcasting,
  Div: broadcasting,
  Min: broadcasting,
  Max: broadcasting,
  Equal: broadcasting,
  Less: broadcasting,
  LessOrEqual: broadcasting,
  Or: [...broadcasting, [[float(2), float(2)]]],
  Not: [[[float(2)]]],
  Exp: [[[float(2), float(2)]]],
  Where: [[[float(2), float(2), float(2)]], [[bool(2), float(2), float(3)]], [[bool(2), float(2), int(2)]]],
  Reshape: [[[float(2, 3)], { shape: [4, 2] }], [[float(2, 3)], { shape: [4, -1] }]],
  Transpose: [[[float(2, 3)], { permutation: [0] }], [[float(2, 3)], { permutation: [0, 0] }]],
  Expand: [[[float(2, 3)], { shape: [2, 4] }], [[float(2, 3)], { shape: [3] }]],
  Concat: [[[float(2, 3), float(3, 3)], { axis: 1 }], [[float(2), int(2)], { axis: 0 }], [[float(2)], { axis: 1 }]],
  Slice: [[[float(2, 3)], { axis: 1, start: 2, end: 4 }], [[float(2, 3)], { axis: 1, start: 2, end: 2 }], [[float(2)], {
    axis: 1,
    start: 0,
    end: 1,
  }]],
  SliceFrom: [[[float(2, 3)], { axis: 1, start: 4 }], [[float(2)], { axis: 1, start: 0 }]],
  Split: [[[float(2, 3)], { axis: 1, sizes: [1, 1] }]],
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceMin: reduction,
  MatMul: product,
  FusedMatMul: product,
  TopK: [[[float(2, 3)], { k: 4 }]],
  Gather: [[[float(2, 3), float(2)]], [[float(), int(2)]]],
  GatherElements: [[[float(2, 3), float(2, 1)]], [[float(2, 3), int(2)]], [[float(2, 3), int(3, 1)]]],
  ScatterAdd: [
    [[float(2, 3), float(2, 1), float(2, 1)], { axis: -1 }],
    [[float(2, 3), int(2, 1), float(2, 2)], { axis: -1 }],
    [[float(2, 3), int(2), float(2)], { axis: -1 }],
  ],
  ScatterRows: [
    [[float(4, 3), float(2, 1), float(2, 3)]],
    [[float(4, 3), int(2, 1), float(2, 2)]],
    [[float(4, 3), int(3, 1), float(2, 3)]],
  ],
  Linear: [[[float(2, 3), float(4, 2)]], [[float(2, 2, 3), float(4, 3)]], [[float(2, 3), float(4, 3), float(3)]]],
  RmsNorm: norm,
  SimplifiedLayerNormalization: norm,
  SkipRmsNorm: skipNorm,
  SkipSimplifiedLayerNormalization: skipNorm,
  Rotary: [
    [[float(2, 8), int(2, 1), float(5, 3), float(5, 3)], { heads: 2 }],
    [[float(2, 8), int(3, 1), float(5, 2), float(5, 2)], { heads: 2 }],
    [[float(2, 8), float(2, 1), float(5, 2), float(5, 2)], { heads: 2 }],
    [[float(2, 8), int(2, 1), float(5, 2), float(4, 2)], { heads: 2 }],
  ],
  Attention: [
    [[float(2, 1, 3, 4), float(2, 1, 2, 4), float(2, 1, 2, 4), float(2, 2)], { scale: 1, split: 0 }],
    [[float(2, 1, 2, 4), float(2, 1, 2, 4), float(3, 1, 2, 4), float(2, 2)], { scale: 1, split: 0 }],
    [[float(2, 1, 2, 4), float(3, 1, 2, 4), float(3, 1, 2, 4), float(2, 2)], { scale: 1, split: 0 }],
    [[float(2, 1, 2, 4), float(3, 1, 2, 5), float(3, 1, 2, 5), float(2, 3)], { scale: 1, split: 0 }],
    [[float(2, 1, 2, 4), float(3, 1, 2, 4), float(3, 1, 2, 4), float(2, 3)], { scale: 1, split: 3 }],
  ],
  TokenProbability: [
    [[float(2, 3), float(5, 4), int(2, 1)], { scale: 1 }],
    [[float(2, 3), float(5, 3), int(3, 1)], { scale: 1 }],
    [[float(2, 3), float(5, 3), float(2, 1)], { scale: 1 }],
    [[float(2, 3), float(5, 3), int(2, 1), bool(2, 4)], { scale: 1 }],
    [[float(2, 3), float(5, 3), int(2, 1), float(2, 5)], { scale: 1 }],
  ],
  MergedLinear: [
    [[float(3, 4), float(5, 4), float(2, 4), float(5, 2)]],
    [[float(3, 4), float(5, 4), float(2, 4), float(5, 3)], { scale: 1 }],
    [[float(3, 4), float(5, 4), float(2, 3), float(5, 2)], { scale: 1 }],
    [[float(3, 4), float(5, 4), float(2, 4), float(5, 2), float(4)], { scale: 1 }],
  ],
  After: [[[float(2, 3), float()]], [[float(), float(2)]]],
  WeightGradient: [[[float(2, 3), float(3, 3)]], [[float(2, 3), float(2, 4), float(4, 3)]]],
  EmbeddingGradient: [
    [[int(2), float(3, 4)], { rows: 5 }],
    [[float(2), float(2, 4)], { rows: 5 }],
    [[int(2), float(2, 4), float(4, 4)], { rows: 5 }],
  ],
  Gemm: [[[float(2, 3), float(4, 2)], { transB: 1 }], [[float(2, 3), float(4, 2)], {}]],
};

for (const [op, cases] of Object.entries(REFUSED)) {
  Deno.test(`inferOutputs() refuses what does not fit ${op}, by its name`, () => {
    for (const [inputs, attributes = {}] of cases) {
      const shown = JSON.stringify([inputs, attributes]);
      throws(() => inferOutputs(op as OpName, inputs, attributes), {
        name: "TypeError",
        message: new RegExp(`^Cannot apply ${op}: `),
      }, shown);
    }
  });
}

Deno.test("inferOutputs() refuses the wrong number of inputs of every op", () => {
  for (const op of interpretedOps) {
    if (op === "Concat" || op === "Loop") continue;
    throws(
      () => inferOutputs(op, Array.from({ length: 6 }, () => float(2, 2)), {}),
      new RegExp(`Cannot apply ${op}: 6 inputs`),
    );
  }
});

Deno.test("inferOutputs() refuses a Loop whose body changes a carried value's type or returns too little", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]);
  const parameters = [g.parameter("i", "int64", []), g.parameter("on", "bool", []), g.parameter("x", "float32", [2])];
  const [i, on, carried] = parameters as [Value, Value, Value];
  const trips = g.constant(BigInt64Array.of(2n), []), always = g.constant(Uint8Array.of(1), []);
  const refused = (results: readonly Value[], message: RegExp) =>
    throws(() => g.apply("Loop", [trips, always, x], { body: { parameters, results } }), message);
  refused([on, g.cast(carried, "int64")], /Cannot apply Loop: carried value 0 .* int64/);
  refused([on], /Cannot apply Loop/);
  refused([i, carried], /Cannot apply Loop/);
  throws(() => g.apply("Loop", [trips, always], { body: { parameters, results: [on, carried] } }), /Cannot apply Loop/);
});

Deno.test("inferOutputs() agrees with the shapes that the oracle computes", () => {
  for (const entry of CASES) {
    const { g, feeds, results, loss } = buildCase(entry);
    const values = reachable([...results, loss]).flatMap(({ outputs }) => outputs);
    interpretValues(g, feeds, values).forEach(({ shape }, i) =>
      deepStrictEqual(shape, [...values[i]!.shape], `${entry.name}: ${values[i]!.node.op}`)
    );
  }
});
