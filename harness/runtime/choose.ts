// Which runtime serves a model: a pool of single-threaded workers where its weights fit the processor's cache, sessions
// of this process whose operators share the threads where they do not. Both compute the same bits for any number of
// workers; a large model's may depend on its number of threads.

import { PoolRuntime } from "./pool.ts";
import { type Device, LocalRuntime, type Runtime } from "./session.ts";

/** From this many floats of weights on a model counts as large. */
export const LARGE_MODEL = 2 ** 24;

export function chooseRuntime(device: Device, threads: number, weights: number): Runtime {
  const pooled = device === "cpu" && threads > 1 && weights < LARGE_MODEL;
  return pooled
    ? new PoolRuntime(device, threads)
    : new LocalRuntime({ device, threads: weights < LARGE_MODEL ? 1 : threads });
}
