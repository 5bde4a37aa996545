// The only import of onnxruntime-node: graphs in, numbers out, on one of the devices (devices.ts) behind one seam. It
// knows nothing of models. Sessions block while they run; cells therefore live in processes of their own, and small models
// run on a pool of workers with one thread each (pool.ts). Where onnxruntime-node lets outputs stay on the device, which
// is on WebGPU alone, weights and caches live there (device_memory.ts).
//
// Four facts shape it. A returned tensor is a fresh copy that the garbage collector sees late: callers release results.
// A bound output is filled and copied as well: only the optimizer, which works in place, binds. The memory pattern
// planner reserves the worst case of all shapes: it is off. Of what providers can be told onnxruntime-node passes on little
// but an index: neither WebGPU's graph capture and int64 kernels nor CUDA's graphs and TF32 can be asked for.

import * as ort from "onnxruntime-node";
import type { Precision } from "../base/device_names.ts";
import { MisuseError } from "../base/errors.ts";
import { encode } from "../graph/encode.ts";
import { type ConstantData, dtypeOf, type Graph } from "../graph/ir.ts";
import { lower, type LowerOptions } from "../graph/lower.ts";
import { verifyGraph } from "../graph/verify.ts";
import { refuseCut } from "./cut_tensors.ts";
import { deviceFailure } from "./device_failure.ts";
import { DeviceMemory } from "./device_memory.ts";
import { type Device, DEVICE_FACTS } from "./devices.ts";
import { explain } from "./explain.ts";

export { type Device, DEVICES } from "./devices.ts";

export type TensorData = ConstantData;

/** A dense tensor: row-major data and its shape. Bools are bytes, float16 its bits. */
export interface Tensor {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

export type Tensors = Readonly<Record<string, Tensor>>;

/** A tensor in the device's own memory. Say `dispose()` when it is not needed any more: no garbage collector sees it. */
export class DeviceTensor {
  /**
   * @param tensor as ONNX Runtime holds it; its buffer may be seen in any shape of the same size
   * @param disposed is told when its memory has been given back
   */
  constructor(
    private readonly tensor: ort.Tensor,
    private readonly disposed: () => void,
    readonly shape: readonly number[] = tensor.dims,
  ) {}

  /** The same memory in another shape. */
  reshaped(shape: readonly number[]): DeviceTensor {
    return new DeviceTensor(this.tensor, this.disposed, shape);
  }

  /** What a run is fed. */
  get feed(): ort.Tensor {
    const { gpuBuffer, type } = this.tensor;
    return ort.Tensor.fromGpuBuffer(gpuBuffer, { dataType: type as "float32", dims: [...this.shape] });
  }

  dispose(): void {
    this.tensor.dispose();
    this.disposed();
  }
}

export type AnyTensor = Tensor | DeviceTensor;
export type AnyTensors = Readonly<Record<string, AnyTensor>>;

export interface RunOptions {
  /** Outputs to compute and to copy; all by default, and always all of a session that has outputs which stay. */
  readonly wanted?: readonly string[];
  /** Outputs that are written to the caller's memory, which may be that of a feed. A pool does not offer it. */
  readonly into?: Tensors;
  /** Feeds that the caller gives away: their memory may move to where the run is instead of being copied. */
  readonly consumed?: readonly string[];
  /** Tensors beside the feeds that change rarely. */
  readonly resident?: Resident;
}

/** A loaded graph. Release what a run returns. */
export interface Session {
  run(feeds: AnyTensors, options?: RunOptions): Promise<Record<string, AnyTensor>>;
  /** Frees the session, once what stayed of its results is disposed of; with profiling on, its file is written then. */
  dispose(): Promise<void>;
}

/** What makes sessions. */
export interface Runtime {
  /**
   * Lowers, encodes and loads a graph.
   * @param stay outputs that stay on the device, where it has {@linkcode memory}. @default none
   * @param precision of its products; {@linkcode Runtime.precision} is meant for a policy's own. @default "float32"
   */
  load(graph: Graph, stay?: readonly string[], precision?: Precision): Promise<Session>;
  /** What a policy computes in; its weights, their gradients and whatever is made of these are float32. */
  readonly precision: Precision;
  readonly device: Device;
  /** The device's own memory; null where runs are fed from and answer into the host's. */
  readonly memory: DeviceMemory | null;
  /** Runs that can be under way at once. */
  readonly concurrency: number;
  dispose(): Promise<void>;
}

/** An array, and named tensors that lie in it. */
export interface ResidentPart {
  readonly data: Float32Array;
  readonly views: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly offset: number;
    readonly size: number;
  }[];
}

/** Tensors that many runs take, such as a policy's weights, without a copy. Say `changed()` after writing to them. */
export class Resident {
  version = 0;

  /** @param parts of a name that two parts have, the later one counts */
  constructor(readonly parts: readonly ResidentPart[]) {}

  changed(): void {
    this.version++;
  }

  tensors(): Tensors {
    return Object.fromEntries(
      this.parts.flatMap(({ data, views }) =>
        views.map(({ name, shape, offset, size }) =>
          [name, { data: data.subarray(offset, offset + size), shape }] as const
        )
      ),
    );
  }
}

/** Refuses a device that this build of ONNX Runtime does not know. */
export function checkDevice(device: Device): void {
  const offered = ort.listSupportedBackends().map((backend) => backend.name);
  if (offered.includes(device)) return;
  throw new MisuseError(
    `Cannot use device "${device}": this build of ONNX Runtime offers ${offered.join(", ")}; ${
      DEVICE_FACTS[device].remedy
    }`,
  );
}

/** The bytes of an ONNX model that a device runs; the lowered graph is verified first. */
export const modelBytes = (graph: Graph, device: Device, options?: LowerOptions): Uint8Array =>
  encode(lowerFor(device, graph, options)).model;

function lowerFor(device: Device, graph: Graph, options?: LowerOptions): Graph {
  const lowered = lower(graph, DEVICE_FACTS[device].target, options);
  verifyGraph(lowered);
  return lowered;
}

/** Sessions of this process (or worker), one run at a time. */
export class LocalRuntime implements Runtime {
  readonly concurrency = 1;
  readonly device: Device;
  readonly memory: DeviceMemory | null;

  /**
   * @param options.threads threads of one operator
   * @param options.index which of several devices; null: the first
   * @param options.precision what a policy computes in. @default "float32"
   * @param options.verbose ONNX Runtime says on standard error where it places each node
   * @param options.profile prefix of the files that ONNX Runtime's profiler writes
   */
  constructor(
    readonly options: {
      readonly device: Device;
      readonly threads: number;
      readonly index?: number | null;
      readonly precision?: Precision;
      readonly profile?: string;
      readonly verbose?: boolean;
    },
  ) {
    checkDevice(options.device);
    this.device = options.device;
    this.memory = options.device === "webgpu" ? new DeviceMemory(this) : null;
  }

  get precision(): Precision {
    return this.options.precision ?? "float32";
  }

  async load(graph: Graph, stay: readonly string[] = [], precision: Precision = "float32"): Promise<Session> {
    const halfInputs = this.memory !== null; // which keeps weights in both
    const lowered = lowerFor(this.device, graph, { precision, halfInputs });
    if (this.device === "webgpu") await refuseCut(lowered);
    return await this.loadModel(encode(lowered).model, stay);
  }

  /** Loads an encoded model: its bytes, or the path of a file with external data beside it. */
  async loadModel(model: Uint8Array | string, stay: readonly string[] = []): Promise<Session> {
    const { device, threads, index = null, profile, verbose = false } = this.options;
    const { provider } = DEVICE_FACTS[device], chosen = index === null ? provider : { name: provider, deviceId: index };
    const options: ort.InferenceSession.SessionOptions = {
      executionProviders: device === "cpu" ? ["cpu"] : [chosen, "cpu"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: "disabled", // the graphs are fused already; no slower, and what runs is what was written
      enableMemPattern: false,
      logSeverityLevel: verbose ? 0 : 3,
      ...(profile ? { enableProfiling: true, profileFilePrefix: profile } : {}),
      ...(this.memory && stay.length > 0
        ? { preferredOutputLocation: Object.fromEntries(stay.map((name) => [name, "gpu-buffer" as const])) }
        : {}),
    };
    try {
      return new LocalSession(
        await (typeof model === "string"
          ? ort.InferenceSession.create(model, options)
          : ort.InferenceSession.create(model, options)),
        device,
        this.memory,
        stay.length > 0,
      );
    } catch (error) {
      if (device === "cpu" || !(error instanceof Error)) throw error;
      const { why, remedy } = explain(device, index, error.message);
      const said = why ?? error.message.split("\n")[0]!.replace(/^\S*\.cc:\S+ /, "");
      throw new MisuseError(`Cannot use device "${device}": ${said} … ${remedy}`, { cause: error });
    }
  }

  /** Sessions are their owners' to dispose of. */
  async dispose(): Promise<void> {
    await this.memory?.dispose();
  }
}

const ortTensor = (tensor: AnyTensor): ort.Tensor =>
  tensor instanceof DeviceTensor ? tensor.feed : new ort.Tensor(dtypeOf(tensor.data), tensor.data, [...tensor.shape]);

class LocalSession implements Session {
  #session: ort.InferenceSession | null;
  readonly #inputs: ReadonlySet<string>;
  /** Results that stayed on the device and are not disposed of: their memory is the session's, which must outlive them. */
  #staying = 0;
  #disposed = false;

  constructor(
    session: ort.InferenceSession,
    private readonly device: Device,
    private readonly memory: DeviceMemory | null,
    private readonly stays: boolean,
  ) {
    this.#session = session;
    this.#inputs = new Set(session.inputNames);
  }

  async run(feeds: AnyTensors, { wanted, resident, into }: RunOptions = {}): Promise<Record<string, AnyTensor>> {
    if (!this.#session || this.#disposed) throw new Error("Cannot run: the session is disposed");
    // Of the resident tensors a graph takes those that it names; every feed must be an input, which ORT does not check.
    const unknown = Object.keys(feeds).find((name) => !this.#inputs.has(name));
    if (unknown !== undefined) throw new TypeError(`Cannot run: the graph has no input "${unknown}"`);
    const needed = !resident
      ? []
      : this.memory
      ? await this.memory.hold(resident, this.#inputs)
      : Object.entries(resident.tensors()).filter(([name]) => this.#inputs.has(name));
    const fed = [...needed, ...Object.entries(feeds)]
      .map(([name, tensor]) => [name, ortTensor(tensor)] as const);
    const outputs = into
      ? Object.fromEntries(Object.entries(into).map(([name, tensor]) => [name, ortTensor(tensor)]))
      : this.stays || !wanted // ONNX Runtime would write an output that is left out into its last run's memory
      ? this.#session.outputNames
      : wanted;
    const results = await this.#session.run(Object.fromEntries(fed), outputs).catch((error: unknown) => {
      throw error instanceof Error ? deviceFailure(this.device, error.message) ?? error : error;
    });
    return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, this.#own(tensor)]));
  }

  #own(tensor: ort.Tensor): AnyTensor {
    if (tensor.location !== "gpu-buffer") return { data: tensor.data as TensorData, shape: tensor.dims };
    this.#staying++;
    return new DeviceTensor(tensor, () => {
      if (--this.#staying === 0 && this.#disposed) void this.#free();
    });
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    if (this.#staying === 0) await this.#free();
  }

  async #free(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await session?.release();
  }
}

/** Gives the memory of results back at once instead of at the next garbage collection. Their data is gone afterwards. */
export function release(results: AnyTensors): void {
  for (const tensor of Object.values(results)) {
    if (tensor instanceof DeviceTensor) tensor.dispose();
    else if (tensor.data.buffer instanceof ArrayBuffer && !tensor.data.buffer.detached) tensor.data.buffer.transfer(0);
  }
}

/** A tensor of the host. Throws where it is the device's. */
export function onHost(tensor: AnyTensor | undefined): Tensor {
  if (!tensor || tensor instanceof DeviceTensor) throw new TypeError("Cannot read a tensor: it is not on the host");
  return tensor;
}

/** A tensor's data as float32. Throws where it holds another type. */
export function floats(tensor: AnyTensor | undefined): Float32Array {
  const { data } = onHost(tensor);
  if (!(data instanceof Float32Array)) throw new TypeError("Cannot read a tensor: it must be float32");
  return data;
}

/** Version of ONNX Runtime. */
export const runtimeVersion: string = ort.env.versions.node ?? ort.env.versions.common;
