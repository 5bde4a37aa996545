// A policy with an adapter merged into it: W + (alpha / rank) B A, made once an update, beside the policy's own weights,
// which stay as they are. Sampler and trainer both compute with the merged weights, so that they are one engine with an
// adapter as they are without: decoding costs nothing more, and the trainer's backward pass knows what was merged (the
// op MergedLinear). The price is a second copy of the adapted matrices. The policy's own weights are the reference of a
// KL penalty and what an embedder of the initial policy takes, without another copy. An adapter that others trained is
// merged into a policy for good (mergeFolder), one matrix after the other.

import { availableParallelism } from "node:os";
import { Graph } from "../graph/ir.ts";
import { isLarge } from "../runtime/choose.ts";
import { type DeviceMemory, onDevice } from "../runtime/device_memory.ts";
import {
  type DeviceTensor,
  floats,
  LocalRuntime,
  release,
  Resident,
  type ResidentPart,
  type Runtime,
  type Session,
  type Tensor,
} from "../runtime/session.ts";
import type { ModelConfig } from "./config.ts";
import { type AdapterOptions, initialAdapter, matrixNames, type Target, targetsOf } from "./lora.ts";
import { type Layout, type Parameter, parameterView, type Weights } from "./layout.ts";
import { openAdapter, readAdapterConfig } from "./adapter_folder.ts";
import { fusedWeights, residentWeights } from "./transformer.ts";

/** W + scale B A for W [out, in], of any size. */
function mergeGraph(rank: number, scale: number): Graph {
  const g = new Graph();
  const [w, a, b] = [
    g.input("w", "float32", ["?", "?"]),
    g.input("a", "float32", [rank, "?"]),
    g.input("b", "float32", ["?", rank]),
  ];
  const scaled = g.transpose(g.mul(b, g.scalar(scale)), [1, 0]);
  g.output("merged", g.op("WeightGradient", [scaled, a, w])); // a product that adds to what is there
  return g;
}

/** Where the host merges: the arithmetic of a small policy does not depend on the threads. */
const hostFor = ({ layout }: Weights, threads: number) =>
  new LocalRuntime({ device: "cpu", threads: isLarge(layout.size) ? threads : 1 });

const matrix = (data: Float32Array, shape: readonly number[]): Tensor => ({ data, shape });

/**
 * Merges the adapter of a folder into a policy's weights, on the host: what a cell that trained it there computed with,
 * to the bit.
 * @throws as readAdapterConfig and openAdapter do
 */
export async function mergeFolder(policy: Weights, folder: string): Promise<void> {
  const config = await readAdapterConfig(folder), { rank, scale } = config;
  const targets = await openAdapter(folder, config, policy.layout);
  const session = await hostFor(policy, availableParallelism()).load(mergeGraph(rank, scale));
  for (const { weight: { name, shape }, a, b } of targets) {
    const w = parameterView(policy, name);
    const results = await session.run({
      w: matrix(w, shape),
      a: matrix(await a.read(), a.shape),
      b: matrix(await b.read(), b.shape),
    });
    w.set(floats(results["merged"]));
    release(results);
  }
  await session.dispose();
}

/** An adapter over a policy that stays as it is. */
export class MergedAdapter {
  /** What is trained: A and B. Call {@linkcode merge} after writing to them. */
  readonly weights: Weights;
  /** The merged weights as sampler and trainer take them, and A and B. */
  readonly resident: Resident;
  readonly #merged: ReadonlyMap<string, Float32Array>;
  /** The policy's own weights, for a device that merges by itself. */
  readonly #base: Resident;

  private constructor(
    private readonly runtime: Runtime,
    private readonly session: Session,
    private readonly policy: Weights,
    private readonly targets: readonly Target[],
    readonly options: AdapterOptions,
    weights: Weights,
  ) {
    const part = copyAdapted(policy, targets);
    this.weights = weights;
    this.#base = residentWeights(policy);
    this.resident = new Resident([...this.#base.parts, part, {
      data: weights.data,
      views: weights.layout.parameters,
    }]);
    this.#merged = new Map(
      part.views.map(({ name, offset, size }) => [name, part.data.subarray(offset, offset + size)]),
    );
  }

  /**
   * A fresh adapter.
   * @param policy is written to by {@linkcode intoPolicy} alone
   * @param options.seed of A
   * @param options.device merges where the weights stay on it. @default undefined: the host does
   */
  static async create(
    config: ModelConfig,
    policy: Weights,
    options: AdapterOptions,
    { seed, threads, device }: { readonly seed: number; readonly threads: number; readonly device?: Runtime },
  ): Promise<MergedAdapter> {
    const runtime = device?.memory ? device : hostFor(policy, threads), { rank, alpha } = options;
    const session = await runtime.load(mergeGraph(rank, alpha / rank), ["merged"]);
    const targets = targetsOf(config, options.targets);
    return new MergedAdapter(runtime, session, policy, targets, options, initialAdapter(config, options, seed));
  }

  /** Merges A and B as they are now, on the device those that are there. */
  async merge(): Promise<void> {
    if (this.runtime.memory) return await this.#mergeThere(this.runtime.memory);
    for (const { module, weight: { name, shape } } of this.targets) {
      const { a, b } = matrixNames(module), { rank } = this.options;
      const results = await this.session.run({
        w: matrix(parameterView(this.policy, name), shape),
        a: matrix(parameterView(this.weights, a), [rank, shape[1]!]),
        b: matrix(parameterView(this.weights, b), [shape[0]!, rank]),
      }, { into: { merged: matrix(this.#merged.get(name)!, shape) } });
      release(results);
    }
    this.resident.changed();
  }

  async #mergeThere(memory: DeviceMemory): Promise<void> {
    for (const { module, weight: { name, shape } } of this.targets) {
      const { a, b } = matrixNames(module), { rank } = this.options;
      const trained = new Map(await memory.hold(this.resident, new Set([a, b, name])));
      const [[, w]] = await memory.hold(this.#base, new Set([name])) as [[string, DeviceTensor]];
      const results = await this.session.run({
        w: w.reshaped(shape),
        a: onDevice(trained.get(a)).reshaped([rank, shape[1]!]),
        b: onDevice(trained.get(b)).reshaped([shape[0]!, rank]),
      });
      memory.replace(this.resident, name, onDevice(results.merged));
    }
  }

  /** Writes the merged weights into the policy, which is another one then: there is nothing to adapt any more. */
  intoPolicy(): void {
    for (const { weight: { name } } of this.targets) parameterView(this.policy, name).set(this.#merged.get(name)!);
  }

  dispose(): Promise<void> {
    return this.session.dispose();
  }
}

/** What is copied: the weights that are adapted, and those that a decoder reads as one with them (query, key and value). */
function adaptedBlocks(layout: Layout, targets: readonly Target[]) {
  const starts = new Set(targets.map(({ weight }) => weight.offset));
  const within = (p: Parameter, { offset, size }: { readonly offset: number; readonly size: number }) =>
    p.offset >= offset && p.offset < offset + size;
  return fusedWeights(layout).map((block) => ({
    block,
    parts: layout.parameters.filter((parameter) => within(parameter, block)),
  })).filter(({ parts }) => parts.some(({ offset }) => starts.has(offset)));
}

/** Floats of the second copy. */
export function mergedSize(config: ModelConfig, layout: Layout, { targets }: AdapterOptions): number {
  return adaptedBlocks(layout, targetsOf(config, targets)).reduce((sum, { block }) => sum + block.size, 0);
}

function copyAdapted({ layout, data }: Weights, targets: readonly Target[]): ResidentPart {
  const blocks = adaptedBlocks(layout, targets);
  const copy = new Float32Array(blocks.reduce((sum, { block }) => sum + block.size, 0));
  let at = 0;
  const views = blocks.flatMap(({ block, parts }) => {
    copy.set(data.subarray(block.offset, block.offset + block.size), at);
    const moved = [...parts, block].map(({ name, shape, offset, size }) => (
      { name, shape, offset: at + offset - block.offset, size }
    ));
    at += block.size;
    return moved;
  });
  return { data: copy, views };
}
