// A repeated graph against the graph itself, slice by slice.

import { deepStrictEqual, ok } from "node:assert/strict";
import { Graph } from "../../harness/graph/ir.ts";
import { lower } from "../../harness/graph/lower.ts";
import { repeatGraph } from "../../harness/graph/repeat.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";
import { type Array64, relativeError } from "../oracles/float64.ts";
import { runGraph } from "../oracles/onnx.ts";

/** A product with what is shared, a gather by slice, and a constant; `total` is added up, `each` and `one` are kept. */
function graph(): Graph {
  const g = new Graph(), w = g.input("w", "float32", [3, 2]), x = g.input("x", "float32", [4, 2]);
  const rows = g.input("rows", "int64", [2]);
  const y = g.op("Linear", [x, w]); // [4, 3]
  g.output("total", g.mul(g.gather(y, rows), g.scalar(2)));
  g.output("each", g.exp(y));
  g.output("one", g.sum(y, [0, 1], false));
  return g;
}

const array = (shape: readonly number[], value: (i: number) => number): Array64 => ({
  shape,
  data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i)),
});

Deno.test("repeatGraph() adds up what is summed over the slices, and keeps the rest of each", async () => {
  const w = array([3, 2], (i) => Math.cos(i)),
    x = array([5, 4, 2], (i) => Math.sin(i)),
    rows = array([5, 2], (i) => i % 4);
  const repeated = repeatGraph(graph(), 5, { shared: (name) => name === "w", summed: (name) => name === "total" });
  const part = ({ shape, data }: Array64, i: number): Array64 => {
    const size = data.length / shape[0]!;
    return { shape: shape.slice(1), data: data.slice(i * size, (i + 1) * size) };
  };
  const slices = await Promise.all(
    [0, 1, 2, 3, 4].map((i) => runGraph(lower(graph(), "plain"), { w, x: part(x, i), rows: part(rows, i) })),
  );
  for (const target of ["plain", "cpu", "cuda"] as const) {
    const lowered = lower(repeated, target);
    verifyGraph(lowered);
    const found = await runGraph(lowered, { w, x, rows });
    deepStrictEqual(found.each!.shape, [5, 4, 3]);
    deepStrictEqual(found.one!.shape, [5]);
    deepStrictEqual(found.total!.shape, [2, 3]);
    const sum = found.total!.data.map((_, i) => slices.reduce((total, slice) => total + slice.total!.data[i]!, 0));
    ok(relativeError(found.total!.data, sum) < 1e-6, target);
    for (const name of ["each", "one"]) {
      ok(
        relativeError(found[name]!.data, slices.flatMap((slice) => [...slice[name]!.data])) < 1e-6,
        `${target}, ${name}`,
      );
    }
  }
});
