// Which sessions are kept, and which are let go.

import { deepEqual, equal, rejects } from "node:assert/strict";
import { Graph } from "../../harness/graph/ir.ts";
import type { Runtime, Session } from "../../harness/runtime/session.ts";
import { SessionCache } from "../../harness/runtime/session_cache.ts";

/** A runtime whose sessions are numbered, and which is told which of its loads fail. */
function numbered(failing: readonly number[] = []) {
  const loaded: number[] = [], freed: number[] = [];
  let count = 0;
  const runtime: Runtime = {
    ...{ device: "cpu", precision: "float32", concurrency: 1, memory: null },
    load(): Promise<Session> {
      const number = count++;
      if (failing.includes(number)) return Promise.reject(new Error(`no memory for ${number}`));
      loaded.push(number);
      return Promise.resolve({
        run: () => Promise.resolve({}),
        dispose: () => Promise.resolve(void freed.push(number)),
      });
    },
    dispose: () => Promise.resolve(),
  };
  return { runtime, loaded, freed };
}

const graph = () => new Graph();

Deno.test("SessionCache keeps the latest and frees the one that was unused for longest", async () => {
  const { runtime, loaded, freed } = numbered(), cache = new SessionCache(runtime, 2);
  for (const key of ["a", "b", "a", "c", "a"]) await cache.get(key, graph);
  deepEqual([loaded, freed], [[0, 1, 2], [1]]);
  await cache.dispose();
  deepEqual(freed.toSorted(), [0, 1, 2]);
});

Deno.test("SessionCache forgets a session that could not be built: it is built another time, and not disposed of", async () => {
  const { runtime, loaded, freed } = numbered([0]), cache = new SessionCache(runtime, 2);
  await rejects(cache.get("a", graph), /no memory for 0/);
  await cache.dispose();
  equal(freed.length, 0);
  await cache.get("a", graph);
  deepEqual(loaded, [1]);
});
