// From a lowered graph to the bytes of an ONNX model (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
// Attributes that ONNX takes as inputs (axes, shapes, sizes) become constants here; nodes of a Loop body that do not
// depend on its parameters are placed outside of it, so loop-invariant code moves by construction.

import proto from "onnx-proto";
import { bytesOf } from "../base/digest.ts";
import {
  type Attributes,
  bodyOf,
  type ConstantData,
  type Dtype,
  type Graph,
  type Node,
  reachable,
  type Value,
} from "./ir.ts";

const { onnx } = proto;
const IR_VERSION = 10;
/** A later opset has newer versions of Loop, Equal, ReduceMax and others, which not every provider has kernels for. */
const OPSET = 18;
const FUSED = "com.microsoft";

/** TensorProto.DataType */
const DATA_TYPE: Readonly<Record<Dtype, number>> = { float32: 1, int32: 6, int64: 7, bool: 9, float16: 10 };

/** How an op is spelled in ONNX where it differs from the IR. `constants` are appended to the inputs. */
interface Spelling {
  readonly type?: string;
  readonly domain?: string;
  readonly attributes?: (attributes: Attributes, node: Node) => Record<string, number | string | readonly number[]>;
  readonly constants?: (attributes: Attributes, node: Node) => readonly (Float32Array | BigInt64Array)[];
  /** Which outputs the operator has where: index of the IR's output, or null for one left out. */
  readonly outputs?: readonly (number | null)[];
}

const int64 = (values: readonly number[]) => BigInt64Array.from(values, BigInt);
const ints = (attributes: Attributes, name: string) => int64(attributes[name] as readonly number[]);
const one = (value: number | readonly number[]) => int64([value].flat());
const rank = (node: Node) => node.inputs[0]!.shape.length;
const reduce: Spelling = {
  attributes: ({ keepDims }) => ({ keepdims: keepDims ? 1 : 0 }),
  constants: (attributes) => [ints(attributes, "axes")],
};
const norm = ({ epsilon }: Attributes) => ({ epsilon: epsilon as number });

const SPELLING: Readonly<Record<string, Spelling>> = {
  StopGradient: { type: "Identity" },
  Clip: { constants: ({ min, max }) => [Float32Array.of(min as number), Float32Array.of(max as number)] },
  Cast: { attributes: ({ dtype }) => ({ to: DATA_TYPE[dtype as Dtype] }) },
  Reshape: { constants: (attributes) => [ints(attributes, "shape")] },
  Transpose: { attributes: ({ permutation }) => ({ perm: permutation as readonly number[] }) },
  Expand: { constants: (attributes) => [ints(attributes, "shape")] },
  Concat: { attributes: ({ axis }) => ({ axis: axis as number }) },
  Slice: { constants: ({ axis, start, end }) => [one(start as number), one(end as number), one(axis as number)] },
  SliceFrom: {
    type: "Slice",
    constants: ({ axis, start }) => [one(start as number), one(2 ** 31), one(axis as number)],
  },
  Split: {
    attributes: ({ axis }) => ({ axis: axis as number }),
    constants: (attributes) => [ints(attributes, "sizes")],
  },
  ReduceSum: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceMean: reduce,
  Softmax: { attributes: () => ({ axis: -1 }) },
  CumSum: { constants: (_, node) => [one(rank(node) - 1)] },
  ShortCumSum: {
    type: "CumSum",
    attributes: ({ exclusive }) => ({ exclusive: exclusive ? 1 : 0 }),
    constants: (_, node) => [one(rank(node) - 1)],
  },
  ArgMax: { attributes: () => ({ axis: -1, keepdims: 0 }) },
  TopK: { attributes: () => ({ axis: -1 }), constants: ({ k }) => [one(k as number)] },
  Gather: { attributes: () => ({ axis: 0 }) },
  GatherElements: { attributes: (_, node) => ({ axis: rank(node) - 1 }) },
  ScatterAdd: {
    type: "ScatterElements",
    attributes: ({ axis }, node) => ({
      axis: (axis as number) < 0 ? rank(node) + (axis as number) : axis as number,
      reduction: "add",
    }),
  },
  ScatterRows: { type: "ScatterND", attributes: () => ({ reduction: "add" }) },
  ConstantOfShape: { constants: (attributes) => [ints(attributes, "shape")] },
  FusedMatMul: {
    domain: FUSED,
    attributes: ({ transposeA, transposeB, timeMajorA, timeMajorB, alpha }) => ({
      transA: transposeA ? 1 : 0,
      transB: transposeB ? 1 : 0,
      transBatchA: timeMajorA ? 1 : 0,
      transBatchB: timeMajorB ? 1 : 0,
      alpha: alpha as number,
    }),
  },
  Gemm: { attributes: ({ transA, transB }) => ({ transA: (transA as number) ?? 0, transB: (transB as number) ?? 0 }) },
  SimplifiedLayerNormalization: { attributes: (attributes) => ({ ...norm(attributes), axis: -1 }) },
  SkipSimplifiedLayerNormalization: { domain: FUSED, attributes: norm, outputs: [0, null, 1, 2] },
  RotaryEmbedding: {
    domain: FUSED,
    attributes: (attributes) => attributes as Record<string, number>,
  },
  QuickGelu: { domain: FUSED, attributes: ({ alpha }) => ({ alpha: alpha as number }) },
  GroupQueryAttention: {
    domain: FUSED,
    attributes: ({ heads, kvHeads }) => ({ num_heads: heads as number, kv_num_heads: kvHeads as number }),
  },
};

/** The ONNX operator of an op of a lowered graph. */
export const operatorOf = (op: string): string => SPELLING[op]?.type ?? op;

/** Attributes that are floats; numbers in all others are integers. */
const FLOATS = new Set(["epsilon", "alpha"]);
const ATTRIBUTE_TYPE = { FLOAT: 1, INT: 2, STRING: 3, GRAPH: 5, INTS: 7 } as const;

function attributeProto(
  name: string,
  value: number | string | readonly number[] | proto.onnx.IGraphProto,
): proto.onnx.IAttributeProto {
  if (typeof value === "string") return { name, type: ATTRIBUTE_TYPE.STRING, s: new TextEncoder().encode(value) };
  if (Array.isArray(value)) return { name, type: ATTRIBUTE_TYPE.INTS, ints: value };
  if (typeof value === "object") return { name, type: ATTRIBUTE_TYPE.GRAPH, g: value as proto.onnx.IGraphProto };
  return FLOATS.has(name)
    ? { name, type: ATTRIBUTE_TYPE.FLOAT, f: value }
    : { name, type: ATTRIBUTE_TYPE.INT, i: value };
}

function valueInfo(name: string, { dtype, shape }: Value): proto.onnx.IValueInfoProto {
  const dim = shape.map((size) => size === "?" ? { dimParam: "dynamic" } : { dimValue: size });
  // A dynamic axis makes every other one of the value unknown to ORT's checks as well: leave the shape out.
  const typed = shape.includes("?") ? { elemType: DATA_TYPE[dtype] } : { elemType: DATA_TYPE[dtype], shape: { dim } };
  return { name, type: { tensorType: typed } };
}

/** Tensors kept beside the model, as ONNX's external data: write each at `location`, relative to the model's file. */
export interface ExternalData {
  readonly location: string;
  readonly data: Uint8Array;
}

export interface EncodeOptions {
  /** Constants of at least this many bytes go to external data. @default Infinity */
  readonly externalFrom?: number;
  /** File name of the external data. @default "weights.bin" */
  readonly externalLocation?: string;
}

/** Page alignment lets the runtime map external data instead of reading it. */
const EXTERNAL_ALIGNMENT = 4096;

class Encoder {
  readonly #initializers = new Map<string, proto.onnx.ITensorProto>();
  readonly #names = new Map<Value, string>();
  readonly #external: Uint8Array[] = [];
  #externalLength = 0;

  constructor(private readonly graph: Graph, private readonly options: Required<EncodeOptions>) {}

  encode(): { model: Uint8Array; external: ExternalData | null } {
    for (const [name, value] of this.graph.inputs) this.#names.set(value, name);
    const renamed: proto.onnx.INodeProto[] = [];
    for (const [name, value] of this.graph.outputs) {
      if (this.graph.inputs.has(name)) throw new TypeError(`Cannot encode: "${name}" is an input and an output`);
      if (this.#names.has(value) || value.node.op === "Constant") {
        renamed.push({ opType: "Identity", input: [this.#name(value)], output: [name] });
      } else this.#names.set(value, name);
    }
    const nodes = reachable(this.graph.outputs.values());
    const inside = new Set(nodes.flatMap((node) => [...bodyNodes(node)]));
    const graph: proto.onnx.IGraphProto = {
      name: "matchbox",
      node: [...nodes.filter((node) => !inside.has(node)).flatMap((node) => this.#node(node, nodes)), ...renamed],
      input: [...this.graph.inputs].map(([name, value]) => valueInfo(name, value)),
      output: [...this.graph.outputs].map(([name, value]) => valueInfo(name, value)),
    };
    graph.initializer = [...this.#initializers.values()];
    const model = onnx.ModelProto.encode({
      irVersion: IR_VERSION,
      producerName: "matchbox",
      opsetImport: [{ domain: "", version: OPSET }, { domain: FUSED, version: 1 }],
      graph,
    }).finish();
    return { model, external: this.#externalData() };
  }

  #name(value: Value): string {
    const known = this.#names.get(value);
    if (known) return known;
    const { node, index } = value;
    const name = node.op === "Constant"
      ? this.#constant(node.attributes.data as ConstantData, value)
      : `%${node.id}.${index}`;
    this.#names.set(value, name);
    return name;
  }

  #constant(data: ConstantData, { node, dtype, shape }: Value): string {
    const name = `$${node.id}`;
    this.#initializer(name, DATA_TYPE[dtype], shape as readonly number[], bytesOf(data));
    return name;
  }

  #initializer(name: string, dataType: number, dims: readonly number[], rawData: Uint8Array): void {
    if (rawData.byteLength < this.options.externalFrom) {
      this.#initializers.set(name, { name, dataType, dims: [...dims], rawData });
      return;
    }
    const entries = {
      location: this.options.externalLocation,
      offset: `${this.#externalLength}`,
      length: `${rawData.byteLength}`,
    };
    this.#initializers.set(name, {
      name,
      dataType,
      dims: [...dims],
      dataLocation: 1,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
    });
    const padding = (EXTERNAL_ALIGNMENT - rawData.byteLength % EXTERNAL_ALIGNMENT) % EXTERNAL_ALIGNMENT;
    this.#external.push(rawData, new Uint8Array(padding));
    this.#externalLength += rawData.byteLength + padding;
  }

  #externalData(): ExternalData | null {
    if (this.#external.length === 0) return null;
    const data = new Uint8Array(this.#externalLength);
    let offset = 0;
    for (const part of this.#external) {
      data.set(part, offset);
      offset += part.byteLength;
    }
    return { location: this.options.externalLocation, data };
  }

  /** Small constants that stand for attributes, shared by content. */
  #attributeConstant(data: Float32Array | BigInt64Array): string {
    const name = `#${data instanceof Float32Array ? "f" : "i"}_${[...data].join("_")}`;
    const dims = data instanceof Float32Array ? [] : [data.length];
    if (!this.#initializers.has(name)) {
      this.#initializers.set(name, {
        name,
        dataType: data instanceof Float32Array ? 1 : 7,
        dims,
        rawData: bytesOf(data),
      });
    }
    return name;
  }

  #node(node: Node, nodes: readonly Node[]): proto.onnx.INodeProto[] {
    const { op, attributes } = node;
    if (op === "Input" || op === "Parameter" || op === "Constant") return [];
    if (op === "After") return this.#after(node);
    const spelling = SPELLING[op] ?? {};
    const extra = spelling.constants?.(attributes, node) ?? [];
    const spelled = Object.entries(spelling.attributes?.(attributes, node) ?? {}).map(([name, value]) =>
      attributeProto(name, value)
    );
    const body = bodyOf(node);
    const outputs = (spelling.outputs ?? node.outputs.map((_, i) => i)).map((i) =>
      i === null ? "" : this.#name(node.outputs[i]!)
    );
    return [{
      opType: spelling.type ?? op,
      domain: spelling.domain ?? "",
      input: [
        ...node.inputs.map((input) => input ? this.#name(input) : ""),
        ...extra.map((data) => this.#attributeConstant(data)),
      ],
      output: outputs,
      attribute: body ? [...spelled, attributeProto("body", this.#body(node, nodes))] : spelled,
    }];
  }

  /**
   * x reshaped to what it is, by a shape that is taken from y: ORT, which has an order of its own, cannot but wait for y.
   * A dimension of 0 keeps x's; a reshape is no copy.
   */
  #after(node: Node): proto.onnx.INodeProto[] {
    const [x, y] = node.inputs as readonly [Value, Value], own = `%${node.id}`;
    const zeros = this.#attributeConstant(int64(x.shape.map(() => 0)));
    return [
      {
        opType: "Shape",
        input: [this.#name(y)],
        output: [`${own}.size`],
        attribute: [attributeProto("start", 0), attributeProto("end", 1)],
      },
      { opType: "Mul", input: [`${own}.size`, zeros], output: [`${own}.shape`] },
      { opType: "Reshape", input: [this.#name(x), `${own}.shape`], output: [this.#name(node.outputs[0]!)] },
    ];
  }

  #body(loop: Node, nodes: readonly Node[]): proto.onnx.IGraphProto {
    const body = bodyOf(loop)!, inside = bodyNodes(loop);
    if ([...inside].some((node) => bodyOf(node))) throw new TypeError("Cannot encode: a Loop within a Loop's body");
    const encoded = nodes.filter((node) => inside.has(node)).flatMap((node) => this.#node(node, nodes));
    // A result needs a name of its own that is made inside the body; what is not gets one by a copy.
    const parameters = new Set(body.parameters), taken = new Set<Value>(), copies: proto.onnx.INodeProto[] = [];
    const output = body.results.map((value, i) => {
      const own = inside.has(value.node) && !parameters.has(value) && !taken.has(value);
      taken.add(value);
      const name = own ? this.#name(value) : `%${loop.id}.result${i}`;
      if (!own) copies.push({ opType: "Identity", input: [this.#name(value)], output: [name] });
      return valueInfo(name, value);
    });
    return {
      name: `body${loop.id}`,
      node: [...encoded, ...copies],
      input: body.parameters.map((value) => valueInfo(this.#name(value), value)),
      output,
    };
  }
}

/** Nodes of a Loop's body that depend on its parameters; the others are placed outside. */
function bodyNodes(loop: Node): ReadonlySet<Node> {
  const body = bodyOf(loop), inside = new Set<Node>();
  if (!body) return inside;
  const parameters = new Set(body.parameters.map((value) => value.node));
  for (const node of reachable(body.results)) {
    if (parameters.has(node) || node.inputs.some((input) => input && inside.has(input.node))) inside.add(node);
  }
  return inside;
}

/** The bytes of an ONNX model, and the external data that goes beside it. The graph must be lowered. */
export function encode(
  graph: Graph,
  options: EncodeOptions = {},
): { model: Uint8Array; external: ExternalData | null } {
  const { externalFrom = Infinity, externalLocation = "weights.bin" } = options;
  return new Encoder(graph, { externalFrom, externalLocation }).encode();
}
