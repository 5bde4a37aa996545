// The executable spec of a graph: what construction promises, checked again over the finished graph.

import { bodyOf, type Graph, reachable } from "./ir.ts";
import { inferOutputs } from "./ops.ts";

/**
 * Throws Error naming the node where an output's type is not what the op table infers, where an input comes after its
 * user, or where a Loop body does not return its carried values.
 */
export function verifyGraph(graph: Graph): void {
  for (const node of reachable(graph.outputs.values())) {
    const fail = (reason: string): never => {
      throw new Error(`Cannot verify node %${node.id} (${node.op}): ${reason}`);
    };
    for (const input of node.inputs) {
      if (input && input.node.id >= node.id) fail(`its input %${input.node.id} is made later`);
    }
    const inferred = inferOutputs(node.op, node.inputs, node.attributes);
    if (inferred.length !== node.outputs.length) fail(`it has ${node.outputs.length} outputs, not ${inferred.length}`);
    inferred.forEach(({ dtype, shape }, i) => {
      const output = node.outputs[i]!;
      if (output.dtype !== dtype || output.shape.join() !== shape.join()) {
        fail(`output ${i} is ${output.dtype}[${output.shape}], not ${dtype}[${shape}]`);
      }
    });
    const body = bodyOf(node);
    if (body && body.parameters.length !== node.inputs.length) {
      fail(`its body takes ${body.parameters.length} values, not ${node.inputs.length}`);
    }
  }
}
