// The op table: arity and the rule that infers the outputs' shapes and dtypes from the inputs'.
// Three families. *Primitive* ops are ONNX operators one to one (https://onnx.ai/onnx/operators/, opset 18), except that
// axes, shapes and sizes are attributes here where ONNX takes them as inputs. *Composite* ops are the transformer's
// building blocks, with one gradient rule each, and are lowered. *Kernel* ops are what lowerings emit: fused operators
// and gradient kernels that nothing is differentiated through.

import type { Attributes, Body, Dim, Dtype, Shape, TensorType } from "./ir.ts";

type Inputs = readonly (TensorType | null)[];
interface OpSpec {
  readonly arity: readonly [least: number, most: number];
  readonly infer: (inputs: readonly TensorType[], attributes: Attributes, all: Inputs) => readonly TensorType[];
}

const fail = (reason: string): never => {
  throw new TypeError(reason);
};
const show = (shape: Shape) => `[${shape.join(", ")}]`;
const numbers = (attributes: Attributes, name: string) => attributes[name] as readonly number[];
const integer = (attributes: Attributes, name: string) => attributes[name] as number;
const axisOf = (axis: number, rank: number) => {
  const resolved = axis < 0 ? axis + rank : axis;
  return resolved >= 0 && resolved < rank ? resolved : fail(`axis ${axis} is outside rank ${rank}`);
};
const declared = (attributes: Attributes): TensorType => ({
  dtype: attributes.dtype as Dtype,
  shape: numbers(attributes, "shape").map((dim) => dim < 0 ? "?" : dim),
});

/** Numpy broadcasting of two shapes. */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1, y = b[b.length - rank + i] ?? 1;
    if (x === 1) return y;
    if (y === 1 || x === y) return x;
    if (x === "?" || y === "?") return x === "?" ? y : x;
    return fail(`${show(a)} and ${show(b)} do not broadcast`);
  });
}

const sameDim = (a: Dim | undefined, b: Dim | undefined) => a === b || a === "?" || b === "?";
const sameDtype = (inputs: readonly TensorType[]) =>
  inputs.every((t) => t.dtype === inputs[0]!.dtype) ||
  fail(`dtypes ${inputs.map((t) => t.dtype).join(", ")} must agree`);
const need = (condition: boolean, reason: string) => condition || fail(reason);

const same = (
  inputs: readonly TensorType[],
): readonly TensorType[] => [{ dtype: inputs[0]!.dtype, shape: inputs[0]!.shape }];
const unary: OpSpec = { arity: [1, 1], infer: same };
const whole = (indices: TensorType) => need(indices.dtype === "int64", `indices must be int64, not ${indices.dtype}`);
const logical = (inputs: readonly TensorType[]) =>
  need(inputs.every((t) => t.dtype === "bool"), `inputs must be bool, not ${inputs.map((t) => t.dtype).join(", ")}`);
/** Indices as GatherElements and ScatterElements take them: of the data's rank, no larger than it off the axis. */
const elementIndices = (data: TensorType, indices: TensorType, axis: number) => {
  whole(indices);
  const fits = indices.shape.length === data.shape.length &&
    indices.shape.every((dim, i) => i === axis || dim === "?" || data.shape[i] === "?" || dim <= data.shape[i]!);
  need(fits, `indices ${show(indices.shape)} do not fit ${show(data.shape)}`);
};
const elementwise = (dtype?: Dtype, check: (inputs: readonly TensorType[]) => unknown = sameDtype): OpSpec => ({
  arity: [2, 2],
  infer: (inputs) => {
    check(inputs);
    return [{ dtype: dtype ?? inputs[0]!.dtype, shape: broadcast(inputs[0]!.shape, inputs[1]!.shape) }];
  },
});
const reduce: OpSpec = {
  arity: [1, 1],
  infer: ([a], attributes) => {
    const axes = numbers(attributes, "axes").map((axis) => axisOf(axis, a!.shape.length));
    const shape: Dim[] = [];
    a!.shape.forEach((dim, i) => {
      if (!axes.includes(i)) shape.push(dim);
      else if (attributes.keepDims) shape.push(1);
    });
    return [{ dtype: a!.dtype, shape }];
  },
};

/** Batched matrix product after the optional transpositions. `timeMajorX`: axis 0 of X is its row axis. */
const product: OpSpec = {
  arity: [2, 2],
  infer: ([a, b], attributes) => {
    sameDtype([a!, b!]);
    const arrange = (t: TensorType, timeMajor: boolean, transpose: boolean): Shape => {
      const s = timeMajor ? [...t.shape.slice(1, -1), t.shape[0]!, t.shape.at(-1)!] : [...t.shape];
      need(s.length >= 2, `a product needs matrices, not ${show(t.shape)}`);
      return transpose ? [...s.slice(0, -2), s.at(-1)!, s.at(-2)!] : s;
    };
    const x = arrange(a!, attributes.timeMajorA === true, attributes.transposeA === true);
    const y = arrange(b!, attributes.timeMajorB === true, attributes.transposeB === true);
    need(sameDim(x.at(-1), y.at(-2)), `inner dimensions of ${show(x)} and ${show(y)} must agree`);
    return [{ dtype: a!.dtype, shape: [...broadcast(x.slice(0, -2), y.slice(0, -2)), x.at(-2)!, y.at(-1)!] }];
  },
};

/** Rows normalised by their root mean square: y, then 1/rms [.., 1], and with a skip input the sum that was normalised. */
const norm = (skip: boolean): OpSpec => ({
  arity: skip ? [3, 3] : [2, 2],
  infer: (inputs) => {
    const x = inputs[0]!, weight = inputs.at(-1)!;
    need(
      weight.shape.length === 1 && weight.shape[0] === x.shape.at(-1),
      `weight ${show(weight.shape)} must fit ${show(x.shape)}`,
    );
    if (skip) {
      need(
        show(x.shape) === show(inputs[1]!.shape),
        `${show(x.shape)} and its skip ${show(inputs[1]!.shape)} must agree`,
      );
    }
    const inverse = { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1 as const] };
    return skip
      ? [x, inverse, x].map(({ dtype, shape }) => ({ dtype, shape }))
      : [{ dtype: x.dtype, shape: x.shape }, inverse];
  },
});

/** y = x W^T (+ b): x [R, I], W [O, I]. */
const linear: OpSpec = {
  arity: [2, 3],
  infer: ([x, w, b]) => {
    need(
      x!.shape.length === 2 && w!.shape.length === 2 && x!.shape[1] === w!.shape[1],
      `${show(x!.shape)} does not fit weight ${show(w!.shape)}`,
    );
    if (b) {
      need(show(b.shape) === show([w!.shape[0]!]), `bias ${show(b.shape)} does not fit weight ${show(w!.shape)}`);
    }
    return [{ dtype: x!.dtype, shape: [x!.shape[0]!, w!.shape[0]!] }];
  },
};

const OPS = {
  // sources
  Input: { arity: [0, 0], infer: (_, attributes) => [declared(attributes)] },
  Parameter: { arity: [0, 0], infer: (_, attributes) => [declared(attributes)] },
  Constant: { arity: [0, 0], infer: (_, attributes) => [declared(attributes)] },
  // elementwise
  Add: elementwise(),
  Sub: elementwise(),
  Mul: elementwise(),
  Div: elementwise(),
  Min: elementwise(),
  Max: elementwise(),
  Neg: unary,
  Exp: unary,
  Log: unary,
  Sqrt: unary,
  Sigmoid: unary,
  Identity: unary,
  StopGradient: unary,
  Clip: unary,
  Where: {
    arity: [3, 3],
    infer: ([condition, a, b]) => {
      logical([condition!]);
      sameDtype([a!, b!]);
      return [{ dtype: a!.dtype, shape: broadcast(condition!.shape, broadcast(a!.shape, b!.shape)) }];
    },
  },
  Cast: { arity: [1, 1], infer: ([a], attributes) => [{ dtype: attributes.dtype as Dtype, shape: a!.shape }] },
  // comparison and logic
  Equal: elementwise("bool"),
  Less: elementwise("bool"),
  LessOrEqual: elementwise("bool"),
  Or: elementwise("bool", logical),
  Not: {
    arity: [1, 1],
    infer: (inputs) => {
      logical(inputs);
      return same(inputs);
    },
  },
  // layout
  Reshape: {
    arity: [1, 1],
    infer: ([a], attributes) => {
      const target = numbers(attributes, "shape");
      const known = target.reduce((product, dim) => dim < 0 ? product : product * dim, 1);
      if (a!.shape.includes("?")) return [{ dtype: a!.dtype, shape: target.map((dim) => dim < 0 ? "?" : dim) }];
      const total = (a!.shape as readonly number[]).reduce((product, dim) => product * dim, 1);
      const shape = target.map((dim) => dim < 0 ? total / known : dim);
      need(
        shape.reduce((product, dim) => product * dim, 1) === total && shape.every(Number.isInteger),
        `${show(a!.shape)} does not fill ${show(target)}`,
      );
      return [{ dtype: a!.dtype, shape }];
    },
  },
  Transpose: {
    arity: [1, 1],
    infer: ([a], attributes) => {
      const permutation = numbers(attributes, "permutation");
      need(
        [...permutation].sort((i, j) => i - j).join() === [...a!.shape.keys()].join(),
        `permutation ${show(permutation)} must fit ${show(a!.shape)}`,
      );
      return [{ dtype: a!.dtype, shape: permutation.map((axis) => a!.shape[axis]!) }];
    },
  },
  Expand: {
    arity: [1, 1],
    infer: ([a], attributes) => {
      const shape = numbers(attributes, "shape");
      need(show(broadcast(a!.shape, shape)) === show(shape), `${show(a!.shape)} does not expand to ${show(shape)}`);
      return [{ dtype: a!.dtype, shape }];
    },
  },
  Concat: {
    arity: [1, 1024],
    infer: (inputs, attributes) => {
      sameDtype(inputs);
      const axis = axisOf(integer(attributes, "axis"), inputs[0]!.shape.length);
      const fits = (t: TensorType) =>
        t.shape.length === inputs[0]!.shape.length &&
        t.shape.every((dim, i) => i === axis || sameDim(dim, inputs[0]!.shape[i]));
      need(inputs.every(fits), `${inputs.map((t) => show(t.shape)).join(" and ")} must agree but on axis ${axis}`);
      const shape = inputs[0]!.shape.map((dim, i) => {
        if (i !== axis) return dim;
        const sizes = inputs.map((t) => t.shape[axis]!);
        return sizes.includes("?") ? "?" as const : (sizes as number[]).reduce((a, b) => a + b, 0);
      });
      return [{ dtype: inputs[0]!.dtype, shape }];
    },
  },
  Slice: {
    arity: [1, 1],
    infer: ([a], attributes) => {
      const axis = axisOf(integer(attributes, "axis"), a!.shape.length), dim = a!.shape[axis]!;
      const start = integer(attributes, "start"), end = integer(attributes, "end");
      need(
        start >= 0 && start < end && (dim === "?" || end <= dim),
        `[${start}, ${end}) is outside axis ${axis} of ${show(a!.shape)}`,
      );
      return [{ dtype: a!.dtype, shape: a!.shape.map((d, i) => i === axis ? end - start : d) }];
    },
  },
  /** All of an axis from `start` on: the counterpart of Slice where the axis is dynamic. */
  SliceFrom: {
    arity: [1, 1],
    infer: ([a], attributes) => {
      const axis = axisOf(integer(attributes, "axis"), a!.shape.length);
      const start = integer(attributes, "start"),
        dim = a!.shape[axis]!,
        left = (dim: Dim) => dim === "?" ? dim : dim - start;
      need(start >= 0 && (dim === "?" || start < dim), `${start} is outside axis ${axis} of ${show(a!.shape)}`);
      return [{ dtype: a!.dtype, shape: a!.shape.map((d, i) => i === axis ? left(d) : d) }];
    },
  },
  Split: {
    arity: [1, 1],
    infer: ([a], attributes) => {
      const axis = axisOf(integer(attributes, "axis"), a!.shape.length), sizes = numbers(attributes, "sizes");
      need(
        sizes.reduce((x, y) => x + y, 0) === a!.shape[axis],
        `sizes ${show(sizes)} must add up to axis ${axis} of ${show(a!.shape)}`,
      );
      return sizes.map((size) => ({ dtype: a!.dtype, shape: a!.shape.map((d, i) => i === axis ? size : d) }));
    },
  },
  // reductions and products
  ReduceSum: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceMean: reduce,
  Softmax: unary, // over the last axis
  MatMul: product,
  CumSum: unary, // over the last axis, inclusive
  ArgMax: { arity: [1, 1], infer: ([a]) => [{ dtype: "int64", shape: a!.shape.slice(0, -1) }] }, // over the last axis
  TopK: { // over the last axis: values and indices, largest first
    arity: [1, 1],
    infer: ([a], attributes) => {
      const k = integer(attributes, "k"), shape = [...a!.shape.slice(0, -1), k];
      need(k >= 1 && k <= dim2(a!, -1), `${k} of ${show(a!.shape)} cannot be taken`);
      return [{ dtype: a!.dtype, shape }, { dtype: "int64", shape }];
    },
  },
  // indexing
  Gather: { // along axis 0
    arity: [2, 2],
    infer: ([table, indices]) => {
      whole(indices!);
      need(table!.shape.length > 0, "a scalar has no rows");
      return [{ dtype: table!.dtype, shape: [...indices!.shape, ...table!.shape.slice(1)] }];
    },
  },
  GatherElements: { // along the last axis
    arity: [2, 2],
    infer: ([data, indices]) => {
      elementIndices(data!, indices!, data!.shape.length - 1);
      return [{ dtype: data!.dtype, shape: indices!.shape }];
    },
  },
  ScatterAdd: { // data, indices, updates; duplicate indices add up
    arity: [3, 3],
    infer: ([data, indices, updates], attributes) => {
      elementIndices(data!, indices!, axisOf(integer(attributes, "axis"), data!.shape.length));
      need(
        show(updates!.shape) === show(indices!.shape),
        `updates ${show(updates!.shape)} do not fit indices ${show(indices!.shape)}`,
      );
      return same([data!]);
    },
  },
  ConstantOfShape: {
    arity: [0, 0],
    infer: (_, attributes) => [{ dtype: "float32", shape: numbers(attributes, "shape").map((d) => d) }],
  },
  // control flow: inputs are trip count, condition, carried…; outputs are carried finals, then stacked scans
  Loop: {
    arity: [2, 1024],
    infer: (inputs, attributes) => {
      const body = attributes.body as Body, carried = inputs.length - 2;
      const finals = body.results.slice(1, 1 + carried), scans = body.results.slice(1 + carried);
      need(
        body.parameters.length === inputs.length,
        `its body takes ${body.parameters.length} values, not ${inputs.length}`,
      );
      need(
        body.results[0]?.dtype === "bool" && finals.length === carried,
        `its body must return a condition and ${carried} carried values`,
      );
      finals.forEach((final, i) =>
        need(final.dtype === inputs[2 + i]!.dtype, `carried value ${i} changes its dtype to ${final.dtype}`)
      );
      return [
        ...finals.map((final, i) => ({ dtype: final.dtype, shape: body.parameters[2 + i]!.shape })),
        ...scans.map((scan) => ({ dtype: scan.dtype, shape: ["?" as const, ...scan.shape] })),
      ];
    },
  },
  // composite: y = x W^T (+ b); x [R, I], W [O, I]
  Linear: linear,
  /**
   * y = x W^T (+ b), where W is frozen but for an adapter that was merged into it: W = base + scale B A. The forward pass
   * is that of W; the gradient goes to A and B, never to W. x [R, I], W [O, I], A [r, I], B [O, r]; attribute scale.
   */
  MergedLinear: {
    arity: [4, 5],
    infer: ([x, w, a, b, bias], attributes) => {
      const rank = a!.shape[0]!, [outputs, inputs] = w!.shape;
      need(
        show(a!.shape) === show([rank, inputs!]) && show(b!.shape) === show([outputs!, rank]),
        `A ${show(a!.shape)} and B ${show(b!.shape)} do not fit weight ${show(w!.shape)}`,
      );
      need(typeof attributes.scale === "number", "it needs a scale");
      return linear.infer(bias ? [x!, w!, bias] : [x!, w!], {}, []);
    },
  },
  RmsNorm: norm(false), // x, weight; attribute epsilon
  SkipRmsNorm: norm(true), // x, skip, weight; attribute epsilon
  /** Rotary position embedding of heads side by side: x [R, heads*hd], positions [R, 1], cos and sin [length, hd/2]. */
  Rotary: {
    arity: [4, 4],
    infer: ([x, positions, cos, sin], attributes) => {
      need(
        dim2(x!, 1) === integer(attributes, "heads") * 2 * dim2(cos!, 1) && show(cos!.shape) === show(sin!.shape),
        `${show(x!.shape)} does not fit tables ${show(cos!.shape)}`,
      );
      need(
        positions!.dtype === "int64" && positions!.shape[0] === x!.shape[0],
        `positions ${show(positions!.shape)} must be int64, one a row of ${show(x!.shape)}`,
      );
      return [{ dtype: x!.dtype, shape: x!.shape }];
    },
  },
  Silu: unary,
  /**
   * Grouped-query attention, time-major: q [T, B…, KV*rep, hd], k and v [S, B…, KV, hd], additive mask that broadcasts to
   * [B…, KV, T*rep, S] with rows (t, rep). Outputs o like q, and the attention weights. `scale` multiplies the scores. With
   * `split` > 0 the values of [0, split) and [split, S) are summed apart, as a decoder with two caches does: same bits.
   */
  Attention: {
    arity: [4, 4],
    infer: ([q, k, v, mask], attributes) => {
      const [t, ...rest] = q!.shape, batch = rest.slice(0, -2), kv = k!.shape.at(-2)!, s = k!.shape[0]!;
      const rep = dim2(q!, -2) / dim2(k!, -2);
      const alike = show(k!.shape) === show(v!.shape) && show(k!.shape.slice(1, -2)) === show(batch) &&
        q!.shape.at(-1) === k!.shape.at(-1);
      need(
        Number.isInteger(rep) && alike && integer(attributes, "split") < dim2(k!, 0),
        `q ${show(q!.shape)}, k ${show(k!.shape)} and v ${show(v!.shape)} do not fit`,
      );
      const scores: Shape = [...batch, kv, (t as number) * rep, s];
      need(
        show(broadcast(scores, mask!.shape)) === show(scores),
        `mask ${show(mask!.shape)} does not broadcast to ${show(scores)}`,
      );
      return [{ dtype: q!.dtype, shape: q!.shape }, { dtype: q!.dtype, shape: scores }];
    },
  },
  /**
   * Probability of a target token: softmax(scale * h W^T) at the targets. h [N, D], W [V, D], targets [N, 1] int64, and
   * optionally kept [N, V] bool: the support of the distribution. Outputs p [N, 1], the distribution P [N, V], the scaled logits [N, V].
   */
  TokenProbability: {
    arity: [3, 4],
    infer: ([h, w, targets], _, all) => {
      whole(targets!);
      need(
        h!.shape[1] === w!.shape[1] && show(targets!.shape) === show([h!.shape[0]!, 1]),
        `h ${show(h!.shape)}, head ${show(w!.shape)} and targets ${show(targets!.shape)} do not fit`,
      );
      const full: Shape = [h!.shape[0]!, w!.shape[0]!], kept = all[3];
      if (kept) {
        need(
          kept.dtype === "bool" && show(kept.shape) === show(full),
          `kept ${show(kept.shape)} must be bool ${show(full)}`,
        );
      }
      return [{ dtype: "float32", shape: [h!.shape[0]!, 1] }, { dtype: "float32", shape: full }, {
        dtype: "float32",
        shape: full,
      }];
    },
  },
  // order: x, but not before y is there, and nothing that is made from it either. Costs nothing: no copy is made
  After: {
    arity: [2, 2],
    infer: ([x, y]) => {
      need(x!.shape.length > 0 && y!.shape.length > 0, "scalars come at any time");
      return same([x!]);
    },
  },
  // kernels: gradients of composites, and fused operators of com.microsoft that lowerings emit
  /** dy^T x (+ what was accumulated): dy [R, O], x [R, I] -> [O, I]. */
  WeightGradient: {
    arity: [2, 3],
    infer: ([dy, x, accumulated]) => {
      const shape: Shape = [dy!.shape[1]!, x!.shape[1]!];
      need(
        dy!.shape[0] === x!.shape[0] && (!accumulated || show(accumulated.shape) === show(shape)),
        `dy ${show(dy!.shape)} and x ${show(x!.shape)} do not fit`,
      );
      return [{ dtype: dy!.dtype, shape }];
    },
  },
  /** Rows of dy [R, D] added up by index: indices [R] -> [rows, D] (+ what was accumulated). */
  EmbeddingGradient: {
    arity: [2, 3],
    infer: ([indices, dy, accumulated], attributes) => {
      whole(indices!);
      const shape: Shape = [integer(attributes, "rows"), dim2(dy!, 1)];
      need(
        show(indices!.shape) === show(dy!.shape.slice(0, 1)) &&
          (!accumulated || show(accumulated.shape) === show(shape)),
        `indices ${show(indices!.shape)} and dy ${show(dy!.shape)} do not fit`,
      );
      return [{ dtype: dy!.dtype, shape }];
    },
  },
  ScatterRows: { // data [R, W], indices [n, 1], updates [n, W]: rows added up by index
    arity: [3, 3],
    infer: ([data, indices, updates]) => {
      whole(indices!);
      need(
        show(indices!.shape) === show([updates!.shape[0]!, 1]) && data!.shape[1] === updates!.shape[1],
        `indices ${show(indices!.shape)} and updates ${show(updates!.shape)} do not fit ${show(data!.shape)}`,
      );
      return same([data!]);
    },
  },
  ShortCumSum: unary, // as CumSum; attribute exclusive: what comes before each element
  FusedMatMul: product, // as MatMul; attribute alpha
  Gemm: {
    arity: [2, 3],
    infer: ([a, b], { transA, transB }) => {
      need(
        sameDim(a!.shape[transA ? 0 : 1], b!.shape[transB ? 1 : 0]),
        `inner dimensions of ${show(a!.shape)} and ${show(b!.shape)} must agree`,
      );
      return [{ dtype: a!.dtype, shape: [a!.shape[transA ? 1 : 0]!, b!.shape[transB ? 0 : 1]!] }];
    },
  },
  SimplifiedLayerNormalization: norm(false),
  SkipSimplifiedLayerNormalization: norm(true),
  RotaryEmbedding: { arity: [4, 4], infer: same },
  QuickGelu: unary,
  /**
   * One more token of each row against its cache: q [R, 1, heads*hd], k and v [R, 1, KV*hd], caches of keys and values
   * [R, KV, C, hd], how many tokens each row's hold [R] int32, and at most how many they will [1] int32. Outputs o as q, and
   * the caches with the new token in its place; what they have beyond a row's tokens may be anything.
   */
  GroupQueryAttention: {
    arity: [7, 7],
    infer: ([q, k, v, keys, values, before, reach], attributes) => {
      const [rows, kvHeads, , width] = keys!.shape, heads = integer(attributes, "heads");
      sameDtype([q!, k!, v!, keys!, values!]);
      const fits = kvHeads === integer(attributes, "kvHeads") && show(values!.shape) === show(keys!.shape) &&
        show(q!.shape) === show([rows!, 1, heads * (width as number)]) && show(v!.shape) === show(k!.shape) &&
        show(k!.shape) === show([rows!, 1, (kvHeads as number) * (width as number)]);
      need(fits, `q ${show(q!.shape)}, k ${show(k!.shape)} and v ${show(v!.shape)} do not fit ${show(keys!.shape)}`);
      need(
        before!.dtype === "int32" && reach!.dtype === "int32" && show(before!.shape) === show([rows!]),
        `lengths ${show(before!.shape)} must be int32, one a row of ${show(q!.shape)}`,
      );
      return [...same([q!]), ...same([keys!]), ...same([values!])];
    },
  },
} as const satisfies Record<string, OpSpec>;

function dim2(t: TensorType, axis: number): number {
  const dim = t.shape.at(axis);
  return typeof dim === "number" ? dim : fail(`dimension ${axis} of ${show(t.shape)} must be static`);
}

export type OpName = keyof typeof OPS;

/** Ops that only lowerings and gradient rules emit; nothing is differentiated through them. */
export type KernelOp =
  | "After"
  | "WeightGradient"
  | "EmbeddingGradient"
  | "ScatterRows"
  | "ShortCumSum"
  | "FusedMatMul"
  | "Gemm"
  | "SimplifiedLayerNormalization"
  | "SkipSimplifiedLayerNormalization"
  | "RotaryEmbedding"
  | "QuickGelu"
  | "GroupQueryAttention";

/** Output types of an op. Throws TypeError naming the op where arity, dtype or shape do not fit. */
export function inferOutputs(op: OpName, inputs: Inputs, attributes: Attributes): readonly TensorType[] {
  const spec: OpSpec = OPS[op];
  const [least, most] = spec.arity;
  if (inputs.length < least || inputs.length > most) {
    throw new TypeError(`Cannot apply ${op}: ${inputs.length} inputs must be between ${least} and ${most}`);
  }
  try {
    return spec.infer(inputs.filter((input) => input !== null), attributes, inputs);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new TypeError(`Cannot apply ${op}: ${error.message}`);
  }
}
