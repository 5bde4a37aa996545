// A device with memory of its own that is the CPU in truth: what stays "there" cannot be read here, float16 stays float16,
// and graphs are lowered as for WebGPU. It stands in for a GPU that computes in float16, which the software driver does
// not. Deno hands no float16 arrays to ONNX Runtime: inputs and outputs in float16 cross as float32, which loses nothing.

import { ok, strictEqual } from "node:assert/strict";
import type { Precision } from "../../harness/base/device_names.ts";
import { encode } from "../../harness/graph/encode.ts";
import { Graph, reachable, type Value } from "../../harness/graph/ir.ts";
import { lower } from "../../harness/graph/lower.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";
import { DeviceMemory } from "../../harness/runtime/device_memory.ts";
import {
  type AnyTensor,
  DeviceTensor,
  floats,
  LocalRuntime,
  type Runtime,
  type Session,
  type Tensor,
} from "../../harness/runtime/session.ts";

interface Buffer {
  readonly data: Float32Array;
  readonly dtype: string;
  disposed: boolean;
}

class FakeTensor extends DeviceTensor {
  constructor(readonly buffer: Buffer, shape: readonly number[]) {
    super(null as never, shape);
  }

  override reshaped(shape: readonly number[]): FakeTensor {
    return new FakeTensor(this.buffer, shape);
  }

  override dispose(): void {
    this.buffer.disposed = true;
  }
}

/** The graph with its float16 inputs and outputs as float32. */
function widened(graph: Graph): Graph {
  const g = new Graph(), image = new Map<Value, Value>();
  const wide = ({ dtype }: Value) => dtype === "float16" ? "float32" : dtype;
  for (const [name, value] of graph.inputs) {
    image.set(value, g.cast(g.input(name, wide(value), value.shape), value.dtype));
  }
  for (const { op, inputs, attributes, outputs } of reachable(graph.outputs.values())) {
    if (op === "Input") continue;
    const made = g.apply(op, inputs.map((input) => input && image.get(input)!), attributes);
    outputs.forEach((output, i) => image.set(output, made[i]!));
  }
  for (const [name, value] of graph.outputs) g.output(name, g.cast(image.get(value)!, wide(value)));
  return g;
}

/** See the head of this file. */
export class FakeDevice implements Runtime {
  readonly memory = new DeviceMemory(this);
  readonly device = "webgpu";
  readonly concurrency = 1;
  readonly #inner = new LocalRuntime({ device: "cpu", threads: 1 });
  /** Tensors that went up (float32), or were rounded there (float16). */
  readonly copies = { float32: 0, float16: 0 };
  /** dtype of each output that stayed, by name. */
  readonly stayed = new Map<string, string>();

  constructor(readonly precision: Precision) {}

  async load(graph: Graph, stay: readonly string[] = [], precision: Precision = "float32"): Promise<Session> {
    const lowered = lower(graph, "webgpu", { precision, halfInputs: true });
    verifyGraph(lowered);
    const session = await this.#inner.loadModel(encode(widened(lowered)).model);
    return {
      run: async (feeds, { resident } = {}) => {
        const copied = stay[0] === "copy" ? lowered.outputs.get("copy")!.dtype : null;
        if (copied === "float32" || copied === "float16") this.copies[copied]++;
        const held = resident ? await this.memory.hold(resident, new Set(lowered.inputs.keys())) : [];
        const fed = [...held, ...Object.entries(feeds)].map(([name, tensor]) => {
          const value = lowered.inputs.get(name);
          ok(value, `the graph has no input "${name}"`);
          return [name, hostOf(tensor, value.dtype)] as const;
        });
        const results = await session.run(Object.fromEntries(fed));
        return Object.fromEntries(
          Object.entries(results).map(([name, tensor]): [string, AnyTensor] => {
            if (!stay.includes(name)) return [name, tensor];
            const { dtype } = lowered.outputs.get(name)!;
            this.stayed.set(name, dtype);
            return [name, new FakeTensor({ data: floats(tensor), dtype, disposed: false }, tensor.shape)];
          }),
        );
      },
      dispose: () => session.dispose(),
    };
  }

  async dispose(): Promise<void> {
    await this.memory.dispose();
    await this.#inner.dispose();
  }
}

function hostOf(tensor: AnyTensor, dtype: string): Tensor {
  if (tensor instanceof FakeTensor) {
    const { data, dtype: own, disposed } = tensor.buffer;
    ok(!disposed, "a tensor is used after its end");
    strictEqual(own, dtype);
    return { data, shape: tensor.shape };
  }
  const { data, shape } = tensor as Tensor;
  if (!(data instanceof Uint16Array)) return { data, shape };
  strictEqual(data.length, 0, "no float16 goes up from the host");
  return { data: new Float32Array(0), shape };
}
