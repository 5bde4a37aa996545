// The oracle of every graph: a naive interpreter of the IR in float64. Each op is written from its definition, element by
// element, and composites are not built from other ops. It knows nothing of gradients, lowerings or speed.
// All dtypes are held as float64: token ids are exact, a bool is 0 or 1, and a float16 is not rounded. A kernel op (what lowerings emit) is
// interpreted as well, so that a lowered graph can be evaluated without ONNX Runtime.

import { type Attributes, type Body, bodyOf, type Graph, type Node, type Value } from "../../harness/graph/ir.ts";
import type { OpName } from "../../harness/graph/ops.ts";

/** A dense row-major array. */
export interface Array64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

type Index = readonly number[];
type Interpreter = (inputs: readonly Array64[], attributes: Attributes) => readonly Array64[];

const size = (shape: Index): number => shape.reduce((product, dim) => product * dim, 1);
const numbers = (attributes: Attributes, name: string) => attributes[name] as readonly number[];
const number = (attributes: Attributes, name: string) => attributes[name] as number;
const fromEnd = (axis: number, rank: number) => axis < 0 ? axis + rank : axis;

/** An array from a function of the index. The index is reused: copy it to keep it. */
export function build(shape: Index, element: (index: Index) => number): Array64 {
  const data = new Float64Array(size(shape)), index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = element(index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape: [...shape], data };
}

/** One element. Axes of size 1 and missing leading axes broadcast. */
export function at({ shape, data }: Array64, index: Index): number {
  const skip = index.length - shape.length;
  let offset = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    offset = offset * shape[axis]! + (shape[axis] === 1 ? 0 : index[skip + axis]!);
  }
  return data[offset]!;
}

/** Sum of terms 0 to count - 1. */
function sum(count: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}

function broadcastShape(a: Index, b: Index): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1, y = b[b.length - rank + i] ?? 1;
    return x === 1 ? y : x;
  });
}

const elementwise = (f: (a: number, b: number) => number): Interpreter => ([a, b]) => [
  build(broadcastShape(a!.shape, b!.shape), (index) => f(at(a!, index), at(b!, index))),
];
const unary = (f: (a: number, attributes: Attributes) => number): Interpreter => ([a], attributes) => [
  build(a!.shape, (index) => f(at(a!, index), attributes)),
];
const truth = (f: (a: number, b: number) => boolean) => elementwise((a, b) => f(a, b) ? 1 : 0);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Reductions by a function of what falls together. */
const reduce = (f: (values: readonly number[]) => number): Interpreter => ([a], attributes) => {
  const rank = a!.shape.length, axes = numbers(attributes, "axes").map((axis) => fromEnd(axis, rank));
  const kept = a!.shape.map((dim, axis) => axes.includes(axis) ? 1 : dim);
  const cells = Array.from({ length: size(kept) }, (): number[] => []);
  const cell = build(
    kept,
    (() => {
      let next = 0;
      return () => next++;
    })(),
  );
  build(a!.shape, (index) => cells[at(cell, index)]!.push(at(a!, index)));
  const data = Float64Array.from(cells, f);
  return [{ data, shape: attributes.keepDims ? kept : a!.shape.filter((_, axis) => !axes.includes(axis)) }];
};

function transpose(a: Array64, permutation: Index): Array64 {
  return build(permutation.map((axis) => a.shape[axis]!), (index) => {
    const source = permutation.map(() => 0);
    permutation.forEach((axis, i) => source[axis] = index[i]!);
    return at(a, source);
  });
}

/** Batched matrix product; `timeMajor` operands have their row axis first. */
const product: Interpreter = ([a, b], attributes) => {
  const arrange = (t: Array64, timeMajor: boolean, turn: boolean): Array64 => {
    const axes = t.shape.map((_, i) => i), last = axes.length - 1;
    const timed = timeMajor ? transpose(t, [...axes.slice(1, -1), 0, last]) : t;
    return turn ? transpose(timed, [...axes.slice(0, -2), last, last - 1]) : timed;
  };
  const x = arrange(a!, attributes.timeMajorA === true, attributes.transposeA === true);
  const y = arrange(b!, attributes.timeMajorB === true, attributes.transposeB === true);
  const alpha = attributes.alpha === undefined ? 1 : number(attributes, "alpha");
  const shape = [...broadcastShape(x.shape.slice(0, -2), y.shape.slice(0, -2)), x.shape.at(-2)!, y.shape.at(-1)!];
  return [build(shape, (index) => {
    const batch = index.slice(0, -2), row = index.at(-2)!, column = index.at(-1)!;
    return alpha * sum(x.shape.at(-1)!, (k) => at(x, [...batch, row, k]) * at(y, [...batch, k, column]));
  })];
};

const slice = (a: Array64, rawAxis: number, start: number, end: number): Array64 => {
  const axis = fromEnd(rawAxis, a.shape.length);
  const shape = a.shape.map((dim, i) => i === axis ? Math.min(end, dim) - start : dim);
  return build(shape, (index) => at(a, index.map((j, i) => i === axis ? j + start : j)));
};

/** The order of the last axis' elements, largest first; the earlier of equal ones first. */
const descending = (row: readonly number[]) => row.map((_, i) => i).sort((i, j) => row[j]! - row[i]! || i - j);

const lastAxis = (a: Array64, index: Index): number[] =>
  Array.from({ length: a.shape.at(-1)! }, (_, i) => at(a, [...index, i]));

/** y = w x / rms(x), 1 / rms(x). */
const norm = (x: Array64, weight: Array64, epsilon: number): [Array64, Array64] => {
  const width = weight.shape[0]!;
  const inverse = build([...x.shape.slice(0, -1), 1], (index) => {
    const row = lastAxis(x, index.slice(0, -1));
    return 1 / Math.sqrt(sum(width, (i) => row[i]! * row[i]!) / width + epsilon);
  });
  return [build(x.shape, (index) => at(x, index) * at(inverse, index) * weight.data[index.at(-1)!]!), inverse];
};
const rmsNorm: Interpreter = ([x, weight], attributes) => norm(x!, weight!, number(attributes, "epsilon"));
const skipRmsNorm: Interpreter = ([x, skip, weight], attributes) => {
  const total = build(x!.shape, (index) => at(x!, index) + at(skip!, index));
  return [...norm(total, weight!, number(attributes, "epsilon")), total];
};

/** Pairs (i, i + half) of each head turn by the angle of the row's position. */
const rotate = (x: Array64, positions: Array64, cos: Array64, sin: Array64, heads: number): Array64 => {
  const half = cos.shape[1]!, rows = positions.data.length;
  const flat: Array64 = { shape: [rows, heads, 2 * half], data: x.data };
  const turned = build(flat.shape, ([row, head, i]) => {
    const pair = i! % half, position = positions.data[row!]!;
    const c = at(cos, [position, pair]), s = at(sin, [position, pair]);
    const first = at(flat, [row!, head!, pair]), second = at(flat, [row!, head!, pair + half]);
    return i! < half ? first * c - second * s : second * c + first * s;
  });
  return { shape: x.shape, data: turned.data };
};

const softmaxOf = (row: readonly number[]): number[] => {
  const largest = Math.max(...row), powers = row.map((value) => Math.exp(value - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
};

const softmax: Interpreter = ([a]) => {
  const width = a!.shape.at(-1)!, data = new Float64Array(a!.data.length);
  for (let start = 0; start < data.length; start += width) {
    data.set(softmaxOf([...a!.data.subarray(start, start + width)]), start);
  }
  return [{ shape: a!.shape, data }];
};

/** Query head h reads key head floor(h / rep); its weights stand in row t * rep + h % rep. */
const attention: Interpreter = ([q, k, v, mask], attributes) => {
  const [steps, ...rest] = q!.shape as [number, ...number[]],
    batch = rest.slice(0, -2),
    [heads, width] = rest.slice(-2);
  const keys = k!.shape[0]!, keyHeads = k!.shape.at(-2)!, rep = heads! / keyHeads;
  const scores = build([...batch, keyHeads, steps * rep, keys], (index) => {
    const where = index.slice(0, batch.length), [head, row, s] = index.slice(batch.length) as [number, number, number];
    const query = [Math.floor(row / rep), ...where, head * rep + row % rep], key = [s, ...where, head];
    const dot = sum(width!, (d) => at(q!, [...query, d]) * at(k!, [...key, d]));
    return number(attributes, "scale") * dot + at(mask!, index);
  });
  const weights = softmax([scores], {})[0]!;
  const output = build(q!.shape, (index) => {
    const t = index[0]!, where = index.slice(1, -2), [head, d] = index.slice(-2) as [number, number];
    const keyHead = Math.floor(head / rep), row = t * rep + head % rep;
    return sum(keys, (s) => at(weights, [...where, keyHead, row, s]) * at(v!, [s, ...where, keyHead, d]));
  });
  return [output, weights];
};

const tokenProbability: Interpreter = ([h, w, targets, kept], attributes) => {
  const logits = build([h!.shape[0]!, w!.shape[0]!], ([row, token]) => {
    const dot = sum(h!.shape[1]!, (d) => at(h!, [row!, d]) * at(w!, [token!, d]));
    return kept && at(kept, [row!, token!]) === 0 ? -1e9 : number(attributes, "scale") * dot;
  });
  const distribution = softmax([logits], {})[0]!;
  const p = build(targets!.shape, ([row]) => at(distribution, [row!, targets!.data[row!]!]));
  return [p, distribution, logits];
};

const linear: Interpreter = ([x, w, b]) => [
  build([x!.shape[0]!, w!.shape[0]!], ([row, out]) => {
    const dot = sum(x!.shape[1]!, (i) => at(x!, [row!, i]) * at(w!, [out!, i]));
    return dot + (b ? b.data[out!]! : 0);
  }),
];

const scatterAdd = (data: Array64, indices: Array64, updates: Array64, rawAxis: number): Array64 => {
  const axis = fromEnd(rawAxis, data.shape.length), result = { shape: data.shape, data: data.data.slice() };
  const strides = data.shape.map((_, i) => size(data.shape.slice(i + 1)));
  build(indices.shape, (index) => {
    const offset = sum(strides.length, (i) => strides[i]! * (i === axis ? at(indices, index) : index[i]!));
    return result.data[offset]! += at(updates, index);
  });
  return result;
};

const embeddingGradient: Interpreter = ([indices, dy, accumulated], attributes) => {
  const width = dy!.shape[1]!, shape = [number(attributes, "rows"), width];
  const data = accumulated ? accumulated.data.slice() : new Float64Array(size(shape));
  indices!.data.forEach((target, row) => {
    for (let i = 0; i < width; i++) data[target * width + i]! += at(dy!, [row, i]);
  });
  return [{ shape, data }];
};

const gemm: Interpreter = ([a, b, c], attributes) => {
  const x = attributes.transA ? transpose(a!, [1, 0]) : a!, y = attributes.transB ? transpose(b!, [1, 0]) : b!;
  return [build([x.shape[0]!, y.shape[1]!], ([row, column]) => {
    const dot = sum(x.shape[1]!, (k) => at(x, [row!, k]) * at(y, [k, column!]));
    return dot + (c ? at(c, [row!, column!]) : 0);
  })];
};

/** Ops that the walk below handles: their result is not a function of inputs and attributes alone. */
const SPECIAL = ["Input", "Parameter", "Loop"] as const;
type Special = typeof SPECIAL[number];

const OPS = {
  Constant: (_, { data, shape }) => [{
    shape: shape as readonly number[],
    data: Float64Array.from(data as ArrayLike<number | bigint>, Number),
  }],
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: elementwise((a, b) => a / b),
  Min: elementwise(Math.min),
  Max: elementwise(Math.max),
  Neg: unary((a) => -a),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sqrt: unary(Math.sqrt),
  Sigmoid: unary(sigmoid),
  Identity: unary((a) => a),
  StopGradient: unary((a) => a),
  Clip: unary((a, attributes) => Math.min(Math.max(a, number(attributes, "min")), number(attributes, "max"))),
  Where: ([condition, a, b]) => [
    build(
      broadcastShape(condition!.shape, broadcastShape(a!.shape, b!.shape)),
      (index) => at(condition!, index) ? at(a!, index) : at(b!, index),
    ),
  ],
  Cast: unary((a, { dtype }) =>
    dtype === "bool" ? (a === 0 ? 0 : 1) : `${dtype}`.startsWith("float") ? a : Math.trunc(a)
  ),
  Equal: truth((a, b) => a === b),
  Less: truth((a, b) => a < b),
  LessOrEqual: truth((a, b) => a <= b),
  Or: truth((a, b) => a !== 0 || b !== 0),
  Not: unary((a) => a === 0 ? 1 : 0),
  Reshape: ([a], attributes) => {
    const target = numbers(attributes, "shape"), known = size(target.filter((dim) => dim >= 0));
    return [{ shape: target.map((dim) => dim < 0 ? a!.data.length / known : dim), data: a!.data }];
  },
  Transpose: ([a], attributes) => [transpose(a!, numbers(attributes, "permutation"))],
  Expand: ([a], attributes) => [build(numbers(attributes, "shape"), (index) => at(a!, index))],
  Concat: (inputs, attributes) => {
    const axis = fromEnd(number(attributes, "axis"), inputs[0]!.shape.length);
    const total = inputs.reduce((length, t) => length + t.shape[axis]!, 0);
    return [build(inputs[0]!.shape.map((dim, i) => i === axis ? total : dim), (index) => {
      let place = index[axis]!, part = 0;
      while (place >= inputs[part]!.shape[axis]!) place -= inputs[part++]!.shape[axis]!;
      return at(inputs[part]!, index.map((j, i) => i === axis ? place : j));
    })];
  },
  Slice: ([a], attributes) => [
    slice(a!, number(attributes, "axis"), number(attributes, "start"), number(attributes, "end")),
  ],
  SliceFrom: ([a], attributes) => [slice(a!, number(attributes, "axis"), number(attributes, "start"), Infinity)],
  Split: ([a], attributes) => {
    let start = 0;
    return numbers(attributes, "sizes").map((length) => slice(a!, number(attributes, "axis"), start, start += length));
  },
  ReduceSum: reduce((values) => values.reduce((a, b) => a + b, 0)),
  ReduceMax: reduce((values) => Math.max(...values)),
  ReduceMin: reduce((values) => Math.min(...values)),
  ReduceMean: reduce((values) => values.reduce((a, b) => a + b, 0) / values.length),
  Softmax: softmax,
  MatMul: product,
  CumSum: ([a]) => [
    build(a!.shape, (index) => sum(index.at(-1)! + 1, (i) => at(a!, [...index.slice(0, -1), i]))),
  ],
  ShortCumSum: ([a], { exclusive }) => [
    build(
      a!.shape,
      (index) => sum(index.at(-1)! + (exclusive ? 0 : 1), (i) => at(a!, [...index.slice(0, -1), i])),
    ),
  ],
  ArgMax: ([a]) => [build(a!.shape.slice(0, -1), (index) => descending(lastAxis(a!, index))[0]!)],
  TopK: ([a], attributes) => {
    const shape = [...a!.shape.slice(0, -1), number(attributes, "k")];
    const place = (index: Index) => descending(lastAxis(a!, index.slice(0, -1)))[index.at(-1)!]!;
    return [build(shape, (index) => at(a!, [...index.slice(0, -1), place(index)])), build(shape, place)];
  },
  Gather: ([table, indices]) => {
    const rank = indices!.shape.length;
    return [
      build(
        [...indices!.shape, ...table!.shape.slice(1)],
        (index) => at(table!, [at(indices!, index.slice(0, rank)), ...index.slice(rank)]),
      ),
    ];
  },
  GatherElements: ([data, indices]) => [
    build(indices!.shape, (index) => at(data!, [...index.slice(0, -1), at(indices!, index)])),
  ],
  ScatterAdd: ([data, indices, updates], attributes) => [
    scatterAdd(data!, indices!, updates!, number(attributes, "axis")),
  ],
  ScatterRows: ([data, indices, updates]) => [
    build(data!.shape, ([row, column]) => {
      const there = (i: number) => at(indices!, [i, 0]) === row ? at(updates!, [i, column!]) : 0;
      return at(data!, [row!, column!]) + sum(updates!.shape[0]!, there);
    }),
  ],
  ConstantOfShape: (_, attributes) => [build(numbers(attributes, "shape"), () => 0)],
  Linear: linear,
  After: ([x]) => [x!],
  MergedLinear: ([x, w, , , bias], attributes) => linear([x!, w!, ...(bias ? [bias] : [])], attributes),
  RmsNorm: rmsNorm,
  SkipRmsNorm: skipRmsNorm,
  Rotary: ([x, positions, cos, sin], attributes) => [rotate(x!, positions!, cos!, sin!, number(attributes, "heads"))],
  Silu: unary((x) => x * sigmoid(x)),
  Attention: attention,
  TokenProbability: tokenProbability,
  WeightGradient: ([dy, x, accumulated]) => [
    build([dy!.shape[1]!, x!.shape[1]!], ([out, i]) => {
      const dot = sum(x!.shape[0]!, (row) => at(dy!, [row, out!]) * at(x!, [row, i!]));
      return dot + (accumulated ? at(accumulated, [out!, i!]) : 0);
    }),
  ],
  EmbeddingGradient: embeddingGradient,
  FusedMatMul: product,
  Gemm: gemm,
  SimplifiedLayerNormalization: rmsNorm,
  SkipSimplifiedLayerNormalization: skipRmsNorm,
  RotaryEmbedding: ([x, positions, cos, sin], attributes) => [
    rotate(x!, positions!, cos!, sin!, number(attributes, "num_heads")),
  ],
  QuickGelu: unary((x, attributes) => x * sigmoid(number(attributes, "alpha") * x)),
  GroupQueryAttention: ([q, k, v, keys, values, before], attributes) => {
    const width = keys!.shape[3]!, rep = number(attributes, "heads") / number(attributes, "kvHeads");
    const grown = (cache: Array64, row: Array64) =>
      build(cache.shape, (index) => {
        const [r, head, t, d] = index as [number, number, number, number];
        return t === at(before!, [r]) ? at(row, [r, 0, head * width + d]) : at(cache, index);
      });
    const [allKeys, allValues] = [grown(keys!, k!), grown(values!, v!)];
    const attended = build(q!.shape, ([r, , column]) => {
      const head = Math.floor(column! / width), of = Math.floor(head / rep), count = at(before!, [r!]) + 1;
      const scores = Array.from(
        { length: count },
        (_, t) => sum(width, (d) => at(q!, [r!, 0, head * width + d]) * at(allKeys, [r!, of, t, d])) / Math.sqrt(width),
      );
      const most = Math.max(...scores), weights = scores.map((score) => Math.exp(score - most));
      const total = weights.reduce((a, b) => a + b);
      return sum(count, (t) => weights[t]! / total * at(allValues, [r!, of, t, column! % width]));
    });
    return [attended, allKeys, allValues];
  },
} satisfies Record<Exclude<OpName, Special>, Interpreter>;

type Scope = Map<Node, readonly Array64[]>;

/** Values of a node, and of all that it needs, remembered in the scope. */
function evaluate(node: Node, scope: Scope): readonly Array64[] {
  const known = scope.get(node);
  if (known) return known;
  if (node.op === "Input" || node.op === "Parameter") {
    throw new Error(`Cannot interpret: ${node.op} "${node.attributes.name ?? node.attributes.label}" has no value`);
  }
  const inputs = node.inputs.filter((input) => input !== null).map((input) =>
    evaluate(input.node, scope)[input.index]!
  );
  const result = node.op === "Loop" ? loop(bodyOf(node)!, inputs, scope) : OPS[node.op](inputs, node.attributes);
  scope.set(node, result);
  return result;
}

/** ONNX's Loop: the body runs while its condition holds, at most `trips` times; scans are stacked. */
function loop(body: Body, [trips, condition, ...initial]: readonly Array64[], outer: Scope): readonly Array64[] {
  const scalar = (value: number): Array64 => ({ shape: [], data: Float64Array.of(value) });
  const given = [...outer].filter(([node]) => node.op === "Input" || node.op === "Parameter");
  let carried = initial, going = condition!.data[0] !== 0;
  const scans: Array64[][] = body.results.slice(1 + initial.length).map(() => []);
  for (let i = 0; going && i < trips!.data[0]!; i++) {
    const values = [scalar(i), scalar(1), ...carried];
    const scope: Scope = new Map([...given, ...body.parameters.map(({ node }, j) => [node, [values[j]!]] as const)]);
    const [proceed, ...results] = body.results.map((value) => evaluate(value.node, scope)[value.index]!);
    going = proceed!.data[0] !== 0;
    carried = results.slice(0, initial.length);
    results.slice(initial.length).forEach((scan, j) => scans[j]!.push(scan));
  }
  const stacked = scans.map((parts): Array64 => ({
    shape: [parts.length, ...(parts[0]?.shape ?? [])],
    data: Float64Array.from(parts.flatMap((part) => [...part.data])),
  }));
  return [...carried, ...stacked];
}

/** Values of a graph for given inputs, in their order. */
export function interpretValues(
  graph: Pick<Graph, "inputs">,
  feeds: Readonly<Record<string, Array64>>,
  values: readonly Value[],
): Array64[] {
  const scope: Scope = new Map();
  for (const [name, { node }] of graph.inputs) {
    const fed = feeds[name];
    if (fed) scope.set(node, [fed]);
  }
  return values.map((value) => evaluate(value.node, scope)[value.index]!);
}

/** Outputs of a graph by name. */
export function interpret(
  graph: Pick<Graph, "inputs" | "outputs">,
  feeds: Readonly<Record<string, Array64>>,
): Record<string, Array64> {
  const names = [...graph.outputs.keys()], values = interpretValues(graph, feeds, [...graph.outputs.values()]);
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

/** Ops that the oracle knows: all of them, as the type checker proves. */
export const interpretedOps: readonly OpName[] = [...Object.keys(OPS) as (keyof typeof OPS)[], ...SPECIAL];

/** Largest difference over the largest absolute value of either; 0 for equal arrays, NaN where a number is NaN. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new RangeError(`Cannot compare ${actual.length} numbers with ${expected.length}`);
  }
  let difference = 0, scale = 0;
  for (let i = 0; i < actual.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!)); // Math.max passes NaN on
    scale = Math.max(scale, Math.abs(actual[i]!), Math.abs(expected[i]!));
  }
  return difference === 0 ? 0 : difference / scale;
}
