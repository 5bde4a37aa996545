// The program that tries a device, in a process of its own: a driver may crash, hang, or print what it likes. Facts go to
// standard output as they are found, one JSON object a line; what fails ends the process, and what the driver and ONNX
// Runtime said of it stands on standard error.

import process from "node:process";
import { findAdapter } from "./adapter.ts";
import { type Device, DEVICE_FACTS } from "./devices.ts";
import type { ProbeFact, ProbeTask } from "./probe.ts";
import { probeGraph, type ProbeShape, probeTokens, SMALL } from "./probe_graph.ts";
import { floats, LocalRuntime, release, type Session } from "./session.ts";

const task: ProbeTask = JSON.parse(process.argv[2] ?? ""); // probe.ts wrote it
const tell = (fact: ProbeFact) => console.log(JSON.stringify(fact));

const attends = DEVICE_FACTS[task.device].target === "webgpu";

const load = (device: Device, shape: ProbeShape, timed: boolean): Promise<Session> => {
  const { threads, index } = task;
  return new LocalRuntime({ device, threads, index: device === task.device ? index : null })
    .load(probeGraph(shape, { timed, attends }), [], device === task.device ? task.precision : "float32");
};
const feedsOf = (shape: ProbeShape) => ({ tokens: { data: probeTokens(shape), shape: [shape.rows] } });

/** The output that differs most from the CPU's, relative to its largest value. */
async function worstOutput(): Promise<ProbeFact> {
  const [expected, found] = await Promise.all(
    (["cpu", task.device] as const).map(async (device) => (await load(device, SMALL, false)).run(feedsOf(SMALL))),
  );
  const outputs = Object.keys(expected!).map((output) => {
    const [a, b] = [floats(found![output]), floats(expected![output])];
    const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const off = b.reduce((most, value, i) => {
      const error = Math.abs(a[i]! - value) / largest;
      return error <= most ? most : Number.isNaN(error) ? Infinity : error;
    }, 0);
    return { output, error: Math.min(off, Number.MAX_VALUE) }; // JSON has no infinity
  });
  return { type: "numbers", ...outputs.reduce((worst, one) => one.error > worst.error ? one : worst) };
}

/**
 * Rows that are drawn side by side. A step of GRPO draws a hundred tokens of so many rows and then trains on some dozens of
 * batches: both times count alike, and a device whose launches cost more than a small model's products shows it here.
 */
const ROWS_DRAWN = 64;

/** Seconds of a run once kernels are compiled and weights are there: the shortest of some. */
async function seconds(shape: ProbeShape): Promise<number> {
  const session = await load(task.device, shape, true), feeds = feedsOf(shape);
  let least = Infinity;
  for (let run = 0; run < 4; run++) {
    const start = performance.now();
    release(await session.run(feeds));
    if (run > 0) least = Math.min(least, (performance.now() - start) / 1000);
  }
  return least;
}

if (task.device !== "cpu") {
  tell(await worstOutput());
  const adapter = await findAdapter(task.device, task.index).catch(() => null);
  if (adapter) tell({ type: "adapter", ...adapter });
}
if (task.timed) {
  const many = await seconds(task.timed), few = await seconds({ ...task.timed, rows: ROWS_DRAWN });
  tell({ type: "time", seconds: many + few });
}
process.exit(0); // a driver's threads may not end
