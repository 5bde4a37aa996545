// What a model's size decides: a small one, whose weights fit the processor's cache, runs on a pool of single-threaded
// workers and keeps many sessions; a large one runs in sessions of this process whose operators share the threads, and
// keeps few. A small model's bits are the same for any number of threads; a large one's may depend on it.

import type { Precision } from "../base/device_names.ts";
import { poolConcurrency, PoolRuntime } from "./pool.ts";
import { type Device, LocalRuntime, type Runtime } from "./session.ts";
import { sessionsKept } from "./session_cache.ts";

/** Sessions that a small model may keep: backward passes hold a hundred megabytes each, decoders a few. */
export const MANY_PASSES = 4, MANY_DECODERS = 24;

/** Whether a model with so many floats of weights counts as large. */
export const isLarge = (weights: number): boolean => weights >= 2 ** 24;

/**
 * Sessions of passes that a learner keeps. On the CPU each of a large model holds gigabytes. Where weights stay on the
 * device sessions share what they took: another one costs nothing, and to make it anew for every shape costs seconds.
 * @param kinds of graphs that a pass runs
 */
export const passSessions = ({ memory }: Pick<Runtime, "memory">, weights: number, kinds = 1): number =>
  isLarge(weights) && memory === null ? kinds : MANY_PASSES;

/** Sessions of passes that a small model keeps with so many threads. */
export const passesKept = (threads: number): number =>
  sessionsKept(MANY_PASSES, threads > 1 ? poolConcurrency(threads) : 1);

/**
 * The runtime that serves a model.
 * @param options.index which of several devices; null: the first. @default null
 * @param options.precision what the model computes in. @default "float32"
 */
export function chooseRuntime(
  device: Device,
  threads: number,
  weights: number,
  { index = null, precision = "float32" }: { readonly index?: number | null; readonly precision?: Precision } = {},
): Runtime {
  if (isLarge(weights)) return new LocalRuntime({ device, threads, index, precision });
  if (device === "cpu" && threads > 1 && precision === "float32") return new PoolRuntime(device, threads);
  return new LocalRuntime({ device, threads: 1, index, precision });
}
