import { deepStrictEqual, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import { dimension, elements, Graph, type Node, reachable, type Value } from "../../harness/graph/ir.ts";
import { printGraph } from "../../harness/graph/print.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";

Deno.test("Graph gives equal nodes one identity, and different ones different identities", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]);
  strictEqual(g.add(x, g.scalar(1)), g.add(x, g.scalar(1)));
  notStrictEqual(g.add(x, g.scalar(1)), g.add(g.scalar(1), x));
  notStrictEqual(g.scalar(0), g.scalar(-0));
  notStrictEqual(g.op("Clip", [x], { min: -Infinity, max: 1 }), g.op("Clip", [x], { min: Infinity, max: 1 }));
  notStrictEqual(g.constant(Float32Array.of(1), [1]), g.constant(Int32Array.of(1), [1]));
  notStrictEqual(g.constant(Float32Array.of(1, 2), [2]), g.constant(Float32Array.of(1, 2), [1, 2]));
  const large = (last: number) => g.constant(Float32Array.from({ length: 100 }, (_, i) => i < 99 ? i : last), [100]);
  strictEqual(large(1), large(1));
  notStrictEqual(large(1), large(2));
});

Deno.test("Graph's shorthands leave out what changes nothing", () => {
  const g = new Graph(), x = g.input("x", "float32", [2, 3]);
  for (
    const same of [
      g.reshape(x, [2, 3]),
      g.transpose(x, [0, 1]),
      g.expand(x, [2, 3]),
      g.concat([x], 0),
      g.slice(x, 1, 0, 3),
      g.slice(x, -1, 0, 3),
      g.split(x, [3], 1)[0],
      g.sum(x, [], false),
      g.cast(x, "float32"),
    ]
  ) {
    strictEqual(same, x);
  }
});

Deno.test("Graph refuses two inputs or two outputs of one name, and a constant that does not fill its shape", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]);
  strictEqual(g.input("x", "float32", [2]), x);
  throws(() => g.input("x", "float32", [3]), /input "x" twice/);
  g.output("y", x);
  throws(() => g.output("y", x), /output "y" twice/);
  throws(() => g.constant(new Float32Array(3), [2]), /3 elements must fill \[2\]/);
});

Deno.test("reachable() gives inputs before users and leaves out what is not needed", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]), unused = g.log(x), y = g.mul(g.exp(x), x);
  const order = reachable([y]);
  deepStrictEqual(order.map(({ op }) => op), ["Input", "Exp", "Mul"]);
  strictEqual(order.includes(unused.node), false);
});

Deno.test("elements() and dimension() refuse dimensions that are not static", () => {
  const g = new Graph(), x = g.input("x", "float32", [2, "?"]);
  strictEqual(elements([2, 3]), 6);
  strictEqual(dimension(x, 0), 2);
  throws(() => elements(x.shape), /dynamic/);
  throws(() => dimension(x, -1), /static/);
});

Deno.test("printGraph() shows one node a line, then the outputs", () => {
  const g = new Graph(), x = g.input("x", "float32", ["?", 2]);
  g.output("y", g.add(g.exp(x), g.scalar(0.5)));
  strictEqual(
    printGraph(g),
    `%0 = Input() {name: "x", dtype: "float32", shape: [-1,2]} : float32[?, 2]
%1 = Exp(%0) : float32[?, 2]
%2 = Constant() {data: [0.5], dtype: "float32", shape: []} : float32[]
%3 = Add(%1, %2) : float32[?, 2]
y <- %3
`,
  );
});

Deno.test("printGraph() does not depend on what was built and thrown away", () => {
  const make = (extra: boolean) => {
    const g = new Graph(), x = g.input("x", "float32", [2]);
    if (extra) g.log(x);
    g.output("y", g.exp(x));
    return printGraph(g);
  };
  strictEqual(make(true), make(false));
});

Deno.test("verifyGraph() accepts what the builder makes and names a node whose type was forged", () => {
  const g = new Graph(), x = g.input("x", "float32", [2]), y = g.exp(x);
  g.output("y", y);
  verifyGraph(g);
  const forged = new Graph();
  const outputs: Value[] = [], node: Node = { ...y.node, outputs };
  outputs.push({ dtype: "float32", shape: [3], index: 0, node });
  forged.output("y", outputs[0]!);
  throws(() => verifyGraph(forged), /node %1 \(Exp\): output 0 is float32\[3\], not float32\[2\]/);
});
