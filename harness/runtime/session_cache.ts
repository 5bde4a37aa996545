// Sessions by the shape that they were built for. A session keeps the memory that its largest run took, so a cache holds
// few of a large model and lets the one unused for longest go.

import type { Precision } from "../base/device_names.ts";
import type { Graph } from "../graph/ir.ts";
import type { Runtime, Session } from "./session.ts";

/** Sessions that are kept where so many are wanted: no fewer than a runtime that runs several at once needs. */
export const sessionsKept = (capacity: number, concurrency: number): number =>
  concurrency > 1 ? Math.max(capacity, concurrency + 2) : capacity;

/** Builds sessions on demand and keeps the latest. */
export class SessionCache {
  /** In the order of last use. */
  readonly #sessions = new Map<string, Promise<Session>>();

  readonly #capacity: number;

  /**
   * @param capacity see {@linkcode sessionsKept}
   * @param precision of the graphs' products. @default "float32"
   */
  constructor(private readonly runtime: Runtime, capacity: number, private readonly precision?: Precision) {
    this.#capacity = sessionsKept(capacity, runtime.concurrency);
  }

  /**
   * The session of a key, built by `graph` where there is none. What is let go is freed before it returns.
   * @param stay outputs that stay on the device
   */
  async get(key: string, graph: () => Graph, stay?: (graph: Graph) => readonly string[]): Promise<Session> {
    const session = this.#sessions.get(key) ?? this.#load(graph(), stay);
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    while (this.#sessions.size > this.#capacity) {
      const [oldest, unused] = this.#sessions.entries().next().value!;
      this.#sessions.delete(oldest);
      await (await unused).dispose();
    }
    try {
      return await session;
    } catch (error) {
      this.#sessions.delete(key); // it may be built another time, and nothing is there to free
      throw error;
    }
  }

  #load(graph: Graph, stay?: (graph: Graph) => readonly string[]): Promise<Session> {
    return this.runtime.load(graph, this.runtime.memory ? stay?.(graph) : undefined, this.precision);
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).dispose();
    this.#sessions.clear();
  }
}
