// The lowering tables: by which ONNX operators a device runs each composite. Mathematics lives in the gradient rules,
// speed lives here. `plain` uses standard operators only and is the reference that the others are tested against;
// `cpu` uses ONNX Runtime's fused kernels; `webgpu` and `cuda` those that these providers have.
//
// Bits matter: a sampler and a trainer that lower alike compute equal numbers. A product with one row takes another
// CPU kernel than one with more, and FusedMatMul with alpha other than 1 does not.
//
// In float16 the products, where a step's time goes, take float16 and give float16, with a cast on either side; all that
// is between them (norms, softmax, the residual stream, sums of gradients) stays float32, and so does the graph that is
// lowered: no op and no gradient rule knows of it. The casts' traffic is little beside large products (15 GB beside 2.3
// TFLOP in a pass of SmolLM2-135M over 16 x 128 tokens), but they are a third more launches, which decide at small shapes.
// A stream in float16 would spare them, and would need rules for what may be rounded where.

import type { Precision } from "../base/device_names.ts";
import { headRows, headRowsBack } from "./gradients.ts";
import { bodyOf, dimension, elements, Graph, type Node, reachable, type Value } from "./ir.ts";
import type { OpName } from "./ops.ts";

export type Target = "plain" | "cpu" | "webgpu" | "cuda";
type Inputs = readonly (Value | null)[];
type Lowering = (g: Graph, inputs: Inputs, node: Node) => readonly Value[];
type Composite =
  | "Linear"
  | "MergedLinear"
  | "RmsNorm"
  | "SkipRmsNorm"
  | "Rotary"
  | "Silu"
  | "Attention"
  | "TokenProbability";
type Gradient = "WeightGradient" | "EmbeddingGradient" | "FusedMatMul";
type Table = Readonly<Record<Composite | Gradient, Lowering>>;

const number = (node: Node, name: string) => node.attributes[name] as number;

/** axis 0 moved before the last: [T, B…, D] -> [B…, T, D]. */
function timeToRows(g: Graph, a: Value): Value {
  const axes = a.shape.map((_, i) => i), rank = axes.length;
  return g.transpose(a, [...axes.slice(1, -1), 0, rank - 1]);
}

function matrixTransposed(g: Graph, a: Value): Value {
  const axes = a.shape.map((_, i) => i), rank = axes.length;
  return g.transpose(a, [...axes.slice(0, -2), rank - 1, rank - 2]);
}

/** [B…, T, D] -> [T, B…, D]. */
function rowsToTime(g: Graph, a: Value): Value {
  const axes = a.shape.map((_, i) => i), rank = axes.length;
  return g.transpose(a, [rank - 2, ...axes.slice(0, -2), rank - 1]);
}

/** Attention by whatever the table has for products. */
const attention: Lowering = (g, [q, k, v, mask], node) => {
  const alpha = number(node, "scale"), split = number(node, "split");
  const rows = headRows(g, q!, dimension(q!, -2) / dimension(k!, -2));
  const scores = g.op("FusedMatMul", [rows, k!], { timeMajorA: true, timeMajorB: true, transposeB: true, alpha });
  const a = g.softmax(g.add(scores, mask!)); // [B…, KV, T*rep, S]
  const values = (weights: Value, part: Value) => g.op("FusedMatMul", [weights, part], { timeMajorB: true, alpha: 1 });
  const length = dimension(k!, 0), last = a.shape.length - 1;
  const o = split === 0 ? values(a, v!) : g.add(
    values(g.slice(a, last, 0, split), g.slice(v!, 0, 0, split)),
    values(g.slice(a, last, split, length), g.slice(v!, 0, split, length)),
  );
  return [headRowsBack(g, rowsToTime(g, o), q!), a];
};

const tokenProbability: Lowering = (g, [h, w, targets, kept], node) => {
  const scale = number(node, "scale"), raw = g.op("Linear", [h!, w!]);
  const scaled = scale === 1 ? raw : g.mul(raw, g.scalar(scale));
  const logits = kept ? g.op("Where", [kept, scaled, g.scalar(-1e9)]) : scaled;
  const distribution = g.softmax(logits);
  return [g.op("GatherElements", [distribution, targets!]), distribution, logits];
};

/** The adapter is in the weight already. */
const mergedLinear: Lowering = (g, [x, w, , , bias]) => [g.op("Linear", bias ? [x!, w!, bias] : [x!, w!])];

const inverseOf = (g: Graph, x: Value, node: Node): Value => {
  const mean = g.op("ReduceMean", [g.mul(x, x)], { axes: [-1], keepDims: true });
  return g.div(g.scalar(1), g.sqrt(g.add(mean, g.scalar(number(node, "epsilon")))));
};

const PLAIN: Table = {
  Linear: (g, [x, w, b]) => {
    const product = g.matmul(x!, matrixTransposed(g, w!));
    return [b ? g.add(product, b) : product];
  },
  MergedLinear: mergedLinear,
  RmsNorm: (g, [x, w], node) => {
    const inverse = inverseOf(g, x!, node);
    return [g.mul(g.mul(x!, inverse), w!), inverse];
  },
  SkipRmsNorm: (g, [x, skip, w], node) => {
    const sum = g.add(x!, skip!);
    return [...g.apply("RmsNorm", [sum, w!], { epsilon: number(node, "epsilon") }), sum];
  },
  Rotary: (g, [x, positions, cos, sin], node) => {
    const rows = dimension(x!, 0), heads = number(node, "heads"), half = dimension(cos!, 1);
    const at = (table: Value) => g.reshape(g.gather(table, g.reshape(positions!, [rows])), [rows, 1, half]);
    const [a, b] = g.split(g.reshape(x!, [rows, heads, 2 * half]), [half, half], 2) as [Value, Value];
    const turned = [g.sub(g.mul(a, at(cos!)), g.mul(b, at(sin!))), g.add(g.mul(b, at(cos!)), g.mul(a, at(sin!)))];
    return [g.reshape(g.concat(turned, 2), [rows, heads * 2 * half])];
  },
  Silu: (g, [x]) => [g.mul(x!, g.op("Sigmoid", [x!]))],
  Attention: attention,
  TokenProbability: tokenProbability,
  WeightGradient: (g, [dy, x, accumulated]) => {
    const product = g.matmul(matrixTransposed(g, dy!), x!);
    return [accumulated ? g.add(accumulated, product) : product];
  },
  EmbeddingGradient: (g, [indices, dy, accumulated], node) => {
    // ScatterElements, not ScatterND: the latter races on duplicate indices when it has two threads.
    const [rows, width] = [elements(indices!.shape), dimension(dy!, 1)];
    const base = accumulated ?? g.op("ConstantOfShape", [], { shape: [number(node, "rows"), width] });
    return [g.op("ScatterAdd", [base, g.expand(g.reshape(indices!, [rows, 1]), [rows, width]), dy!], { axis: 0 })];
  },
  FusedMatMul: (g, [a, b], { attributes }) => {
    const arrange = (t: Value, time: boolean, transpose: boolean) => {
      const timed = time ? timeToRows(g, t) : t;
      return transpose ? matrixTransposed(g, timed) : timed;
    };
    // Before the product: a score that is scaled after it might not be a float16.
    const scaled = attributes.alpha === 1 ? a! : g.mul(a!, g.scalar(attributes.alpha as number));
    const x = arrange(scaled, attributes.timeMajorA === true, attributes.transposeA === true);
    const y = arrange(b!, attributes.timeMajorB === true, attributes.transposeB === true);
    return [g.matmul(x, y)];
  },
};

/** Elements that are summed one by one. */
const BLOCK = 64;

/**
 * Running sums [R, V] by blocks. The kernels of both providers add up all that comes before an element for each one anew:
 * 50,000 tokens of a vocabulary would be a billion additions a row. Sums of blocks are added in the order in which their
 * elements would be, so that no running sum is below the one before it.
 */
const blockwiseCumSum: Lowering = (g, [x]) => {
  const rows = dimension(x!, 0), width = dimension(x!, 1), blocks = Math.ceil(width / BLOCK), padded = blocks * BLOCK;
  if (blocks <= 2) return [g.op("ShortCumSum", [x!])];
  const missing = padded - width;
  const whole = missing === 0 ? x! : g.concat([x!, g.constant(new Float32Array(rows * missing), [rows, missing])], 1);
  const inBlock = g.op("ShortCumSum", [g.reshape(whole, [rows, blocks, BLOCK])]);
  const ofBlocks = g.reshape(g.slice(inBlock, 2, BLOCK - 1, BLOCK), [rows, blocks]);
  const before = g.reshape(g.op("ShortCumSum", [ofBlocks], { exclusive: true }), [rows, blocks, 1]);
  const sums = g.reshape(g.add(inBlock, before), [rows, padded]);
  return [missing === 0 ? sums : g.slice(sums, 1, 0, width)];
};

/** What would be computed on the CPU otherwise, and be sent over: zeros in the shape of a weight, indices for all its columns. */
const WEBGPU = {
  CumSum: blockwiseCumSum,
  ConstantOfShape: (g, _, node) => [g.expand(g.scalar(0), node.attributes.shape as readonly number[])],
  EmbeddingGradient: (g, [indices, dy, accumulated], node) => {
    const shape = [number(node, "rows"), dimension(dy!, 1)];
    const base = accumulated ?? g.op("ConstantOfShape", [], { shape });
    // Atomic there, and therefore right for duplicate indices, which it is not on the CPU.
    return [g.op("ScatterRows", [base, g.reshape(indices!, [elements(indices!.shape), 1]), dy!])];
  },
} satisfies Partial<Record<OpName, Lowering>>;

/** Fused norms of providers whose kernels keep no inverse for the backward pass: where it is needed it is made apart. */
const NORMS = {
  RmsNorm: (g, [x, w], node) => {
    const [y] = g.apply("SimplifiedLayerNormalization", [x!, w!], node.attributes);
    return [y!, inverseOf(g, x!, node)];
  },
  SkipRmsNorm: (g, inputs, node) => {
    const [y, , sum] = g.apply("SkipSimplifiedLayerNormalization", inputs, node.attributes);
    return [y!, inverseOf(g, sum!, node), sum!];
  },
} satisfies Partial<Table>;

/** Kernels that all providers share. */
const SHARED = {
  Linear: (g, inputs) => [g.op("Gemm", inputs, { transB: 1 })],
  MergedLinear: mergedLinear,
  WeightGradient: (
    g,
    [dy, x, accumulated],
  ) => [g.op("Gemm", [dy!, x!, ...(accumulated ? [accumulated] : [])], { transA: 1 })],
  Rotary: (g, [x, positions, cos, sin], node) => {
    // Rows in the batch dimension: the operator refuses a sequence longer than its tables.
    const rows = dimension(x!, 0), width = dimension(x!, 1), heads = number(node, "heads");
    const turned = g.op("RotaryEmbedding", [g.reshape(x!, [rows, 1, width]), positions!, cos!, sin!], {
      num_heads: heads,
      interleaved: 0,
      rotary_embedding_dim: 0,
    });
    return [g.reshape(turned, [rows, width])];
  },
  Silu: (g, [x]) => [g.op("QuickGelu", [x!], { alpha: 1 })],
} satisfies Partial<Table>;

const TABLES: Readonly<Record<Target, Partial<Record<OpName, Lowering>>>> = {
  plain: PLAIN,
  webgpu: { ...PLAIN, ...SHARED, ...NORMS, ...WEBGPU },
  cuda: (({ FusedMatMul: _, ...plain }) => ({ ...plain, ...SHARED, ...NORMS, CumSum: blockwiseCumSum }))(PLAIN),
  cpu: {
    ...SHARED,
    RmsNorm: (g, inputs, node) => g.apply("SimplifiedLayerNormalization", inputs, node.attributes),
    SkipRmsNorm: (g, inputs, node) => g.apply("SkipSimplifiedLayerNormalization", inputs, node.attributes),
    Attention: attention,
    TokenProbability: tokenProbability,
    EmbeddingGradient: PLAIN.EmbeddingGradient,
  },
};

/** Ops that compute in float16 where that is asked for. */
const PRODUCTS: ReadonlySet<OpName> = new Set<OpName>(["MatMul", "FusedMatMul", "Gemm"]);

/** Ops that only move elements: rounding first moves half the bytes, and finds what was float16 already. */
const MOVES: ReadonlySet<OpName> = new Set<OpName>(["Reshape", "Transpose", "Slice", "SliceFrom", "Expand"]);

/** A product with a vector is a sum, a norm's for one: it stays float32, and would gain nothing. */
const isVector = ({ shape }: Value) => shape.length === 2 && shape.includes(1);

/** Name of the input that holds a float32 input rounded to float16. */
export const halfName = (name: string): string => `${name}:float16`;

/** A value rounded to float16. @param fed inputs are rounded before they are fed, under {@linkcode halfName} */
function half(g: Graph, value: Value, fed: boolean): Value {
  const { op, inputs: [input], attributes } = value.node;
  if (value.dtype === "float16") return value;
  if (op === "Cast" && input!.dtype === "float16") return input!;
  if (MOVES.has(op)) return g.op(op, [half(g, input!, fed)], attributes);
  if (op === "Input" && fed) return g.input(halfName(attributes.name as string), "float16", value.shape);
  return g.cast(value, "float16");
}

/** A product in float16; what it adds to is added in float32. */
const halfProduct = (fed: boolean): Lowering => (g, [a, b, added], { op, attributes }) => {
  const product = g.cast(g.op(op, [half(g, a!, fed), half(g, b!, fed)], attributes), "float32");
  return [added ? g.add(product, added) : product];
};

export interface LowerOptions {
  /** @default "float32" */
  readonly precision?: Precision;
  /** Inputs of float16 products are fed in float16, see {@linkcode halfName}; otherwise each run rounds them. @default false */
  readonly halfInputs?: boolean;
}

/** The same graph by operators that the target runs. Input and output names stay, but for {@linkcode halfName}. */
export function lower(
  graph: Graph,
  target: Target,
  { precision = "float32", halfInputs = false }: LowerOptions = {},
): Graph {
  const table = TABLES[target], lowered = new Graph(), product = halfProduct(halfInputs);
  const entryOf = ({ op }: Node, inputs: Inputs): Lowering | undefined => {
    if (table[op] || precision === "float32" || !PRODUCTS.has(op)) return table[op];
    return inputs[0]!.dtype === "float16" || (op === "MatMul" && inputs.some((input) => isVector(input!)))
      ? undefined
      : product;
  };
  const rounds = ({ op, attributes }: Node) =>
    precision === "float16" && op === "Cast" && attributes.dtype === "float16";
  const round: Lowering = (g, [a]) => [half(g, a!, halfInputs)];
  const image = new Map<Value, Value>(); // of the graph's values
  const settled = new Map<Value, Value>(); // of what lowerings emit, which may have entries of its own
  const settle = (value: Value): Value => {
    const known = settled.get(value);
    if (known) return known;
    const { op, inputs, attributes } = value.node;
    const ready = inputs.map((input) => input && settle(input)), entry = entryOf(value.node, ready);
    const outputs = entry ? emit(entry, ready, value.node) : lowered.apply(op, ready, attributes);
    settled.set(value, outputs[value.index]!);
    settled.set(outputs[value.index]!, outputs[value.index]!);
    return outputs[value.index]!;
  };
  const emit = (entry: Lowering, inputs: Inputs, node: Node) => entry(lowered, inputs, node).map(settle);
  const map = (value: Value): Value => image.get(value)!;
  for (const node of reachable(graph.outputs.values())) {
    const inputs = node.inputs.map((input) => input && map(input)), body = bodyOf(node);
    const entry = rounds(node) ? round : entryOf(node, inputs);
    const attributes = body
      ? { body: { parameters: body.parameters.map(map), results: body.results.map(map) } }
      : node.attributes;
    const outputs = entry ? emit(entry, inputs, node) : lowered.apply(node.op, inputs, attributes);
    node.outputs.forEach((output, i) => {
      image.set(output, outputs[i]!);
      settled.set(outputs[i]!, outputs[i]!);
    });
  }
  for (const [name, value] of graph.outputs) lowered.output(name, map(value));
  const used = new Set(reachable(lowered.outputs.values()));
  for (const [name, value] of graph.inputs) {
    if (!lowered.inputs.has(halfName(name)) || used.has(map(value).node)) lowered.input(name, value.dtype, value.shape);
  }
  return lowered;
}
