// By how many bytes a process grows while sessions are run, and while they are loaded and disposed of: in a process of its
// own, because what other tests leave to the garbage collector is more than what is looked for.

import { strictEqual } from "node:assert/strict";
import process from "node:process";
import { Graph } from "../../harness/graph/ir.ts";
import { floats, LocalRuntime, modelBytes, release } from "../../harness/runtime/session.ts";

/** What the parent checks. */
export interface Growth {
  /** Over 200 runs that return 8 MB each, released. */
  readonly running: number;
  /** Over 30 sessions with 4 MB each. */
  readonly loading: number;
}

const runtime = new LocalRuntime({ device: "cpu", threads: 1 });

async function growthOf(round: () => Promise<void>): Promise<number> {
  for (let i = 0; i < 3; i++) await round();
  const before = process.memoryUsage().rss;
  await round();
  return process.memoryUsage().rss - before;
}

function runs(): () => Promise<void> {
  const g = new Graph(), feeds = { a: { data: Float32Array.of(1), shape: [1] } };
  g.output("large", g.expand(g.input("a", "float32", [1]), [2 ** 21]));
  const loaded = runtime.load(g);
  return async () => {
    for (let i = 0; i < 200; i++) {
      const results = await (await loaded).run(feeds);
      release(results);
      release(results);
      strictEqual(floats(results.large).length, 0);
    }
  };
}

function loads(): () => Promise<void> {
  const g = new Graph(), table = g.constant(new Float32Array(2 ** 20).fill(1), [2 ** 20]);
  g.output("sum", g.sum(g.mul(table, g.input("a", "float32", [1])), [0], false));
  const model = modelBytes(g, "cpu");
  return async () => {
    for (let i = 0; i < 30; i++) {
      const session = await runtime.loadModel(model);
      const { sum } = await session.run({ a: { data: Float32Array.of(2), shape: [1] } });
      strictEqual(floats(sum)[0], 2 ** 21);
      await session.dispose();
    }
  };
}

const growth: Growth = { running: await growthOf(runs()), loading: await growthOf(loads()) };
console.log(JSON.stringify(growth));
