// Tensors that WebGPU cuts: a driver binds so many bytes of a buffer at once, and ONNX Runtime hands a larger tensor to its
// kernels in pieces. Most compute the same. Some compute wrong numbers and say nothing, and one fails: graphs in which these
// would meet such a tensor are refused. Found with version 1.30.0 on llvmpipe, which binds 128 MiB.

import { FailureError } from "../base/errors.ts";
import { type Graph, reachable, type Value } from "../graph/ir.ts";
import type { OpName } from "../graph/ops.ts";
import { bytesOfValue } from "../graph/peak_bytes.ts";
import { bindingBytes } from "./adapter.ts";
import { OutOfDeviceMemory } from "./device_failure.ts";

const WHOLE: ReadonlySet<OpName> = new Set<OpName>([
  "Softmax",
  "Where",
  "SimplifiedLayerNormalization",
  "SkipSimplifiedLayerNormalization",
  "GroupQueryAttention", // of which it is not known
  "ScatterRows", // which fails
]);

/** What every WebGPU device binds. */
const LEAST = 2 ** 27;

/**
 * Refuses a lowered graph whose numbers WebGPU would get wrong.
 * @param binds what the driver binds; null: nobody tells
 * @throws OutOfDeviceMemory, which a smaller batch mends, and FailureError where the policy itself is too large
 */
export async function refuseCut(graph: Graph, binds: () => Promise<number | null> = bindingBytes): Promise<void> {
  const large = reachable(graph.outputs.values()).flatMap(({ op, outputs }) =>
    WHOLE.has(op) ? outputs.filter((value) => bytesOfValue(value) > LEAST) : []
  );
  if (large.length === 0) return;
  const bound = await binds() ?? LEAST, cut = large.filter((value) => bytesOfValue(value) > bound);
  if (cut.some((value) => value.node.op === "ScatterRows" && isWeight(graph, value))) {
    throw new FailureError(
      "Cannot run on webgpu: the gradient of the embeddings is larger than what its driver binds at once … train an " +
        "adapter with --lora, choose a model with a smaller vocabulary, or --device cpu",
    );
  }
  if (cut.length > 0) {
    throw new OutOfDeviceMemory("Cannot run on webgpu: a tensor is larger than what its driver binds at once");
  }
}

/** Whether a value has the shape of something that the graph is fed, as the gradient of a weight has. */
const isWeight = (graph: Graph, { shape }: Value): boolean =>
  [...graph.inputs.values()].some((input) => `${input.shape}` === `${shape}`);
