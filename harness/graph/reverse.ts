// The reverse walk: from a scalar loss to the gradients of chosen values, through the table of `gradients.ts`.
// Un-broadcasting happens here, once. Gradients that are sums over rows are accumulated inside the kernel that makes
// them (a product that adds to what is there) where the op offers it.

import { type GradientRule, GRADIENTS } from "./gradients.ts";
import { bodyOf, elements, type Graph, type Node, reachable, type Shape, type Value } from "./ir.ts";
import type { OpName } from "./ops.ts";

/** Kernels that take what was accumulated as their last input. */
const ACCUMULATING: ReadonlySet<OpName> = new Set<OpName>(["WeightGradient", "EmbeddingGradient"]);

/** Sums a gradient over the axes along which its value was broadcast. */
function unbroadcast(g: Graph, gradient: Value, shape: Shape): Value {
  const extra = gradient.shape.length - shape.length;
  const leading = Array.from({ length: extra }, (_, i) => i);
  const stretched = shape.flatMap((dim, i) => dim === 1 && gradient.shape[extra + i] !== 1 ? [extra + i] : []);
  const summed = g.sum(gradient, [...leading, ...stretched], true);
  return g.reshape(summed, shape as readonly number[]);
}

function accumulate(g: Graph, existing: Value | undefined, contribution: Value): Value {
  if (!existing) return contribution;
  const { op, inputs, attributes } = contribution.node;
  if (ACCUMULATING.has(op) && inputs.length === 2) return g.op(op, [...inputs, existing], attributes);
  return g.add(existing, contribution);
}

/** True where a node reads what one of the others makes; a Loop's body may read values that are not its inputs. */
const reads = (node: Node, others: ReadonlySet<Node>): boolean =>
  [...node.inputs, ...(bodyOf(node)?.results ?? [])].some((value) => value && others.has(value.node));

/** Nodes through which a wanted value reaches the loss. */
function between(order: readonly Node[], wanted: ReadonlySet<Value>): Set<Node> {
  const path = new Set<Node>();
  for (const node of order) {
    if (reads(node, path) || node.outputs.some((output) => wanted.has(output))) path.add(node);
  }
  return path;
}

/**
 * Gradients of a scalar with respect to values, in their order. A value that the loss does not depend on has the
 * gradient null. Throws TypeError naming the op where one on the way has no rule.
 */
export function gradients(g: Graph, loss: Value, wanted: readonly Value[]): (Value | null)[] {
  if (elements(loss.shape) !== 1) {
    throw new TypeError(`Cannot differentiate: the loss [${loss.shape.join(", ")}] must be a scalar`);
  }
  const order = reachable([loss]), targets = new Set(wanted), path = between(order, targets);
  const found = new Map<Value, Value>([[loss, g.expand(g.scalar(1), loss.shape as readonly number[])]]);
  for (const node of order.toReversed()) {
    const dy = node.outputs.map((output) => found.get(output) ?? null);
    if (!path.has(node) || dy.every((gradient) => gradient === null)) continue;
    if (!reads(node, path)) continue;
    const rule = (GRADIENTS as Partial<Record<OpName, GradientRule>>)[node.op];
    if (!rule) throw new TypeError(`Cannot differentiate: op "${node.op}" has no gradient rule`);
    const contributions = rule(g, node, dy);
    if (contributions.length !== node.inputs.length) {
      throw new TypeError(
        `Cannot differentiate: the rule of "${node.op}" gives ${contributions.length} gradients for ${node.inputs.length} inputs`,
      );
    }
    node.inputs.forEach((input, i) => {
      const contribution = contributions[i];
      if (!input || !contribution || !path.has(input.node)) return;
      found.set(input, accumulate(g, found.get(input), unbroadcast(g, contribution, input.shape)));
    });
  }
  return wanted.map((value) => found.get(value) ?? null);
}
