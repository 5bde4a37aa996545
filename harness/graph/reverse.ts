// The reverse walk: from a scalar loss to the gradients of chosen values, through the table of `gradients.ts`.
// Un-broadcasting happens here, once. Gradients that are sums over rows are accumulated inside the kernel that makes
// them (a product that adds to what is there) where the op offers it.
//
// What a backward pass keeps is what its memory is. ONNX Runtime would walk down to the first layer and make the wanted
// gradients last, keeping every dy on the way; sparing memory, they are made before the walk goes on. And values whose
// node says `again` (cheap ones, as large as any) are made a second time instead of kept. Neither changes a bit.

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

/** Makes values whose nodes say `again` a second time, after `dy` is there; others are as they are. */
function remaker(g: Graph): (value: Value, dy: Value) => Value {
  const made = new Map<Value, Value>();
  const remake = (value: Value, dy: Value): Value => {
    const { op, inputs, attributes: { again, ...attributes }, outputs } = value.node;
    if (again !== true) return value;
    if (!made.has(value)) {
      const fresh = inputs.map((input) =>
        input && (input.node.attributes.again ? remake(input, dy) : after(g, input, dy))
      );
      g.apply(op, fresh, attributes).forEach((output, i) => made.set(outputs[i]!, output));
    }
    return made.get(value)!;
  };
  return remake;
}

const after = (g: Graph, value: Value, earlier: Value): Value =>
  value.shape.length > 0 && earlier.shape.length > 0 ? g.op("After", [value, earlier]) : value;

/** True where a node reads what one of the others makes; a Loop's body may read values that are not its inputs. */
const reads = (node: Node, others: ReadonlySet<Node>): boolean =>
  [...node.inputs, ...(bodyOf(node)?.results ?? [])].some((value) => value && others.has(value.node));

/** A node as its rule sees it, with its values remade. */
const remade = (node: Node, remake: (value: Value) => Value): Node => ({
  ...node,
  inputs: node.inputs.map((input) => input && remake(input)),
  outputs: node.outputs.map(remake),
});

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
 * @param options.sparing with less memory, at the cost of making some values twice
 */
export function gradients(
  g: Graph,
  loss: Value,
  wanted: readonly Value[],
  { sparing = false }: { readonly sparing?: boolean } = {},
): (Value | null)[] {
  if (elements(loss.shape) !== 1) {
    throw new TypeError(`Cannot differentiate: the loss [${loss.shape.join(", ")}] must be a scalar`);
  }
  const order = reachable([loss]), targets = new Set(wanted), path = between(order, targets);
  const remake = remaker(g);
  const found = new Map<Value, Value>([[loss, g.expand(g.scalar(1), loss.shape as readonly number[])]]);
  for (const node of order.toReversed()) {
    const dy = node.outputs.map((output) => found.get(output) ?? null);
    if (!path.has(node) || dy.every((gradient) => gradient === null)) continue;
    if (!reads(node, path)) continue;
    const rule = (GRADIENTS as Partial<Record<OpName, GradientRule>>)[node.op];
    if (!rule) throw new TypeError(`Cannot differentiate: op "${node.op}" has no gradient rule`);
    const first = dy.find((gradient) => gradient !== null)!;
    const contributions = rule(g, sparing ? remade(node, (value) => remake(value, first)) : node, dy);
    if (contributions.length !== node.inputs.length) {
      throw new TypeError(
        `Cannot differentiate: the rule of "${node.op}" gives ${contributions.length} gradients for ${node.inputs.length} inputs`,
      );
    }
    const needed = node.inputs.flatMap((input, i) => {
      const contribution = contributions[i];
      if (!input || !contribution || !path.has(input.node)) return [];
      return [{ input, gradient: unbroadcast(g, contribution, input.shape) }];
    });
    const ready = needed.filter(({ input }) => targets.has(input)),
      onward = needed.filter(({ input }) => !targets.has(input));
    for (const { input, gradient } of sparing ? [...ready, ...onward] : needed) {
      const earlier = sparing && !targets.has(input) ? ready.map((one) => found.get(one.input)!) : [];
      const last = earlier.reduce((value, made) => after(g, value, made), gradient);
      found.set(input, accumulate(g, found.get(input), last));
    }
  }
  return wanted.map((value) => found.get(value) ?? null);
}
