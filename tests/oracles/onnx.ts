// The one place where tests touch the runtime: a graph and float64 arrays in, float64 arrays out. Everything else of a
// session (threads, devices, loading, releasing) stays behind these functions.

import { Graph } from "../../harness/graph/ir.ts";
import {
  type Device,
  LocalRuntime,
  onHost,
  release,
  type Session,
  type TensorData,
  type Tensors,
} from "../../harness/runtime/session.ts";
import type { Array64 } from "./float64.ts";

const FROM = {
  float32: (data: Float64Array): TensorData => Float32Array.from(data),
  float16: (data: Float64Array): TensorData => new Uint16Array(Float16Array.from(data).buffer),
  int32: (data: Float64Array): TensorData => Int32Array.from(data),
  int64: (data: Float64Array): TensorData => BigInt64Array.from(data, BigInt),
  bool: (data: Float64Array): TensorData => Uint8Array.from(data),
};

/** Sessions on this process' device. */
export const localRuntime = (device: Device = "cpu", threads = 1): LocalRuntime =>
  new LocalRuntime({ device, threads });

/** Arrays as a graph's inputs take them; what the graph has no input for is left out. */
export function feedsOf(graph: Graph, arrays: Readonly<Record<string, Array64>>): Tensors {
  const declared = [...graph.inputs].filter(([name]) => name in arrays);
  return Object.fromEntries(declared.map(([name, { dtype }]) => {
    const { shape, data } = arrays[name]!;
    return [name, { shape, data: FROM[dtype](data) }];
  }));
}

/** Runs a loaded graph once. */
export async function runSession(session: Session, feeds: Tensors): Promise<Record<string, Array64>> {
  const results = await session.run(feeds);
  const outputs = Object.entries(results).map(([name, tensor]) => {
    const { shape, data } = onHost(tensor);
    return [
      name,
      { shape: [...shape], data: Float64Array.from(data as ArrayLike<number | bigint>, Number) },
    ] as const;
  });
  release(results);
  return Object.fromEntries(outputs);
}

/** Loads a graph (or an encoded model), runs it once, and gives everything back. */
export async function runGraph(
  graph: Graph,
  arrays: Readonly<Record<string, Array64>>,
  device: Device = "cpu",
  threads = 1,
  model?: Uint8Array | string,
): Promise<Record<string, Array64>> {
  const runtime = localRuntime(device, threads);
  const session = await (model === undefined ? runtime.load(graph) : runtime.loadModel(model));
  try {
    return await runSession(session, feedsOf(graph, arrays));
  } finally {
    await session.dispose();
    await runtime.dispose();
  }
}
