// The rounding oracle against the language's own.

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Graph } from "../../harness/graph/ir.ts";
import { stream } from "../../harness/base/prng.ts";
import { roundedToHalf } from "./float16.ts";
import { runGraph } from "./onnx.ts";

Deno.test("roundedToHalf() is Math.f16round(), from 2^-26 to beyond the largest float16", async () => {
  const random = stream(1, "float16");
  const drawn = Array.from({ length: 20_000 }, () => random.normal() * 2 ** (random.int(44) - 26));
  const edges = [0, 1, 2049, 2051, 65504, 65519, 65520, 1e30, 2 ** -14, 2 ** -24, 1.5 * 2 ** -24, 2 ** -25, 6.1e-5];
  const data = Float64Array.from(Float32Array.from([...drawn, ...edges, ...edges.map((x) => -x), Infinity]));
  const g = new Graph();
  g.output("y", roundedToHalf(g, g.input("x", "float32", [data.length])));
  const { y } = await runGraph(g, { x: { shape: [data.length], data } });
  deepStrictEqual([...y!.data].map((x) => x + 0), [...data].map((x) => Math.f16round(x) + 0));
  const { y: none } = await runGraph(g, { x: { shape: [data.length], data: data.map(() => NaN) } });
  strictEqual(none!.data.every(Number.isNaN), true);
});
