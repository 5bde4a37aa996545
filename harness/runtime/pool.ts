// A runtime of several workers with one thread each: runs of a small model go side by side. Two single threads beat two
// threads that share every small operator, and what a run computes does not depend on how many workers there are.
// Resident tensors are copied to a worker when they have changed since it last ran.

import type { Graph } from "../graph/ir.ts";
import {
  type AnyTensors,
  checkDevice,
  type Device,
  modelBytes,
  onHost,
  type Resident,
  type RunOptions,
  type Runtime,
  type Session,
  type Tensor,
  type Tensors,
} from "./session.ts";

/** What a worker is told. */
export type PoolRequest =
  | { readonly type: "load"; readonly session: number; readonly model: Uint8Array; readonly device: Device }
  | { readonly type: "resident"; readonly resident: number; readonly parts: Resident["parts"] }
  | {
    readonly type: "run";
    readonly session: number;
    readonly feeds: Tensors;
    readonly wanted: readonly string[] | null;
    readonly resident: number | null;
  }
  | { readonly type: "dispose"; readonly session: number };

/** What it answers, in order: one answer a request. */
export type PoolAnswer =
  | { readonly type: "done"; readonly results: Record<string, Tensor> | null }
  | { readonly type: "error"; readonly message: string };

/** One worker: requests are answered one after the other. */
class Member {
  readonly #worker = new Worker(new URL("./pool_worker.ts", import.meta.url), { type: "module" });
  readonly #waiting: { resolve: (results: Record<string, Tensor> | null) => void; reject: (error: Error) => void }[] =
    [];
  /** Version of each resident that it holds. */
  readonly #held = new Map<number, number>();

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<PoolAnswer>) => {
      const next = this.#waiting.shift()!;
      if (data.type === "done") next.resolve(data.results);
      else next.reject(new Error(data.message));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(event.message));
    };
  }

  get load(): number {
    return this.#waiting.length;
  }

  ask(request: PoolRequest, transfer: Transferable[] = []): Promise<Record<string, Tensor> | null> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request, transfer);
    });
  }

  /** Brings its copy of a resident up to date. */
  async hold(id: number, { version, parts }: Resident): Promise<void> {
    if (this.#held.get(id) === version) return;
    this.#held.set(id, version);
    const copies = parts.map(({ data, views }) => ({ data: data.slice(), views }));
    await this.ask({ type: "resident", resident: id, parts: copies }, copies.map(({ data }) => data.buffer));
  }

  terminate(): void {
    this.#worker.terminate();
  }
}

/** Runs under way in a pool of so many workers. */
export const poolConcurrency = (workers: number): number => 2 * workers;

/** See the head of this file. */
export class PoolRuntime implements Runtime {
  readonly memory = null;
  readonly precision = "float32";
  readonly #members: readonly Member[];
  readonly #residents = new Map<Resident, number>();
  #sessions = 0;

  constructor(readonly device: Device, workers: number) {
    checkDevice(device);
    this.#members = Array.from({ length: workers }, () => new Member());
  }

  /** Twice the workers: one run waits while its worker is busy, so that none idles between two. */
  get concurrency(): number {
    return poolConcurrency(this.#members.length);
  }

  async load(graph: Graph): Promise<Session> {
    const session = this.#sessions++, model = modelBytes(graph, this.device);
    await Promise.all(this.#members.map((member) => member.ask({ type: "load", session, model, device: this.device })));
    return {
      run: (feeds, options) => this.#run(session, feeds, options),
      dispose: async () => {
        await Promise.all(this.#members.map((member) => member.ask({ type: "dispose", session })));
      },
    };
  }

  async #run(
    session: number,
    feeds: AnyTensors,
    { wanted, resident, consumed = [] }: RunOptions = {},
  ): Promise<Record<string, Tensor>> {
    const host = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, onHost(tensor)]));
    const member = this.#members.reduce((idlest, other) => other.load < idlest.load ? other : idlest);
    const id = resident ? this.#residents.get(resident) ?? this.#residents.size : null;
    if (resident) this.#residents.set(resident, id!);
    // Not awaited apart: the worker answers in order, and another run must not slip in between.
    const held = resident ? member.hold(id!, resident) : Promise.resolve();
    const given = consumed.map((name) => host[name]!.data.buffer as ArrayBuffer);
    const ran = member.ask({ type: "run", session, feeds: host, wanted: wanted ?? null, resident: id }, given);
    return (await Promise.all([ran, held]))[0]!;
  }

  async dispose(): Promise<void> {
    for (const member of this.#members) member.terminate();
    await Promise.resolve();
  }
}
