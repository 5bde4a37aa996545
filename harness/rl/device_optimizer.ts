// AdamW where the weights stay on the device: gradients are added up, clipped and applied there, tensor by tensor, so
// that a step's memory grows by one tensor at a time. A step brings one number to the host, the gradient's norm. The
// arithmetic is optimizer.ts's; the norm is summed in float32, rows first.

import { Graph } from "../graph/ir.ts";
import { type Parameter, parameterView, type Weights } from "../model/layout.ts";
import { type DeviceMemory, onDevice } from "../runtime/device_memory.ts";
import {
  type AnyTensors,
  type DeviceTensor,
  floats,
  Resident,
  type Runtime,
  type Session,
} from "../runtime/session.ts";
import { adamwGraph, type AdamWOptions, one, type Optimizer, stepNumbers } from "./optimizer.ts";
import { gradientName } from "./train_graph.ts";

function sumGraph(): Graph {
  const g = new Graph();
  g.output("sum", g.add(g.input("a", "float32", ["?"]), g.input("b", "float32", ["?"])));
  return g;
}

const matrixOf = ({ shape }: Parameter): readonly number[] => shape.length === 1 ? [1, ...shape] : shape;

/** The sum of all squares. A provider adds up a long axis in one thread: rows are summed side by side, then their sums. */
function squaresGraph({ layout }: Weights): Graph {
  const g = new Graph();
  const squares = layout.parameters.map((parameter) => {
    const x = g.input(parameter.name, "float32", matrixOf(parameter));
    return g.sum(g.sum(g.mul(x, x), [1], false), [0], true); // [1]
  });
  g.output("squares", squares.reduce(g.add));
  return g;
}

/** What the results of an update are called, and where they go. */
const STATE = { newWeights: "", newFirst: "first.", newSecond: "second." } as const;

/** See the head of this file. */
export class DeviceAdamW implements Optimizer {
  readonly first: Float32Array;
  readonly second: Float32Array;
  steps = 0;
  /** Both moments, as tensors named after those that they belong to. */
  readonly #moments: Resident;
  #gradient: Map<string, DeviceTensor> | null = null;

  private constructor(
    private readonly memory: DeviceMemory,
    private readonly sessions: Readonly<Record<"add" | "squares" | "update", Session>>,
    private readonly weights: Weights,
    private readonly resident: Resident,
    private readonly options: AdamWOptions,
  ) {
    const { size, parameters } = weights.layout;
    this.first = new Float32Array(size);
    this.second = new Float32Array(size);
    const part = (data: Float32Array, prefix: string) => ({
      data,
      views: parameters.map((parameter) => ({ ...parameter, name: `${prefix}${parameter.name}` })),
    });
    this.#moments = new Resident([part(this.first, STATE.newFirst), part(this.second, STATE.newSecond)]);
  }

  /** @param resident holds the weights under their names */
  static async create(
    runtime: Runtime,
    memory: DeviceMemory,
    weights: Weights,
    resident: Resident,
    options: AdamWOptions,
  ): Promise<DeviceAdamW> {
    const sessions = {
      add: await runtime.load(sumGraph(), ["sum"]),
      squares: await runtime.load(squaresGraph(weights)),
      update: await runtime.load(adamwGraph(options), Object.keys(STATE)),
    };
    return new DeviceAdamW(memory, sessions, weights, resident, options);
  }

  async add(results: AnyTensors): Promise<void> {
    const gradients = this.weights.layout.parameters
      .map(({ name, size }) => [name, onDevice(results[gradientName(name)]).reshaped([size])] as const);
    if (!this.#gradient) {
      this.#gradient = new Map(gradients);
      return;
    }
    for (const [name, more] of gradients) {
      const before = this.#gradient.get(name)!;
      const { sum } = await this.sessions.add.run({ a: before, b: more });
      this.#gradient.set(name, onDevice(sum));
      before.dispose();
      more.dispose();
    }
  }

  async step(learningRate: number, scale = 1): Promise<number> {
    const gradient = this.#gradient;
    if (!gradient) throw new Error("Cannot step: no gradient was added");
    const { parameters } = this.weights.layout;
    const matrices = parameters.map((parameter) => {
      return [parameter.name, gradient.get(parameter.name)!.reshaped(matrixOf(parameter))] as const;
    });
    const { squares } = await this.sessions.squares.run(Object.fromEntries(matrices));
    const norm = Math.sqrt(floats(squares)[0]!) / scale;
    if (Number.isFinite(norm)) await this.#step(gradient, norm, learningRate, scale);
    for (const tensor of gradient.values()) tensor.dispose();
    this.#gradient = null;
    return norm;
  }

  async #step(
    gradient: ReadonlyMap<string, DeviceTensor>,
    norm: number,
    learningRate: number,
    scale: number,
  ): Promise<void> {
    const { memory, weights: { layout }, resident } = this;
    this.steps++;
    const numbers = stepNumbers(this.options, this.steps, norm, learningRate, scale);
    const decays = one(1 - learningRate * this.options.weightDecay), stays = one(1);
    const [weights, moments] = await this.#held();
    for (const { name, offset, size } of layout.parameters) {
      const flat = (tensor: DeviceTensor | undefined) => onDevice(tensor).reshaped([size]);
      const results = await this.sessions.update.run({
        ...numbers,
        decay: offset < layout.decayed ? decays : stays,
        gradient: flat(gradient.get(name)),
        weights: flat(weights.get(name)),
        first: flat(moments.get(`${STATE.newFirst}${name}`)),
        second: flat(moments.get(`${STATE.newSecond}${name}`)),
      });
      memory.replace(resident, name, onDevice(results.newWeights));
      for (const moment of ["newFirst", "newSecond"] as const) {
        memory.replace(this.#moments, `${STATE[moment]}${name}`, onDevice(results[moment]));
      }
    }
  }

  async settle(): Promise<void> {
    if (this.steps === 0) return;
    const { memory, weights } = this, [held, moments] = await this.#held();
    for (const { name, offset, size } of weights.layout.parameters) {
      await memory.download(onDevice(held.get(name)), parameterView(weights, name));
      const moment = (prefix: string, data: Float32Array) =>
        memory.download(onDevice(moments.get(`${prefix}${name}`)), data.subarray(offset, offset + size));
      await moment(STATE.newFirst, this.first);
      await moment(STATE.newSecond, this.second);
    }
  }

  changed(): void {
    this.#moments.changed();
  }

  async dispose(): Promise<void> {
    for (const tensor of this.#gradient?.values() ?? []) tensor.dispose();
    this.memory.drop(this.#moments);
    for (const session of Object.values(this.sessions)) await session.dispose();
  }

  /** The device's weights and moments by name; what the host has changed goes up first. */
  async #held(): Promise<[Map<string, DeviceTensor>, Map<string, DeviceTensor>]> {
    const names = this.weights.layout.parameters.map(({ name }) => name);
    const of = (prefix: string) => names.map((name) => `${prefix}${name}`);
    return [
      new Map(await this.memory.hold(this.resident, new Set(names))),
      new Map(await this.memory.hold(this.#moments, new Set([...of(STATE.newFirst), ...of(STATE.newSecond)]))),
    ];
  }
}
