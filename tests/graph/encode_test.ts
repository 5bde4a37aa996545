import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import proto from "onnx-proto";
import { encode } from "../../harness/graph/encode.ts";
import { Graph, type Value } from "../../harness/graph/ir.ts";
import { lower } from "../../harness/graph/lower.ts";
import { runGraph } from "../oracles/onnx.ts";

const decode = (graph: Graph) => proto.onnx.ModelProto.decode(encode(graph).model);
const names = (nodes: readonly proto.onnx.INodeProto[]) => nodes.map(({ opType }) => opType);
const ramp = (length: number) => Float32Array.from({ length }, (_, i) => i / 7);

Deno.test("encode() keeps the names, types and order of inputs and outputs", () => {
  const g = new Graph(), x = g.input("x", "float32", [2, 3]), flags = g.input("flags", "bool", [2]);
  g.input("unused", "int64", ["?"]);
  g.output("b", g.exp(x));
  g.output("a", g.op("Not", [flags]));
  const { graph, opsetImport } = decode(g);
  const described = (infos: readonly proto.onnx.IValueInfoProto[]) =>
    infos.map((
      { name, type },
    ) => [name, type!.tensorType!.elemType, type!.tensorType!.shape?.dim?.map(({ dimValue }) => Number(dimValue))]);
  deepStrictEqual(described(graph!.input!), [["x", 1, [2, 3]], ["flags", 9, [2]], ["unused", 7, undefined]]);
  deepStrictEqual(described(graph!.output!), [["b", 1, [2, 3]], ["a", 9, [2]]]);
  deepStrictEqual(opsetImport.map(({ domain }) => domain), ["", "com.microsoft"]);
});

Deno.test("encode() leaves out nodes that no output needs, and computes equal nodes once", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]);
  g.log(x);
  g.output("y", g.mul(g.exp(x), g.exp(x)));
  deepStrictEqual(names(decode(g).graph!.node!), ["Exp", "Mul"]);
});

Deno.test("encode() places what a Loop's body computes from outside only in front of the Loop", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]), table = g.input("table", "float32", [3, 2]);
  const parameters = [
    g.parameter("i", "int64", []),
    g.parameter("on", "bool", []),
    g.parameter("total", "float32", [2]),
  ];
  const [i, on, total] = parameters as [Value, Value, Value];
  const invariant = g.sqrt(g.exp(x));
  const body = { parameters, results: [on, g.add(total, g.mul(g.gather(table, i), invariant))] };
  const trips = g.constant(BigInt64Array.of(3n), []), always = g.constant(Uint8Array.of(1), []);
  g.output("y", g.apply("Loop", [trips, always, x], { body })[0]!);
  const nodes = decode(g).graph!.node!, loop = nodes.find(({ opType }) => opType === "Loop")!;
  deepStrictEqual(names(nodes), ["Exp", "Sqrt", "Loop"]);
  const inside = names(loop.attribute![0]!.g!.node!).filter((op) => op !== "Identity");
  deepStrictEqual(inside, ["Gather", "Mul", "Add"]);
});

Deno.test("encode() refuses a name that is an input and an output", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]);
  g.output("x", g.exp(x));
  throws(() => encode(g), { name: "TypeError", message: /"x" is an input and an output/ });
});

/** y = x W^T + b with a large W, a small b and a shape that is a constant. */
function linearGraph(): Graph {
  const g = new Graph(), x = g.input("x", "float32", [2, 40]);
  const w = g.constant(ramp(1200), [30, 40]),
    b = g.constant(ramp(30), [30]),
    more = g.constant(ramp(60).map((v) => -v), [2, 30]);
  g.output("y", g.reshape(g.add(g.op("Linear", [x, w, b]), more), [3, 20]));
  return g;
}

Deno.test("encode() puts large constants beside the model, page-aligned, and the runtime computes the same bits", async () => {
  const feeds = { x: { shape: [2, 40], data: Float64Array.from(ramp(80)) } };
  const lowered = lower(linearGraph(), "cpu");
  const { model, external } = encode(lowered, { externalFrom: 200, externalLocation: "tiny.bin" });
  ok(model.byteLength < 1200, `the model itself has ${model.byteLength} bytes`);
  const outside = proto.onnx.ModelProto.decode(model).graph!.initializer!.filter(({ dataLocation }) =>
    dataLocation === 1
  );
  const entries = outside.map(({ externalData }) =>
    Object.fromEntries(externalData!.map(({ key, value }) => [key, value]))
  );
  deepStrictEqual(entries, [
    { location: "tiny.bin", offset: "0", length: "4800" },
    { location: "tiny.bin", offset: "8192", length: "240" },
  ]);
  strictEqual(external!.data.byteLength, 12288);
  const folder = await mkdtemp(join(tmpdir(), "matchbox-"));
  try {
    await writeFile(join(folder, "tiny.onnx"), model);
    await writeFile(join(folder, external!.location), external!.data);
    const inside = await runGraph(lowered, feeds),
      apart = await runGraph(lowered, feeds, "cpu", 1, join(folder, "tiny.onnx"));
    deepStrictEqual(apart, inside);
    ok(inside.y!.data.some((y) => y !== 0));
  } finally {
    await rm(folder, { recursive: true });
  }
});

Deno.test("encode() keeps everything inside where nothing is large", () => {
  strictEqual(encode(linearGraph()).external, null);
});
