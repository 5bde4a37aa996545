// The only import of onnxruntime-node: graphs in, numbers out, on one of several devices (devices.ts) behind one seam. It knows nothing
// of models. Sessions block while they run; cells therefore live in processes of their own, and small models run on a
// pool of workers with one thread each (pool.ts).
//
// Three facts shape it. A returned tensor is a fresh copy that the garbage collector sees late: callers release results.
// A bound output is filled and copied as well: only the optimizer, which works in place, binds. The memory pattern
// planner reserves the worst case of all shapes: it is off.

import * as ort from "onnxruntime-node";
import { MisuseError } from "../base/errors.ts";
import { encode } from "../graph/encode.ts";
import { type ConstantData, dtypeOf, type Graph } from "../graph/ir.ts";
import { lower } from "../graph/lower.ts";
import { verifyGraph } from "../graph/verify.ts";
import { type Device, DEVICE_FACTS } from "./devices.ts";

export { type Device, DEVICES } from "./devices.ts";

export type TensorData = ConstantData;

/** A dense tensor: row-major data and its shape. Bools are bytes. */
export interface Tensor {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

export type Tensors = Readonly<Record<string, Tensor>>;

export interface RunOptions {
  /** Outputs to compute and to copy; all by default. */
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
  run(feeds: Tensors, options?: RunOptions): Promise<Record<string, Tensor>>;
  /** Frees the session; with profiling on, its file is written now. */
  dispose(): Promise<void>;
}

/** What makes sessions. */
export interface Runtime {
  /** Lowers, encodes and loads a graph. */
  load(graph: Graph): Promise<Session>;
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
export function modelBytes(graph: Graph, device: Device): Uint8Array {
  const lowered = lower(graph, DEVICE_FACTS[device].target);
  verifyGraph(lowered);
  return encode(lowered).model;
}

/** Sessions of this process (or worker), one run at a time. */
export class LocalRuntime implements Runtime {
  readonly concurrency = 1;

  /**
   * @param options.threads threads of one operator
   * @param options.index which of several devices; null: the first
   * @param options.verbose ONNX Runtime says on standard error where it places each node
   * @param options.profile prefix of the files that ONNX Runtime's profiler writes
   */
  constructor(
    readonly options: {
      readonly device: Device;
      readonly threads: number;
      readonly index?: number | null;
      readonly profile?: string;
      readonly verbose?: boolean;
    },
  ) {
    checkDevice(options.device);
  }

  load(graph: Graph): Promise<Session> {
    return this.loadModel(modelBytes(graph, this.options.device));
  }

  /** Loads an encoded model: its bytes, or the path of a file with external data beside it. */
  async loadModel(model: Uint8Array | string): Promise<Session> {
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
    };
    try {
      return new LocalSession(
        await (typeof model === "string"
          ? ort.InferenceSession.create(model, options)
          : ort.InferenceSession.create(model, options)),
      );
    } catch (error) {
      if (device === "cpu" || !(error instanceof Error)) throw error;
      throw new MisuseError(
        `Cannot use device "${device}": ${error.message.split("\n")[0]!.replace(/^\S*\.cc:\S+ /, "")}; ${
          DEVICE_FACTS[device].remedy
        }`,
      );
    }
  }

  async dispose(): Promise<void> {
    // Sessions are their owners' to dispose of.
  }
}

const ortTensor = ({ data, shape }: Tensor): ort.Tensor => new ort.Tensor(dtypeOf(data), data, [...shape]);

class LocalSession implements Session {
  #session: ort.InferenceSession | null;
  readonly #inputs: ReadonlySet<string>;

  constructor(session: ort.InferenceSession) {
    this.#session = session;
    this.#inputs = new Set(session.inputNames);
  }

  async run(feeds: Tensors, { wanted, resident, into }: RunOptions = {}): Promise<Record<string, Tensor>> {
    if (!this.#session) throw new Error("Cannot run: the session is disposed");
    // Of the resident tensors a graph takes those that it names; every feed must be an input, which ORT does not check.
    const unknown = Object.keys(feeds).find((name) => !this.#inputs.has(name));
    if (unknown !== undefined) throw new TypeError(`Cannot run: the graph has no input "${unknown}"`);
    const needed = Object.entries(resident?.tensors() ?? {}).filter(([name]) => this.#inputs.has(name));
    const fed = [...needed, ...Object.entries(feeds)]
      .map(([name, tensor]) => [name, ortTensor(tensor)] as const);
    const outputs = into
      ? Object.fromEntries(Object.entries(into).map(([name, tensor]) => [name, ortTensor(tensor)]))
      : wanted ?? this.#session.outputNames;
    const results = await this.#session.run(Object.fromEntries(fed), outputs);
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [name, { data: tensor.data as TensorData, shape: tensor.dims }]),
    );
  }

  async dispose(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await session?.release();
  }
}

/** Gives the memory of results back at once instead of at the next garbage collection. Their data is gone afterwards. */
export function release(results: Tensors): void {
  for (const { data } of Object.values(results)) {
    if (data.buffer instanceof ArrayBuffer && !data.buffer.detached) data.buffer.transfer(0);
  }
}

/** A tensor's data as float32. Throws where it holds another type. */
export function floats(tensor: Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new TypeError("Cannot read a tensor: it must be float32");
  return tensor.data;
}

/** Version of ONNX Runtime. */
export const runtimeVersion: string = ort.env.versions.node ?? ort.env.versions.common;
