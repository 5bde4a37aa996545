// The gradient table: one rule an op, from the gradients of its outputs to those of its inputs. `null` is "no gradient".
// Rules need not un-broadcast (the walk does) nor ask which inputs want a gradient (unused nodes are never encoded).
// A rule with more than two lines is a named function below, beside its identity.

import { dimension, elements, type Graph, type Node, type Value } from "./ir.ts";
import type { KernelOp, OpName } from "./ops.ts";

type Gradients = readonly (Value | null)[];
/** `dy` are the gradients of the node's outputs, at least one of them not null. */
export type GradientRule = (g: Graph, node: Node, dy: Gradients) => Gradients;

const at = (node: Node, index: number): Value => node.inputs[index]!;
const y = (node: Node): Value => node.outputs[0]!;
const numbers = (node: Node, name: string) => node.attributes[name] as readonly number[];
const none: GradientRule = (_, node) => node.inputs.map(() => null);
/** Refuses gradients of outputs that a rule does not go through: left out in silence they would be lost. */
const through = (outputs: readonly number[], rule: GradientRule): GradientRule => (g, node, dy) => {
  const lost = dy.findIndex((gradient, i) => gradient !== null && !outputs.includes(i));
  if (lost >= 0) {
    throw new TypeError(`Cannot differentiate: op "${node.op}" has no gradient rule for its output ${lost}`);
  }
  return rule(g, node, dy);
};
/** Rules through the first output: dy is there. */
const single = (rule: (g: Graph, node: Node, dy: Value) => Gradients): GradientRule =>
  through([0], (g, node, dy) => rule(g, node, dy[0]!));
const mask = (g: Graph, condition: Value) => g.cast(condition, "float32");

/** Ops whose result does not depend smoothly on their inputs, or that the loss never goes through. */
type Flat = "Input" | "Parameter" | "Constant" | "ConstantOfShape" | "StopGradient";
/** Ops without a rule: differentiating through them is an error that names them. */
type Opaque = KernelOp | "Loop" | "CumSum" | "TopK" | "ScatterAdd" | "SliceFrom" | "ReduceMax" | "ReduceMin";

export const GRADIENTS = {
  Input: none,
  Parameter: none,
  Constant: none,
  ConstantOfShape: none,
  StopGradient: none,
  Equal: none,
  Less: none,
  LessOrEqual: none,
  Or: none,
  Not: none,
  ArgMax: none,
  Add: single((_, __, dy) => [dy, dy]),
  Sub: single((g, _, dy) => [dy, g.neg(dy)]),
  Mul: single((g, n, dy) => [g.mul(dy, at(n, 1)), g.mul(dy, at(n, 0))]),
  Div: single((g, n, dy) => [g.div(dy, at(n, 1)), g.neg(g.div(g.mul(dy, y(n)), at(n, 1)))]),
  Min: single((g, n, dy) => chosen(g, dy, g.op("LessOrEqual", [at(n, 0), at(n, 1)]))),
  Max: single((g, n, dy) => chosen(g, dy, g.op("LessOrEqual", [at(n, 1), at(n, 0)]))),
  Neg: single((g, _, dy) => [g.neg(dy)]),
  Exp: single((g, n, dy) => [g.mul(dy, y(n))]),
  Log: single((g, n, dy) => [g.div(dy, at(n, 0))]),
  Sqrt: single((g, n, dy) => [g.div(g.mul(dy, g.scalar(0.5)), y(n))]),
  Sigmoid: single((g, n, dy) => [g.mul(dy, g.mul(y(n), g.sub(g.scalar(1), y(n))))]),
  Identity: single((_, __, dy) => [dy]),
  Clip: single((g, n, dy) => [g.mul(dy, mask(g, g.op("Equal", [at(n, 0), y(n)])))]),
  Where: single((g, n, dy) => [null, ...chosen(g, dy, at(n, 0))]),
  Cast: single((g, n, dy) => [at(n, 0).dtype === "float32" ? g.cast(dy, "float32") : null]),
  Reshape: single((g, n, dy) => [g.reshape(dy, at(n, 0).shape as readonly number[])]),
  Transpose: single((g, n, dy) => [g.transpose(dy, numbers(n, "permutation").map((_, i, all) => all.indexOf(i)))]),
  Expand: single((_, __, dy) => [dy]),
  Concat: single((g, n, dy) =>
    g.split(dy, n.inputs.map((v) => dimension(v!, n.attributes.axis as number)), n.attributes.axis as number)
  ),
  Slice: single((g, n, dy) => [padded(g, n, dy)]),
  Split: (g, n, dy) => [g.concat(n.outputs.map((out, i) => dy[i] ?? zeros(g, out)), n.attributes.axis as number)],
  ReduceSum: single((g, n, dy) => [g.expand(keptDims(g, n, dy), at(n, 0).shape as readonly number[])]),
  ReduceMean: single((
    g,
    n,
    dy,
  ) => [
    g.mul(
      g.expand(keptDims(g, n, dy), at(n, 0).shape as readonly number[]),
      g.scalar(elements(y(n).shape) / elements(at(n, 0).shape)),
    ),
  ]),
  Softmax: single((g, n, dy) => [g.mul(y(n), g.sub(dy, g.sum(g.mul(dy, y(n)), [-1], true)))]), // y (dy - sum(dy y))
  MatMul: single((g, n, dy) => [g.matmul(dy, swapped(g, at(n, 1))), g.matmul(swapped(g, at(n, 0)), dy)]),
  Gather: single((g, n, dy) => [rowsAdded(g, at(n, 0), at(n, 1), dy), null]),
  GatherElements: single((g, n, dy) => [g.op("ScatterAdd", [zeros(g, at(n, 0)), at(n, 1), dy], { axis: -1 }), null]),
  Linear: single((g, n, dy) =>
    [g.matmul(dy, at(n, 1)), g.op("WeightGradient", [dy, at(n, 0)]), g.sum(dy, [0], false)].slice(0, n.inputs.length)
  ),
  MergedLinear: single(mergedLinear),
  RmsNorm: single((g, n, dy) => norm(g, at(n, 0), at(n, 1), n.outputs[1]!, dy, null)),
  SkipRmsNorm: through([0, 2], (g, n, dy) => {
    const [dx, dw] = norm(g, n.outputs[2]!, at(n, 2), n.outputs[1]!, dy[0], dy[2]);
    return [dx!, dx!, dw!];
  }),
  Rotary: single((
    g,
    n,
    dy,
  ) => [g.op("Rotary", [dy, at(n, 1), at(n, 2), g.neg(at(n, 3))], n.attributes), null, null, null]), // a rotation's transpose turns back
  Silu: single((g, n, dy) => [silu(g, at(n, 0), y(n), dy)]),
  Attention: single(attention),
  TokenProbability: single(tokenProbability),
} satisfies Record<Exclude<OpName, Opaque>, GradientRule> & Record<Flat, GradientRule>;

/** The gradient of a choice between two values: `first` says where the first was taken. */
function chosen(g: Graph, dy: Value, first: Value): [Value, Value] {
  const taken = mask(g, first);
  return [g.mul(dy, taken), g.mul(dy, g.sub(g.scalar(1), taken))];
}

function zeros(g: Graph, like: Value): Value {
  return g.op("ConstantOfShape", [], { shape: like.shape as readonly number[] });
}

function swapped(g: Graph, a: Value): Value {
  const axes = a.shape.map((_, i) => i), rank = axes.length;
  return g.transpose(a, [...axes.slice(0, -2), rank - 1, rank - 2]);
}

/** dy with the reduced axes back as size 1. */
function keptDims(g: Graph, node: Node, dy: Value): Value {
  const shape = at(node, 0).shape as readonly number[];
  const reduced = numbers(node, "axes").map((axis) => axis < 0 ? axis + shape.length : axis);
  return g.reshape(dy, shape.map((dim, i) => reduced.includes(i) ? 1 : dim));
}

/** dy, one block for each index, added up by row of the table. */
function rowsAdded(g: Graph, table: Value, indices: Value, dy: Value): Value {
  const count = elements(indices.shape), rows = dimension(table, 0);
  const flat = g.op("EmbeddingGradient", [
    g.reshape(indices, [count]),
    g.reshape(dy, [count, elements(table.shape) / rows]),
  ], { rows });
  return g.reshape(flat, table.shape as readonly number[]);
}

/** dy in its place, zeros around it. */
function padded(g: Graph, node: Node, dy: Value): Value {
  const shape = at(node, 0).shape as readonly number[];
  const { start, end, ...rest } = node.attributes as { axis: number; start: number; end: number };
  const axis = rest.axis < 0 ? rest.axis + shape.length : rest.axis;
  const block = (size: number) =>
    g.op("ConstantOfShape", [], { shape: shape.map((dim, i) => i === axis ? size : dim) });
  return g.concat([
    ...(start > 0 ? [block(start)] : []),
    dy,
    ...(end < shape[axis]! ? [block(shape[axis]! - end)] : []),
  ], axis);
}

/**
 * y = x W^T with W = base + s B A: with dW = dy^T x, dA = s B^T dW = (s dy B)^T x and dB = s dW A^T = dy^T (s x A^T), so
 * that the product [O, I] of rank R, which dW is, is never made.
 */
function mergedLinear(g: Graph, node: Node, dy: Value): Gradients {
  const [x, w, a, b] = [at(node, 0), at(node, 1), at(node, 2), at(node, 3)];
  const scale = g.scalar(node.attributes.scale as number);
  const throughB = g.mul(g.matmul(dy, b), scale), throughA = g.mul(g.op("Linear", [x, a]), scale); // [R, r]
  const dA = g.op("WeightGradient", [throughB, x]), dB = g.op("WeightGradient", [dy, throughA]);
  return [g.matmul(dy, w), null, dA, dB, g.sum(dy, [0], false)].slice(0, node.inputs.length);
}

/**
 * y = w n with n = x r, r = 1/rms(x): dx = r (w dy - n mean(w dy n)), dw = sum over rows of dy n. No division by w, which
 * may be 0. `dsum` is the gradient that reaches the normalised sum past the norm (the residual stream).
 */
function norm(
  g: Graph,
  x: Value,
  w: Value,
  r: Value,
  dy: Value | null | undefined,
  dsum: Value | null | undefined,
): Gradients {
  if (!dy) return [dsum ?? null, null];
  const width = dimension(x, -1), rows = elements(x.shape) / width;
  const n = g.mul(x, r);
  const dyn = g.mul(dy, n);
  const mean = g.mul(g.matmul(dyn, g.reshape(w, [width, 1])), g.scalar(1 / width)); // mean(w dy n), [.., 1]
  const main = g.mul(g.mul(dy, w), r);
  const dx = g.sub(dsum ? g.add(main, dsum) : main, g.mul(n, g.mul(mean, r)));
  const ones = g.expand(g.scalar(1), [1, rows]);
  return [dx, g.reshape(g.matmul(ones, g.reshape(dyn, [rows, width])), [width])];
}

/** With s = sigmoid(x) and y = x s: dy/dx = y + s (1 - y). */
function silu(g: Graph, x: Value, value: Value, dy: Value): Value {
  return g.mul(dy, g.add(value, g.mul(g.op("Sigmoid", [x]), g.sub(g.scalar(1), value))));
}

/**
 * o = a v, a = softmax(scale q k^T + mask). With D = rowsum(do o) = rowsum(da a), taken where it is smaller:
 * ds = a (da - D), dq = scale ds k, dk = scale ds^T q, dv = a^T do (Dao, "FlashAttention", arXiv 2205.14135, appendix B.2).
 */
function attention(g: Graph, node: Node, dO: Value): Gradients {
  const [q, k, v] = [at(node, 0), at(node, 1), at(node, 2)], a = node.outputs[1]!, o = y(node);
  const alpha = node.attributes.scale as number;
  const rep = dimension(q, -2) / dimension(k, -2);
  const rows = (t: Value) => headRows(g, t, rep); // [T*rep, B…, KV, hd]
  const scores = (x: Value) => { // [T*rep, B…, KV, 1] -> [B…, KV, T*rep, 1]
    const axes = x.shape.map((_, i) => i);
    return g.transpose(x, [...axes.slice(1, -1), 0, axes.length - 1]);
  };
  const back = (x: Value) => { // [B…, KV, n, hd] -> [n, B…, KV, hd]
    const axes = x.shape.map((_, i) => i), rank = axes.length;
    return g.transpose(x, [rank - 2, ...axes.slice(0, -2), rank - 1]);
  };
  const d = scores(g.sum(rows(g.mul(dO, o)), [-1], true));
  const da = g.op("FusedMatMul", [rows(dO), v], { timeMajorA: true, timeMajorB: true, transposeB: true, alpha: 1 });
  const ds = g.mul(a, g.sub(da, d));
  const dq = back(g.op("FusedMatMul", [ds, k], { timeMajorB: true, alpha }));
  const dk = back(g.op("FusedMatMul", [ds, rows(q)], { transposeA: true, timeMajorB: true, alpha }));
  const dv = back(g.op("FusedMatMul", [a, rows(dO)], { transposeA: true, timeMajorB: true, alpha: 1 }));
  return [headRowsBack(g, dq, q), dk, dv, null];
}

/** q [T, B…, KV*rep, hd] with the heads that share keys as rows: [T*rep, B…, KV, hd]. */
export function headRows(g: Graph, q: Value, rep: number): Value {
  if (rep === 1) return q;
  const [t, ...rest] = q.shape as readonly number[];
  const batch = rest.slice(0, -2), kv = rest.at(-2)! / rep, hd = rest.at(-1)!, b = batch.length;
  const split = g.reshape(q, [t!, ...batch, kv, rep, hd]);
  const axes = split.shape.map((_, i) => i);
  return g.reshape(g.transpose(split, [0, b + 2, ...axes.slice(1, b + 2), b + 3]), [t! * rep, ...batch, kv, hd]);
}

/** The inverse of {@linkcode headRows}; `like` has the shape to come back to. */
export function headRowsBack(g: Graph, rows: Value, like: Value): Value {
  const [t, ...rest] = like.shape as readonly number[];
  const kv = dimension(rows, -2), rep = rest.at(-2)! / kv;
  if (rep === 1) return rows;
  const batch = rest.slice(0, -2), hd = rest.at(-1)!, b = batch.length;
  const split = g.reshape(rows, [t!, rep, ...batch, kv, hd]);
  const axes = split.shape.map((_, i) => i);
  return g.reshape(g.transpose(split, [0, ...axes.slice(2, b + 3), 1, b + 3]), like.shape as readonly number[]);
}

/**
 * p = softmax(z)[target] with z = scale h W^T: dz = dp p (onehot - P). The row coefficient c = -dp p scale touches [N, D]
 * only, never [N, V]: dh = c (P - onehot) W and dW = (P - onehot)^T (c h).
 */
function tokenProbability(g: Graph, node: Node, dp: Value): Gradients {
  const [h, w, targets] = [at(node, 0), at(node, 1), at(node, 2)], [p, distribution] = node.outputs as [Value, Value];
  const coefficient = g.mul(g.mul(dp, p), g.scalar(-(node.attributes.scale as number)));
  const minusOne = g.expand(g.scalar(-1), targets.shape as readonly number[]);
  const error = g.op("ScatterAdd", [distribution, targets, minusOne], { axis: -1 }); // P - onehot, [N, V]
  return [g.mul(g.matmul(error, w), coefficient), g.op("WeightGradient", [error, g.mul(h, coefficient)]), null, null]
    .slice(0, node.inputs.length);
}
