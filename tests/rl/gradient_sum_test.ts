import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Layout } from "../../harness/model/layout.ts";
import { GradientSum } from "../../harness/rl/gradient_sum.ts";
import { gradientName } from "../../harness/rl/train_graph.ts";

const SIZES = { a: 3, b: 5, c: 2 };
let offset = 0;
const parameters = Object.entries(SIZES).map(([name, size]) => ({
  name,
  shape: [size],
  offset: (offset += size) - size,
  size,
  decay: true,
}));
const layout: Layout = { parameters, size: 10, decayed: 10 };

/** Results of a pass: the gradient that holds `element(i)` at place i of the layout, beside other outputs. */
const pass = (element: (i: number) => number) => ({
  loss: { data: Float32Array.of(1), shape: [] },
  ...Object.fromEntries(
    parameters.map((
      { name, shape, offset, size },
    ) => [gradientName(name), { data: Float32Array.from({ length: size }, (_, i) => element(offset + i)), shape }]),
  ),
});

Deno.test("GradientSum adds passes up in order and reads any stretch of the layout", () => {
  const sum = new GradientSum(layout);
  sum.add(pass((i) => i));
  sum.add(pass((i) => 100 * i));
  sum.add(pass(() => 0.5));
  for (const [start, end] of [[0, 10], [0, 3], [2, 4], [4, 10], [7, 8], [9, 10]] as const) {
    const into = new Float32Array(end - start);
    sum.read(start, into);
    deepStrictEqual([...into], Array.from(into, (_, i) => 101 * (start + i) + 0.5));
  }
});

Deno.test("GradientSum.norm() is the Euclidean norm over all tensors, in float64", () => {
  const sum = new GradientSum(layout);
  strictEqual(sum.norm(), 0);
  sum.add(pass((i) => i === 2 ? 3e30 : i === 9 ? -4e30 : 0)); // squares would overflow float32
  ok(Math.abs(sum.norm() / 5e30 - 1) < 1e-6);
  const ramp = new GradientSum(layout);
  ramp.add(pass((i) => i + 1));
  strictEqual(ramp.norm(), Math.sqrt(385));
  const broken = new GradientSum(layout);
  broken.add(pass((i) => i === 6 ? NaN : 1));
  ok(Number.isNaN(broken.norm()));
});

Deno.test("GradientSum.release() gives the memory back", () => {
  const sum = new GradientSum(layout), results = pass((i) => i);
  sum.add(results);
  sum.release();
  for (const { name } of parameters) {
    strictEqual((results as Record<string, { data: Float32Array }>)[gradientName(name)]!.data.length, 0);
  }
  strictEqual(sum.norm(), 0);
});
