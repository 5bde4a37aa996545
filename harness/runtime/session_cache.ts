// Sessions by the shape that they were built for. A session keeps the memory that its largest run took, so a cache holds
// few of a large model and lets the one unused for longest go.

import type { Graph } from "../graph/ir.ts";
import type { Runtime, Session } from "./session.ts";

/** Builds sessions on demand and keeps the latest. */
export class SessionCache {
  /** In the order of last use. */
  readonly #sessions = new Map<string, Promise<Session>>();

  readonly #capacity: number;

  /** @param capacity sessions kept; a runtime that runs several at once keeps at least two for each of them */
  constructor(private readonly runtime: Runtime, capacity: number) {
    this.#capacity = runtime.concurrency > 1 ? Math.max(capacity, 2 * runtime.concurrency) : capacity;
  }

  /** The session of a key, built by `graph` where there is none. */
  async get(key: string, graph: () => Graph): Promise<Session> {
    const known = this.#sessions.get(key);
    this.#sessions.delete(key);
    while (this.#sessions.size >= this.#capacity) {
      const [oldest, session] = this.#sessions.entries().next().value!;
      this.#sessions.delete(oldest);
      await (await session).dispose();
    }
    const session = known ?? this.runtime.load(graph());
    this.#sessions.set(key, session);
    return session;
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).dispose();
    this.#sessions.clear();
  }
}
