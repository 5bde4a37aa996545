// Learning-rate schedules with linear warm-up, as transformers' get_{constant,linear,cosine}_schedule_with_warmup
// (transformers/optimization.py) define them, with half a cosine. Warm-up takes ceil(warmup * updates) updates and
// starts at 0, as there: with warm-up, the very first update does not move the weights.

// A budget of tokens has no number of updates to count in: its share that is used up takes their place.

import type { Config } from "../config.ts";

type Budget = Pick<Config["rl"], "updates" | "tokens">;

/** Whether a cell's budget is used up. */
export function isSpent(budget: Budget, updates: number, tokens: number): boolean {
  return budget.tokens > 0 ? tokens >= budget.tokens : updates >= budget.updates;
}

/** Share of a cell's budget that is used up, [0, 1]. */
export function budgetUsed(budget: Budget, updates: number, tokens: number): number {
  if (budget.tokens > 0) return Math.min(1, tokens / budget.tokens);
  return budget.updates > 0 ? Math.min(1, updates / budget.updates) : 1;
}

/**
 * Learning rate of the update at `step`, counted from 0, when so many tokens have been used. All optimizer steps on one
 * batch share it.
 * @throws RangeError where the budget is spent
 */
export function learningRate(
  rl: Budget & Pick<Config["rl"], "warmup" | "schedule" | "learningRate">,
  step: number,
  tokens = 0,
): number {
  const { schedule, learningRate: peak } = rl;
  if (!Number.isInteger(step) || step < 0 || isSpent(rl, step, tokens)) {
    const budget = rl.tokens > 0 ? `${rl.tokens} tokens` : `${rl.updates} updates`;
    throw new RangeError(`Cannot schedule a learning rate: step ${step} must be an integer within ${budget}`);
  }
  const total = rl.tokens > 0 ? rl.tokens : rl.updates, used = rl.tokens > 0 ? tokens : step;
  const warmup = Math.ceil(rl.warmup * total);
  if (used < warmup) return peak * (used / warmup);
  const progress = (used - warmup) / (total - warmup); // [0, 1)
  switch (schedule) {
    case "constant":
      return peak;
    case "linear":
      return peak * (1 - progress);
    case "cosine":
      return peak * 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}
