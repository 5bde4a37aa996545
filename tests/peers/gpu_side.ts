// Matchbox's side of gpu_bench.ts: GRPO steps of one shape on one device, as a cell runs them. It is told a Task as JSON
// and writes lines of JSON as gpu_torch.py does.

import process from "node:process";
import { modelShape, repeatedWeights } from "./shapes.ts";
import { chooseRuntime } from "../../harness/runtime/choose.ts";
import { peakMemoryBytes } from "../../harness/runtime/environment.ts";
import { runtimeVersion } from "../../harness/runtime/session.ts";
import { FixedStep } from "./fixed_step.ts";
import type { Task } from "./gpu_bench.ts";

const say = (message: unknown) => console.log(JSON.stringify(message));

/** Seconds that a piece of work takes, with what the device has still to do after it. */
async function timed<T>(steps: FixedStep, work: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now(), result = await work();
  await steps.finish();
  return [result, (performance.now() - start) / 1000];
}

try {
  const { shape, device, precision, steps, ...sizes }: Task = JSON.parse(process.argv[2] ?? ""),
    config = modelShape(shape);
  const threads = navigator.hardwareConcurrency, weights = repeatedWeights(config);
  const runtime = chooseRuntime(device, threads, weights.layout.size, {
    precision: precision === "fp16" ? "float16" : "float32",
  });
  const stepper = await FixedStep.create(runtime, config, weights, { ...sizes, threads });
  const where = runtime.memory ? "weights and caches on the device" : "weights fed with each run";
  say({
    ready: `${precision}, ${device === "cpu" ? `${threads} threads` : where}`,
    versions: { deno: Deno.version.deno, onnxruntime: runtimeVersion },
  });
  for (let step = 0; step < steps; step++) {
    const [batch, rollout] = await timed(stepper, () => stepper.rollOut(step));
    const [, update] = await timed(stepper, () => stepper.update(batch));
    say({ rollout, update });
  }
  say({ peakBytes: await peakMemoryBytes() });
  process.exit(0); // a driver's threads may not end
} catch (error) {
  say({ error: error instanceof Error ? error.message.split("\n")[0] : `${error}` });
  process.exit(1);
}
