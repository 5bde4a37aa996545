// Learning-rate schedules with linear warm-up, as transformers' get_{constant,linear,cosine}_schedule_with_warmup
// (transformers/optimization.py) define them, with half a cosine. Warm-up takes ceil(warmup * updates) updates and
// starts at 0, as there: with warm-up, the very first update does not move the weights.

import type { Config } from "../config.ts";

/**
 * Learning rate of the update at `step`, counted from 0. All optimizer steps on one batch share it.
 * @throws RangeError outside [0, rl.updates)
 */
export function learningRate(
  rl: Pick<Config["rl"], "updates" | "warmup" | "schedule" | "learningRate">,
  step: number,
): number {
  const { updates, schedule, learningRate: peak } = rl;
  if (!Number.isInteger(step) || step < 0 || step >= updates) {
    throw new RangeError(`Cannot schedule a learning rate: step ${step} must be an integer in [0, ${updates})`);
  }
  const warmup = Math.ceil(rl.warmup * updates);
  if (step < warmup) return peak * (step / warmup);
  const progress = (step - warmup) / (updates - warmup); // [0, 1)
  switch (schedule) {
    case "constant":
      return peak;
    case "linear":
      return peak * (1 - progress);
    case "cosine":
      return peak * 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}
