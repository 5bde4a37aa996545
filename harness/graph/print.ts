// A graph as text, one node a line, and its fingerprint: two graphs with equal text compute the same.

import { sha256 } from "../base/digest.ts";
import { type Attribute, bodyOf, type Graph, type Node, reachable, type Value } from "./ir.ts";

/** Bodies of Loops are printed by their parameters and results. */
export function printGraph(graph: Graph): string {
  const nodes = reachable(graph.outputs.values()), numbers = new Map(nodes.map((node, i) => [node, i]));
  const name = (value: Value) => `%${numbers.get(value.node)}${value.node.outputs.length > 1 ? `.${value.index}` : ""}`;
  const attribute = (value: Attribute): string => {
    if (ArrayBuffer.isView(value)) {
      return value.length <= 8
        ? `[${[...value].join(", ")}]`
        : `sha256:${sha256(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)).slice(0, 16)}`;
    }
    if (typeof value === "object" && "results" in value) {
      return `(${value.parameters.map(name).join(", ")}) => (${value.results.map(name).join(", ")})`;
    }
    return JSON.stringify(value);
  };
  const line = (node: Node) => {
    const attributes = Object.entries(node.attributes).map(([key, value]) => `${key}: ${attribute(value)}`).join(", ");
    const types = node.outputs.map(({ dtype, shape }) => `${dtype}[${shape.join(", ")}]`).join(", ");
    const label = bodyOf(node) ? "Loop" : node.op;
    return `%${numbers.get(node)} = ${label}(${node.inputs.map((input) => input ? name(input) : "-").join(", ")})${
      attributes && ` {${attributes}}`
    } : ${types}`;
  };
  return [...nodes.map(line), ...[...graph.outputs].map(([output, value]) => `${output} <- ${name(value)}`)].join(
    "\n",
  ) + "\n";
}

/** SHA-256 (hex) of the printed graph. */
export function fingerprint(graph: Graph): string {
  return sha256(printGraph(graph));
}
