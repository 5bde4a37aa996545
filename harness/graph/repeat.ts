// A graph run many times in one: a Loop over slices of some inputs, with some outputs added up on the way. Where a device
// keeps nothing between runs, what all slices share goes up once, and the sums come back once.

import { type Body, Graph, type Node, reachable, type Value } from "./ir.ts";

/**
 * The graph for `count` slices.
 * @param options.shared inputs that are the same for all; every other one gets a leading axis [count]
 * @param options.summed outputs, float32 of static shape, that are added up; every other one gets a leading axis
 */
export function repeatGraph(
  graph: Graph,
  count: number,
  { shared, summed }: { readonly shared: (input: string) => boolean; readonly summed: (output: string) => boolean },
): Graph {
  const g = new Graph(), image = new Map<Value, Value>();
  const iteration = g.parameter("iteration", "int64", []), running = g.parameter("running", "bool", []);
  const slice = (name: string, { dtype, shape }: Value) =>
    shared(name) ? g.input(name, dtype, shape) : g.gather(g.input(name, dtype, [count, ...shape]), iteration);
  for (const [name, value] of graph.inputs) image.set(value, slice(name, value));
  for (const node of reachable(graph.outputs.values())) copy(g, node, image);

  const outputs = [...graph.outputs], added = outputs.filter(([name]) => summed(name));
  const others = outputs.filter(([name]) => !summed(name)),
    of = ([, value]: readonly [string, Value]) => image.get(value)!;
  const sums = added.map(([name, { shape }]) => g.parameter(`sum of ${name}`, "float32", shape));
  const zeros = added.map(([, { shape }]) => g.op("ConstantOfShape", [], { shape: shape as readonly number[] }));
  const body: Body = {
    parameters: [iteration, running, ...sums],
    results: [running, ...added.map((output, i) => g.add(sums[i]!, of(output))), ...others.map(of)],
  };
  const trips = g.constant(BigInt64Array.of(BigInt(count)), []), always = g.constant(Uint8Array.of(1), []);
  const results = g.apply("Loop", [trips, always, ...zeros], { body });
  added.forEach(([name], i) => g.output(name, results[i]!));
  others.forEach(([name], i) => g.output(name, results[added.length + i]!));
  return g;
}

function copy(g: Graph, node: Node, image: Map<Value, Value>): void {
  if (node.op === "Input") return;
  const outputs = g.apply(node.op, node.inputs.map((input) => input && image.get(input)!), node.attributes);
  node.outputs.forEach((output, i) => image.set(output, outputs[i]!));
}
