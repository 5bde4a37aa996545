import { equal, ok } from "node:assert/strict";
import { Graph } from "../../harness/graph/ir.ts";
import { lower } from "../../harness/graph/lower.ts";
import { peakBytes } from "../../harness/graph/peak_bytes.ts";
import { parameterLayout } from "../../harness/model/layout.ts";
import { trainGraph } from "../../harness/rl/train_graph.ts";
import { tinyConfig } from "../model/tiny_policy.ts";

const KIB = 1024; // of 16 x 16 floats

function square(): { g: Graph; x: ReturnType<Graph["input"]> } {
  const g = new Graph();
  return { g, x: g.input("x", "float32", [16, 16]) };
}

Deno.test("peakBytes() counts what is live at once: a chain of products holds two results, whatever its length", () => {
  const { g, x } = square();
  let value = x;
  for (let i = 0; i < 10; i++) value = g.matmul(value, x);
  g.output("y", value);
  equal(peakBytes(g), 2 * KIB);
});

Deno.test("peakBytes() holds a result until its last use, and a result of the graph to the end", () => {
  const { g, x } = square();
  const first = g.matmul(x, x), second = g.matmul(first, x), third = g.matmul(second, x);
  g.output("sum", g.matmul(third, first)); // first stays until here
  equal(peakBytes(g), 3 * KIB);
  g.output("second", second);
  equal(peakBytes(g), 4 * KIB);
});

Deno.test("peakBytes() lets sums take the place of an input that nobody needs any more, and no input of the graph", () => {
  const { g, x } = square();
  g.output("y", g.add(g.matmul(x, x), x));
  equal(peakBytes(g), KIB);
  const other = square();
  other.g.output("y", other.g.add(other.x, other.x));
  equal(peakBytes(other.g), KIB);
  const kept = square(), product = kept.g.matmul(kept.x, kept.x);
  kept.g.output("y", kept.g.add(product, kept.x));
  kept.g.output("product", product);
  equal(peakBytes(kept.g), 2 * KIB);
});

Deno.test("peakBytes() does not count a reshaped value twice, nor constants", () => {
  const { g, x } = square();
  const flat = g.reshape(g.matmul(x, x), [256]);
  g.output("y", g.mul(flat, g.constant(new Float32Array(256).fill(2), [256])));
  equal(peakBytes(g), KIB);
});

Deno.test("peakBytes() of a Loop counts what it carries from one iteration to the next, at its largest", () => {
  const g = new Graph(), shape = ["?", 16] as const;
  const start = g.input("start", "float32", shape), row = g.input("row", "float32", [1, 16]);
  const iteration = g.parameter("iteration", "int64", []), running = g.parameter("running", "bool", []);
  const carried = g.parameter("carried", "float32", shape);
  const body = { parameters: [iteration, running, carried], results: [running, g.concat([carried, row], 0)] };
  const [grown] = g.apply("Loop", [
    g.input("steps", "int64", []),
    g.constant(Uint8Array.of(1), []),
    start,
  ], { body });
  g.output("grown", grown!);
  const held = peakBytes(g, 100);
  ok(held >= 2 * 100 * 64 && held < 2 * 100 * 64 + 64, `${held}`); // the old one and the new one
});

Deno.test("peakBytes() of a pass grows with its rows and with its layers, and holds at least every gradient", () => {
  const bytes = (layers: number, group: number) => {
    const config = tinyConfig({ num_hidden_layers: layers }), layout = parameterLayout(config);
    const graph = trainGraph({
      ...{ config, layout, temperature: 1, kept: false, length: 32 },
      shape: { kind: "completions", promptLength: 16, prompts: 1, length: 16, group },
      objective: { kind: "policy-gradient", clipLow: 0.2, clipHigh: 0.2, klBeta: 0 },
    });
    return { peak: peakBytes(lower(graph, "cpu")), gradients: 4 * layout.size };
  };
  const [small, deep, wide] = [bytes(2, 2), bytes(8, 2), bytes(2, 8)];
  for (const { peak, gradients } of [small, deep, wide]) ok(peak > gradients);
  const activations = ({ peak, gradients }: typeof small) => peak - gradients;
  ok(activations(deep) > 2 * activations(small) && activations(wide) > 2 * activations(small));
});
