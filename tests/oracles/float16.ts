// What a device that computes in float16 computes, in float32 operators: each float16 value is rounded to one, overflow to
// infinity and numbers below 2^-14 included, and products sum in float32 before they are rounded. ONNX Runtime's CPU
// provider is no such device: it has no float16 products, computes them in float32, and takes the casts around them out.

import { bodyOf, Graph, reachable, type Value } from "../../harness/graph/ir.ts";

/** The nearest float16, ties to even, as a float32. */
export function roundedToHalf(g: Graph, x: Value): Value {
  const scaled = g.mul(x, g.scalar(2 ** 13 + 1)), normal = g.sub(scaled, g.sub(scaled, x)); // Dekker's split at 11 bits
  const small = g.sub(g.add(x, g.scalar(0.75)), g.scalar(0.75)); // a float32 from 0.5 to 1 has steps of 2^-24
  const infinite = g.mul(g.mul(x, g.scalar(1e38)), g.scalar(1e38)), size = g.op("Max", [x, g.neg(x)]);
  const finite = g.op("Where", [g.op("Less", [size, g.scalar(2 ** -14)]), small, normal]);
  return g.op("Where", [g.op("LessOrEqual", [g.scalar(65520), size]), infinite, finite]);
}

/** A lowered graph in float32, with the roundings of its float16 values; its inputs and outputs are float32 as well. */
export function roundingGraph(graph: Graph): Graph {
  const g = new Graph(), image = new Map<Value, Value>(), map = (value: Value) => image.get(value)!;
  const wide = (dtype: Value["dtype"]) => dtype === "float16" ? "float32" : dtype;
  for (const [name, value] of graph.inputs) image.set(value, g.input(name, wide(value.dtype), value.shape));
  for (const node of reachable(graph.outputs.values())) {
    const { op, attributes, outputs } = node, inputs = node.inputs.map((input) => input && map(input)), y = outputs[0]!;
    const body = bodyOf(node);
    if (op === "Input") continue;
    if (op === "Cast" && y.dtype === "float16") image.set(y, roundedToHalf(g, inputs[0]!));
    else if (op === "Cast" && y.dtype === "float32" && node.inputs[0]!.dtype === "float16") image.set(y, inputs[0]!);
    else if (["MatMul", "FusedMatMul", "Gemm"].includes(op) && y.dtype === "float16") {
      image.set(y, roundedToHalf(g, g.op(op, inputs, attributes)));
    } else {
      const mapped = body
        ? { body: { parameters: body.parameters.map(map), results: body.results.map(map) } }
        : attributes;
      g.apply(op, inputs, mapped).forEach((value, i) => image.set(outputs[i]!, value));
      if (op === "GroupQueryAttention" && y.dtype === "float16") image.set(y, roundedToHalf(g, map(y)));
    }
  }
  for (const [name, value] of graph.outputs) g.output(name, map(value));
  return g;
}
