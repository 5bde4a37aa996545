// What stays on a device between runs: tensors that many runs take, uploaded once a change instead of once a run, and
// whatever outputs were told to stay. onnxruntime-node gives no way to write or read a device's buffer, so a graph that
// does nothing takes a tensor up (its output stays) and brings one down (its output does not). It lets outputs stay on
// WebGPU alone: its binding knows the buffers of no other provider.
//
// Of a tensor that float16 products take there is a rounded copy beside it, made once a change: to round the weights in
// every run would cost a decoder more than float16 spares it.

import { type Dtype, Graph } from "../graph/ir.ts";
import { halfName } from "../graph/lower.ts";
import { DeviceTensor, floats, release, type Resident, type Runtime, type Session, type Tensor } from "./session.ts";

function copyGraph(dtype: Dtype = "float32"): Graph {
  const g = new Graph(), tensor = g.input("tensor", "float32", ["?"]);
  g.output("copy", dtype === "float32" ? g.op("Identity", [tensor]) : g.cast(tensor, dtype));
  return g;
}

/** Memory of one runtime's device. */
export class DeviceMemory {
  readonly #held = new Map<Resident, { version: number; readonly tensors: Map<string, DeviceTensor> }>();
  #copying: Promise<{ readonly up: Session; readonly down: Session }> | null = null;
  #rounding: Promise<Session> | null = null;

  constructor(private readonly runtime: Pick<Runtime, "load">) {}

  /** A float32 tensor's copy on the device. */
  async upload({ data, shape }: Tensor): Promise<DeviceTensor> {
    const { copy } = await (await this.#sessions()).up.run({ tensor: { data, shape: [data.length] } });
    return onDevice(copy).reshaped(shape);
  }

  /** Copies a float32 tensor of the device into memory of the host, which must have its size. */
  async download(tensor: DeviceTensor, into: Float32Array): Promise<void> {
    const results = await (await this.#sessions()).down.run({ tensor: tensor.reshaped([into.length]) });
    into.set(floats(results.copy));
    release(results);
  }

  /**
   * The device's copies of those tensors of a resident that are named; they are made where there is none of its version.
   * A name of {@linkcode halfName} is a tensor's copy in float16. All belong to this memory. What is newer on the device
   * than on the host replaces them by {@linkcode replace}.
   */
  async hold(resident: Resident, names: ReadonlySet<string>): Promise<[string, DeviceTensor][]> {
    let held = this.#held.get(resident);
    if (!held || held.version !== resident.version) {
      this.drop(resident);
      held = { version: resident.version, tensors: new Map() };
      this.#held.set(resident, held);
    }
    const { tensors } = held;
    for (const [name, tensor] of Object.entries(resident.tensors())) {
      if (names.has(name) && !tensors.has(name)) tensors.set(name, await this.upload(tensor));
      const rounded = halfName(name);
      if (names.has(rounded) && !tensors.has(rounded)) {
        tensors.set(rounded, await this.#round(tensors.get(name), tensor));
      }
    }
    return [...tensors].filter(([name]) => names.has(name));
  }

  /** Makes a tensor the newest of a resident that is held, in place of the one of this name, which is disposed of. */
  replace(resident: Resident, name: string, tensor: DeviceTensor): void {
    const tensors = this.#held.get(resident)?.tensors, previous = tensors?.get(name);
    if (!tensors || !previous) throw new Error(`Cannot replace "${name}": it is not held`);
    tensors.set(name, tensor.reshaped(previous.shape));
    previous.dispose();
    tensors.get(halfName(name))?.dispose(); // made again when it is asked for
    tensors.delete(halfName(name));
  }

  /** The float16 copy of what is held, or else of the host's, whose float32 copy does not stay. */
  async #round(held: DeviceTensor | undefined, host: Tensor): Promise<DeviceTensor> {
    const tensor = held ?? await this.upload(host);
    const session = await (this.#rounding ??= this.runtime.load(copyGraph("float16"), ["copy"]));
    const { copy } = await session.run({ tensor: tensor.reshaped([host.data.length]) });
    if (!held) tensor.dispose();
    return onDevice(copy).reshaped(host.shape);
  }

  /** Gives the memory of a resident's copies back. */
  drop(resident: Resident): void {
    for (const tensor of this.#held.get(resident)?.tensors.values() ?? []) tensor.dispose();
    this.#held.delete(resident);
  }

  async dispose(): Promise<void> {
    for (const resident of [...this.#held.keys()]) this.drop(resident);
    const sessions = await this.#copying;
    this.#copying = null;
    await sessions?.up.dispose();
    await sessions?.down.dispose();
    await (await this.#rounding)?.dispose();
    this.#rounding = null;
  }

  #sessions(): Promise<{ up: Session; down: Session }> {
    const make = async () => ({
      up: await this.runtime.load(copyGraph(), ["copy"]),
      down: await this.runtime.load(copyGraph()),
    });
    return this.#copying ??= make();
  }
}

/** A result that stayed on the device. */
export function onDevice(tensor: unknown): DeviceTensor {
  if (!(tensor instanceof DeviceTensor)) throw new TypeError("Cannot keep a tensor: it is not on the device");
  return tensor;
}
