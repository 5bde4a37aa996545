// How much memory the values of a graph take at once when ONNX Runtime's CPU provider runs it: its order of nodes, its
// lifetimes, its reuse in place, and nothing of its arena, which keeps more than that. No graph is run for it.
// Source: onnxruntime/core/graph/graph_viewer.cc (order) and core/framework/allocation_planner.cc (lifetimes), 1.30.

import { type Body, bodyOf, type Graph, type Node, reachable, type Value } from "./ir.ts";

const ELEMENT_BYTES = { float32: 4, float16: 2, int32: 4, int64: 8, bool: 1 } as const;

/** Ops whose result is their first input's memory. */
const ALIASES = new Set(["Reshape", "StopGradient", "After"]);

/** Ops that write to an input of the same size that nobody needs any more. */
const IN_PLACE = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Neg",
  "Exp",
  "Log",
  "Sqrt",
  "Clip",
  "ScatterAdd",
  "ScatterRows",
]);

/** Bytes of a tensor, where "?" stands for so many. */
export function bytesOfValue({ dtype, shape }: Pick<Value, "dtype" | "shape">, dynamic = 1): number {
  return shape.reduce<number>((product, dim) => product * (dim === "?" ? dynamic : dim), ELEMENT_BYTES[dtype]);
}

/**
 * The most bytes that are held at once: what nodes make, results of the graph included, and neither its inputs nor its
 * constants, which lie elsewhere.
 * @param graph lowered, as it is encoded
 * @param dynamic what a dimension "?" is at its largest
 */
export function peakBytes(graph: Graph, dynamic = 1): number {
  return peakOf([...graph.outputs.values()], new Set(), dynamic);
}

/** @param given values that come from outside */
function peakOf(results: readonly Value[], given: ReadonlySet<Node>, dynamic: number): number {
  const isMade = ({ op }: Node) => op !== "Input" && op !== "Constant" && op !== "Parameter";
  const nodes = reachable(results).filter((node) => isMade(node) && !given.has(node));
  const inside = new Set(nodes.flatMap((node) => [...innerNodes(node)]));
  const order = runOrder(nodes.filter((node) => !inside.has(node)));

  const root = new Map<Value, Value>(); // whose memory a value lies in
  const rootOf = (value: Value): Value => root.get(value) ?? value;
  const uses = new Map<Value, number>();
  const use = (value: Value, count: number) => uses.set(rootOf(value), (uses.get(rootOf(value)) ?? 0) + count);
  for (const node of order) {
    if (ALIASES.has(node.op)) root.set(node.outputs[0]!, rootOf(node.inputs[0]!));
    for (const input of needs(node)) use(input, 1);
  }
  for (const value of results) use(value, 1); // never given back

  let held = 0, peak = 0;
  for (const node of order) {
    const inputs = [...needs(node)];
    if (!ALIASES.has(node.op)) {
      const free = inputs.find((input) =>
        IN_PLACE.has(node.op) && isMade(rootOf(input).node) && uses.get(rootOf(input)) === 1 &&
        bytesOfValue(rootOf(input), dynamic) === bytesOfValue(node.outputs[0]!, dynamic)
      );
      if (free) { // the result takes its place: it is not held twice
        held -= bytesOfValue(rootOf(free), dynamic);
        uses.set(rootOf(free), NaN);
      }
      for (const output of node.outputs) held += bytesOfValue(output, dynamic);
    }
    const body = bodyOf(node);
    peak = Math.max(peak, held + (body ? bodyPeak(node, body, dynamic) : 0));
    for (const output of node.outputs) if (!uses.has(rootOf(output))) held -= bytesOfValue(output, dynamic);
    for (const input of inputs) {
      use(input, -1);
      if (uses.get(rootOf(input)) === 0 && isMade(rootOf(input).node)) held -= bytesOfValue(rootOf(input), dynamic);
    }
  }
  return peak;
}

/** What a Loop takes beside its results: an iteration, and what it carried from the one before. */
function bodyPeak(loop: Node, body: Body, dynamic: number): number {
  const outside = new Set(reachable(body.results).filter((node) => !innerNodes(loop).has(node)));
  const inner = peakOf(body.results, outside, dynamic);
  const results = loop.outputs.reduce((sum, value) => sum + bytesOfValue(value, dynamic), 0);
  const carried = body.parameters.reduce((sum, value) => sum + bytesOfValue(value, dynamic), 0);
  return Math.max(0, inner + carried - results);
}

/** What a node waits for: its inputs, and of a Loop what its body takes from outside. */
function* needs(node: Node): Iterable<Value> {
  for (const input of node.inputs) if (input) yield input;
  const body = bodyOf(node);
  if (!body) return;
  const inner = innerNodes(node), seen = new Set<Value>();
  for (const one of inner) {
    for (const input of one.inputs) {
      if (!input || inner.has(input.node) || seen.has(input) || input.node.op === "Parameter") continue;
      seen.add(input);
      yield input;
    }
  }
}

/** Nodes of a Loop's body that depend on its parameters. */
function innerNodes(loop: Node): ReadonlySet<Node> {
  const body = bodyOf(loop), inside = new Set<Node>();
  if (!body) return inside;
  const parameters = new Set(body.parameters.map((value) => value.node));
  for (const node of reachable(body.results)) {
    if (node.inputs.some((input) => input && (inside.has(input.node) || parameters.has(input.node)))) inside.add(node);
  }
  return inside;
}

/** The order in which ONNX Runtime runs nodes: depth first from the last result back, the youngest input first. */
function runOrder(nodes: readonly Node[]): Node[] {
  const index = new Map(nodes.map((node, i) => [node, i]));
  const before = nodes.map((node) =>
    [...new Set([...needs(node)].map(({ node }) => index.get(node)).filter((i) => i !== undefined))]
      .sort((a, b) => a - b)
  );
  const used = new Set(before.flat());
  const stack = nodes.flatMap((_, i) => used.has(i) ? [] : [{ i, leave: false }]);
  const visited = new Set<number>(), order: Node[] = [];
  for (let entry = stack.pop(); entry; entry = stack.pop()) {
    const { i, leave } = entry;
    if (leave) {
      order.push(nodes[i]!);
      continue;
    }
    if (visited.has(i)) continue;
    visited.add(i);
    stack.push({ i, leave: true });
    for (const input of before[i]!) if (!visited.has(input)) stack.push({ i: input, leave: false });
  }
  return order;
}
