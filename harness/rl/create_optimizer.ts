// Where a policy's optimizer works: beside the weights.

import type { Weights } from "../model/layout.ts";
import type { Resident, Runtime } from "../runtime/session.ts";
import { DeviceAdamW } from "./device_optimizer.ts";
import { AdamW, type AdamWOptions, type Optimizer } from "./optimizer.ts";

/** An optimizer of weights that are trained through a runtime, where `resident` holds them under their names. */
export function createOptimizer(
  runtime: Runtime,
  weights: Weights,
  resident: Resident,
  options: AdamWOptions,
  threads: number,
): Promise<Optimizer> {
  return runtime.memory
    ? DeviceAdamW.create(runtime, runtime.memory, weights, resident, options)
    : AdamW.create(weights, options, threads);
}
