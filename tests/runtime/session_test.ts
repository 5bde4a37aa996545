import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { MisuseError } from "../../harness/base/errors.ts";
import { Graph } from "../../harness/graph/ir.ts";
import { chooseRuntime, isLarge, MANY_PASSES, passSessions } from "../../harness/runtime/choose.ts";
import { PoolRuntime } from "../../harness/runtime/pool.ts";
import {
  checkDevice,
  floats,
  LocalRuntime,
  onHost,
  Resident,
  type Runtime,
  runtimeVersion,
} from "../../harness/runtime/session.ts";
import { FakeGpu } from "../fakes/gpu.ts";
import type { Growth } from "./memory_child.ts";

/** y = x w, z = x + x. */
function productGraph(): Graph {
  const g = new Graph(), x = g.input("x", "float32", [2, 3]);
  g.output("y", g.matmul(x, g.input("w", "float32", [3, 2])));
  g.output("z", g.add(x, x));
  return g;
}
const x = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
const weights = () =>
  new Resident([
    { data: Float32Array.of(7, 7, 7, 7, 7, 7), views: [{ name: "w", shape: [3, 2], offset: 0, size: 6 }] }, // shadowed
    {
      data: Float32Array.of(9, 1, 0, 0, 1, 1, 1, 9),
      views: [{ name: "w", shape: [3, 2], offset: 1, size: 6 }, { name: "other", shape: [1], offset: 0, size: 1 }],
    },
  ]);

const RUNTIMES: Readonly<Record<string, () => Runtime>> = {
  LocalRuntime: () => new LocalRuntime({ device: "cpu", threads: 2 }),
  PoolRuntime: () => new PoolRuntime("cpu", 2),
};

for (const [name, make] of Object.entries(RUNTIMES)) {
  Deno.test(`${name} runs graphs over feeds and resident tensors, and sees them change`, async () => {
    const runtime = make(), session = await runtime.load(productGraph()), resident = weights();
    const run = async () => {
      const { y, z } = await session.run({ x }, { resident });
      return [[...floats(y)], y!.shape, [...floats(z)]];
    };
    const doubled = [2, 4, 6, 8, 10, 12];
    for (let i = 0; i < 4; i++) deepStrictEqual(await run(), [[4, 5, 10, 11], [2, 2], doubled]); // every worker
    resident.parts[1]!.data[1] = 2;
    resident.changed();
    for (let i = 0; i < 4; i++) deepStrictEqual(await run(), [[5, 5, 14, 11], [2, 2], doubled]);
    await session.dispose();
    await runtime.dispose();
  });

  Deno.test(`${name} computes wanted outputs only, keeps several sessions, and answers many runs at once in order`, async () => {
    const runtime = make(), one = await runtime.load(productGraph()), g = new Graph();
    g.output("square", g.mul(g.input("a", "float32", [1]), g.input("a", "float32", [1])));
    const other = await runtime.load(g), resident = weights();
    deepStrictEqual(Object.keys(await one.run({ x }, { resident, wanted: ["z"] })), ["z"]);
    const squares = await Promise.all(
      Array.from({ length: 9 }, (_, i) => other.run({ a: { data: Float32Array.of(i), shape: [1] } })),
    );
    deepStrictEqual(squares.map(({ square }) => floats(square)[0]), [0, 1, 4, 9, 16, 25, 36, 49, 64]);
    await Promise.all([one.dispose(), other.dispose()]);
    await runtime.dispose();
  });

  Deno.test(`${name} rejects a feed that is missing, unknown or of the wrong shape, and goes on`, async () => {
    const runtime = make(), session = await runtime.load(productGraph()), resident = weights();
    await rejects(session.run({ x }), Error);
    await rejects(session.run({ x, nonsense: x }, { resident }), /no input "nonsense"/);
    await rejects(session.run({ x: { data: new Float32Array(4), shape: [2, 2] } }, { resident }), Error);
    deepStrictEqual([...floats((await session.run({ x }, { resident })).y)], [4, 5, 10, 11]);
    await session.dispose();
    await runtime.dispose();
  });
}

Deno.test("LocalRuntime takes and gives every dtype", async () => {
  const g = new Graph();
  for (const dtype of ["float32", "int32", "int64", "bool"] as const) {
    g.output(`${dtype}.out`, g.op("Identity", [g.input(dtype, dtype, ["?"])]));
  }
  const session = await new LocalRuntime({ device: "cpu", threads: 1 }).load(g);
  const feeds = {
    float32: { data: Float32Array.of(0.5), shape: [1] },
    int32: { data: Int32Array.of(-7, 8), shape: [2] },
    int64: { data: BigInt64Array.of(2n ** 40n), shape: [1] },
    bool: { data: Uint8Array.of(1, 0), shape: [2] },
  };
  const results = await session.run(feeds);
  for (const [name, { data }] of Object.entries(feeds)) deepStrictEqual(onHost(results[`${name}.out`]).data, data);
  await session.dispose();
});

Deno.test("Session.run() fails when the session is disposed, and disposing twice is harmless", async () => {
  const session = await new LocalRuntime({ device: "cpu", threads: 1 }).load(productGraph());
  await session.dispose();
  await session.dispose();
  await rejects(session.run({ x }, { resident: weights() }), /the session is disposed/);
});

Deno.test("checkDevice() refuses a device that this build lacks, naming those it has", () => {
  checkDevice("cpu");
  if (process.platform === "linux" && process.arch === "x64") checkDevice("webgpu");
  try {
    checkDevice("cuda"); // offered where its libraries are installed
  } catch (error) {
    ok(error instanceof MisuseError && /"cuda".*offers cpu/.test(error.message));
  }
});

Deno.test("chooseRuntime() gives a small model one thread a worker, and a large one all threads in one session", async () => {
  strictEqual(isLarge(2 ** 24), true);
  const small = chooseRuntime("cpu", 2, 1000),
    single = chooseRuntime("cpu", 1, 1000),
    large = chooseRuntime("cpu", 2, 2 ** 24);
  ok(small instanceof PoolRuntime && single instanceof LocalRuntime && large instanceof LocalRuntime);
  deepStrictEqual([single.options.threads, large.options.threads], [1, 2]);
  await Promise.all([small, single, large].map((runtime) => runtime.dispose()));
});

Deno.test("passSessions() keeps few of a large model, but where sessions share a device's memory", async () => {
  const device = new FakeGpu("float32", "webgpu"), host = { memory: null };
  deepStrictEqual([passSessions(host, 2 ** 24), passSessions(host, 2 ** 24, 2)], [1, 2]);
  deepStrictEqual([passSessions(host, 1000), passSessions(device, 2 ** 24, 2)], [MANY_PASSES, MANY_PASSES]);
  await device.dispose();
});

Deno.test("a session takes a float16 tensor without elements", async () => {
  const g = new Graph(), x = g.input("x", "float32", [2, 2]), cache = g.input("cache", "float16", ["?", 2]);
  g.output("grown", g.cast(g.concat([cache, g.cast(x, "float16")], 0), "float32"));
  const session = await new LocalRuntime({ device: "cpu", threads: 1 }).load(g);
  const { grown } = await session.run({
    x: { data: Float32Array.of(1.0001, 0, 0, 1), shape: [2, 2] },
    cache: { data: new Uint16Array(0), shape: [0, 2] },
  });
  deepStrictEqual([grown!.shape, [...floats(grown)]], [[2, 2], [1, 0, 0, 1]]);
  await session.dispose();
});

Deno.test("neither results that are released nor sessions that are disposed of keep their memory", async () => {
  const child = fileURLToPath(new URL("memory_child.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(Deno.execPath(), ["run", "-A", "--no-check", child]);
  const { running, loading }: Growth = JSON.parse(stdout.trim().split("\n").at(-1)!);
  const most = 2 ** 26; // a round that kept what it takes would grow by 1.6 GB, or by 120 MB and more
  ok(running < most, `200 runs grew by ${running / 2 ** 20} MiB`);
  ok(loading < most, `30 sessions grew by ${loading / 2 ** 20} MiB`);
});

Deno.test("floats() refuses what is not float32, and runtimeVersion names a release", () => {
  throws(() => floats({ data: BigInt64Array.of(1n), shape: [1] }), { name: "TypeError", message: /must be float32/ });
  throws(() => floats(undefined), TypeError);
  notStrictEqual(/^\d+\.\d+\.\d+/.exec(runtimeVersion), null);
});
