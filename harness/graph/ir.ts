// The graph IR: tiny, immutable, interned. A node is {op, inputs, attributes}; its outputs carry shape and dtype, which
// the op table infers. Equal nodes are one object, so common subexpressions fold by construction, and nodes that no
// output needs are never encoded. A graph is a set of values with names; there is no other state.
// Composite ops (Linear, RmsNorm, Attention, …) are nodes like all others; `lower.ts` turns them into ONNX operators.

import { bytesOf, sha256 } from "../base/digest.ts";
import { inferOutputs, type OpName } from "./ops.ts";

/** float16 is what lowered products compute in, and what a device may keep; mathematics above the lowering is float32. */
export type Dtype = "float32" | "float16" | "int32" | "int64" | "bool";

/** A dimension; "?" is known at run time only (a cache that grows inside a Loop). */
export type Dim = number | "?";
export type Shape = readonly Dim[];

export interface TensorType {
  readonly dtype: Dtype;
  readonly shape: Shape;
}

/** One output of a node. */
export interface Value extends TensorType {
  readonly node: Node;
  readonly index: number;
}

/** The body of a Loop: its parameters and what it returns, in ONNX's order (iteration, condition, carried…). */
export interface Body {
  readonly parameters: readonly Value[];
  readonly results: readonly Value[];
}

export type ConstantData = Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;
export type Attribute = number | string | boolean | readonly number[] | ConstantData | Body;
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  readonly id: number;
  readonly op: OpName;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** The dtype that an array holds; bools are bytes, float16 its bits. */
export const dtypeOf = (data: ConstantData): Dtype =>
  data instanceof Float32Array
    ? "float32"
    : data instanceof Uint16Array
    ? "float16"
    : data instanceof Int32Array
    ? "int32"
    : data instanceof BigInt64Array
    ? "int64"
    : "bool";

/** Number of elements; throws where a dimension is known at run time only. */
export function elements(shape: Shape): number {
  let product = 1;
  for (const dim of shape) {
    if (dim === "?") throw new TypeError(`Cannot count the elements of [${shape.join(", ")}]: a dimension is dynamic`);
    product *= dim;
  }
  return product;
}

/** A dimension that must be static. */
export function dimension(value: TensorType, axis: number): number {
  const dim = value.shape.at(axis);
  if (typeof dim !== "number") {
    throw new TypeError(`Cannot read dimension ${axis} of [${value.shape.join(", ")}]: it must be static`);
  }
  return dim;
}

function attributeKey(attribute: Attribute): string {
  if (ArrayBuffer.isView(attribute)) {
    return attribute.byteLength <= 64 ? `[${bytesOf(attribute).join()}]` : sha256(bytesOf(attribute)); // bytes tell -0 from 0
  }
  if (typeof attribute === "object" && "results" in attribute) {
    return attribute.results.map((value) => `%${value.node.id}.${value.index}`).join();
  }
  return typeof attribute === "number" ? `${attribute}` : JSON.stringify(attribute); // JSON has no Infinity
}

/** Builds and owns nodes. Methods named after ops are shorthands for {@linkcode Graph.apply}. */
export class Graph {
  readonly #interned = new Map<string, Node>();
  readonly #inputs = new Map<string, Value>();
  readonly #outputs = new Map<string, Value>();
  #nextId = 0;

  /** Named inputs in the order of their creation. */
  get inputs(): ReadonlyMap<string, Value> {
    return this.#inputs;
  }

  /** Named outputs in the order of their declaration. */
  get outputs(): ReadonlyMap<string, Value> {
    return this.#outputs;
  }

  /** The outputs of an op over inputs; the op table checks arity, dtypes and shapes and infers the results. */
  apply(op: OpName, inputs: readonly (Value | null)[], attributes: Attributes = {}): readonly Value[] {
    const key = `${op}(${inputs.map((v) => v ? `%${v.node.id}.${v.index}` : "-").join()}){${
      Object.entries(attributes).map(([name, value]) => `${name}:${attributeKey(value)}`).join()
    }}`;
    const known = this.#interned.get(key);
    if (known) return known.outputs;
    const outputs: Value[] = [];
    const node: Node = Object.freeze({ id: this.#nextId++, op, inputs: [...inputs], attributes, outputs });
    inferOutputs(op, inputs, attributes).forEach((type, index) =>
      outputs.push(Object.freeze({ node, index, ...type }))
    );
    Object.freeze(outputs);
    this.#interned.set(key, node);
    return outputs;
  }

  /** The only output of an op that has one. */
  op(op: OpName, inputs: readonly (Value | null)[], attributes: Attributes = {}): Value {
    return this.apply(op, inputs, attributes)[0]!;
  }

  /** A named input of the graph; asking again for the same name gives the same value. */
  input(name: string, dtype: Dtype, shape: Shape): Value {
    const known = this.#inputs.get(name);
    const value = this.op("Input", [], { name, dtype, shape: shape.map((d) => d === "?" ? -1 : d) });
    if (known && known !== value) throw new TypeError(`Cannot declare input "${name}" twice with different types`);
    this.#inputs.set(name, value);
    return value;
  }

  /** Names a value as an output of the graph. */
  output(name: string, value: Value): void {
    if (this.#outputs.has(name)) throw new TypeError(`Cannot declare output "${name}" twice`);
    this.#outputs.set(name, value);
  }

  /** A parameter of a Loop body; unique by its label. */
  parameter(label: string, dtype: Dtype, shape: Shape): Value {
    return this.op("Parameter", [], { label, dtype, shape: shape.map((d) => d === "?" ? -1 : d) });
  }

  constant(data: ConstantData, shape: readonly number[]): Value {
    if (elements(shape) !== data.length) {
      throw new TypeError(`Cannot make a constant: ${data.length} elements must fill [${shape.join(", ")}]`);
    }
    return this.op("Constant", [], { data, dtype: dtypeOf(data), shape });
  }

  /** A float32 scalar. */
  scalar(value: number): Value {
    return this.constant(Float32Array.of(value), []);
  }

  add = (a: Value, b: Value): Value => this.op("Add", [a, b]);
  sub = (a: Value, b: Value): Value => this.op("Sub", [a, b]);
  mul = (a: Value, b: Value): Value => this.op("Mul", [a, b]);
  div = (a: Value, b: Value): Value => this.op("Div", [a, b]);
  neg = (a: Value): Value => this.op("Neg", [a]);
  exp = (a: Value): Value => this.op("Exp", [a]);
  log = (a: Value): Value => this.op("Log", [a]);
  sqrt = (a: Value): Value => this.op("Sqrt", [a]);
  matmul = (a: Value, b: Value): Value => this.op("MatMul", [a, b]);
  softmax = (a: Value): Value => this.op("Softmax", [a]);

  cast(a: Value, dtype: Dtype): Value {
    return a.dtype === dtype ? a : this.op("Cast", [a], { dtype });
  }

  /** One dimension may be -1: what is left. */
  reshape(a: Value, shape: readonly number[]): Value {
    const same = a.shape.length === shape.length && a.shape.every((dim, i) => dim === shape[i]);
    return same ? a : this.op("Reshape", [a], { shape });
  }

  transpose(a: Value, permutation: readonly number[]): Value {
    return permutation.every((axis, i) => axis === i) ? a : this.op("Transpose", [a], { permutation });
  }

  expand(a: Value, shape: readonly number[]): Value {
    const same = a.shape.length === shape.length && a.shape.every((dim, i) => dim === shape[i]);
    return same ? a : this.op("Expand", [a], { shape });
  }

  concat(values: readonly Value[], axis: number): Value {
    return values.length === 1 ? values[0]! : this.op("Concat", values, { axis });
  }

  /** Elements [start, end) of an axis. */
  slice(a: Value, axis: number, start: number, end: number): Value {
    return a.shape.at(axis) === end - start ? a : this.op("Slice", [a], { axis, start, end });
  }

  split(a: Value, sizes: readonly number[], axis: number): readonly Value[] {
    return sizes.length === 1 ? [a] : this.apply("Split", [a], { sizes, axis });
  }

  sum(a: Value, axes: readonly number[], keepDims: boolean): Value {
    return axes.length === 0 ? a : this.op("ReduceSum", [a], { axes, keepDims });
  }

  /** Rows (axis 0) of a table. */
  gather(table: Value, indices: Value): Value {
    return this.op("Gather", [table, indices]);
  }
}

/** All nodes that the values need, bodies of Loops included; inputs before users, in the order of creation. */
export function reachable(values: Iterable<Value>): Node[] {
  const seen = new Set<Node>();
  const stack = [...values].map((value) => value.node);
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const input of node.inputs) if (input) stack.push(input.node);
    const body = bodyOf(node);
    if (body) { for (const value of [...body.parameters, ...body.results]) stack.push(value.node); }
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** The body of a Loop; null for other ops. */
export function bodyOf(node: Node): Body | null {
  return node.op === "Loop" ? node.attributes.body as Body : null;
}
