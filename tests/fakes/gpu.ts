// A GPU that computes in float16, on any machine, with the CPU's help: graphs are lowered as for it and run with float16's
// roundings (tests/oracles/float16.ts). As WebGPU it has memory of its own: what stays there cannot be read here, is
// float16 or float32, and must not be used after its end. As CUDA it has none.

import { ok, strictEqual } from "node:assert/strict";
import type { Precision } from "../../harness/base/device_names.ts";
import type { Dtype, Graph } from "../../harness/graph/ir.ts";
import { lower } from "../../harness/graph/lower.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";
import { DeviceMemory } from "../../harness/runtime/device_memory.ts";
import {
  type AnyTensor,
  DeviceTensor,
  floats,
  LocalRuntime,
  onHost,
  type Runtime,
  type Session,
  type Tensor,
} from "../../harness/runtime/session.ts";
import { roundingGraph } from "../oracles/float16.ts";

interface Buffer {
  readonly data: Float32Array;
  readonly dtype: Dtype;
}

class FakeTensor extends DeviceTensor {
  constructor(readonly buffer: Buffer, private readonly living: Set<Buffer>, shape: readonly number[]) {
    super(null as never, () => {}, shape);
  }

  override reshaped(shape: readonly number[]): FakeTensor {
    return new FakeTensor(this.buffer, this.living, shape);
  }

  override dispose(): void {
    ok(this.living.delete(this.buffer), "a tensor ends twice");
  }
}

/** See the head of this file. */
export class FakeGpu implements Runtime {
  readonly memory: DeviceMemory | null;
  readonly concurrency = 1;
  readonly #inner = new LocalRuntime({ device: "cpu", threads: 1 });
  /** Tensors that went up (float32), or were rounded there (float16). */
  readonly copies = { float32: 0, float16: 0 };
  /** Type of each output that stayed, by name. */
  readonly stayed = new Map<string, Dtype>();
  /** What stayed and has not been disposed of. */
  readonly living = new Set<Buffer>();

  constructor(readonly precision: Precision, readonly device: "webgpu" | "cuda") {
    this.memory = device === "webgpu" ? new DeviceMemory(this) : null;
  }

  async load(graph: Graph, stay: readonly string[] = [], precision: Precision = "float32"): Promise<Session> {
    const lowered = lower(graph, this.device, { precision, halfInputs: this.memory !== null });
    verifyGraph(lowered);
    const session = await this.#inner.load(roundingGraph(lowered)), staying = this.memory ? stay : [];
    return {
      run: async (feeds, { resident } = {}) => {
        const copied = staying[0] === "copy" ? lowered.outputs.get("copy")!.dtype : null;
        if (copied === "float32" || copied === "float16") this.copies[copied]++;
        const inputs = new Set(lowered.inputs.keys());
        const held = !resident ? [] : await this.memory?.hold(resident, inputs) ??
          Object.entries(resident.tensors()).filter(([name]) => inputs.has(name));
        const fed = [...held, ...Object.entries(feeds)].map(([name, tensor]) => {
          const value = lowered.inputs.get(name);
          ok(value, `the graph has no input "${name}"`);
          return [name, this.#hostOf(tensor, value.dtype)] as const;
        });
        const results = await session.run(Object.fromEntries(fed));
        const kept = ([name, tensor]: [string, AnyTensor]): [string, AnyTensor] => {
          if (!staying.includes(name)) return [name, tensor];
          const { dtype } = lowered.outputs.get(name)!;
          this.stayed.set(name, dtype);
          const buffer = { data: floats(tensor), dtype };
          this.living.add(buffer);
          return [name, new FakeTensor(buffer, this.living, tensor.shape)];
        };
        return Object.fromEntries(Object.entries(results).map(kept));
      },
      dispose: () => session.dispose(),
    };
  }

  async dispose(): Promise<void> {
    await this.memory?.dispose();
    await this.#inner.dispose();
  }

  #hostOf(tensor: AnyTensor, dtype: Dtype): Tensor {
    if (tensor instanceof FakeTensor) {
      const { data, dtype: own } = tensor.buffer;
      ok(this.living.has(tensor.buffer), "a tensor is used after its end");
      strictEqual(own, dtype);
      return { data, shape: tensor.shape };
    }
    return onHost(tensor);
  }
}
