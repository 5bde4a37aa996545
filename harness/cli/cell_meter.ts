// Where a running cell stands, from its events: what a progress display shows of it.

import type { CellEvent } from "../contract.ts";
import type { PlannedCell } from "../experiment/plan.ts";
import { duration, percent, quantity } from "./format.ts";

/** Follows one cell. Times are in milliseconds, as performance.now() has them. */
export class CellMeter {
  readonly label: string;
  phase = "starting";
  step = 0;
  updates: number;
  #reward: number | null = null;
  #accuracy: number | null = null;
  #tokensPerSecond: number | null = null;
  #firstStepEnded = 0;
  #lastStepEnded = 0;
  #firstStepSeconds = 0;

  constructor({ spec }: PlannedCell) {
    this.label = `${spec.arm} seed ${spec.seed}`;
    this.updates = spec.config.rl.updates;
  }

  take(event: CellEvent, now: number): void {
    if (event.type === "phase") this.phase = event.phase;
    else if (event.type === "evaluation") {
      if (event.record.mode === "greedy") this.#accuracy = event.record.accuracy;
    } else if (event.type === "step") {
      const { record } = event;
      if (this.step === 0) {
        this.#firstStepEnded = now;
        this.#firstStepSeconds = record.timing.rolloutSeconds + record.timing.updateSeconds;
      }
      this.#lastStepEnded = now;
      this.step = record.step;
      this.updates = event.updates;
      this.#reward = record.rewards.total?.mean ?? null;
      this.#tokensPerSecond = record.timing.rolloutTokensPerSecond;
    }
  }

  /** Seconds until the last update at the pace so far, evaluations in between included; null before there is a pace. */
  secondsLeft(): number | null {
    if (this.step === 0) return null;
    const spent = this.#firstStepSeconds + (this.#lastStepEnded - this.#firstStepEnded) / 1000;
    return spent / this.step * (this.updates - this.step);
  }

  /** "step 10/120, reward 1.43, accuracy 31.6 %, 8.1k tokens/s, 0:41 left" */
  text(): string {
    const left = this.secondsLeft();
    if (this.step === 0 && this.#accuracy === null) return this.phase;
    return [
      `step ${this.step}/${this.updates}`,
      this.#reward === null ? "" : `reward ${this.#reward.toFixed(2)}`,
      this.#accuracy === null ? "" : `accuracy ${percent(this.#accuracy)}`,
      this.#tokensPerSecond === null ? "" : `${quantity(this.#tokensPerSecond)} tokens/s`,
      left === null ? "" : `${duration(left)} left`,
    ].filter(Boolean).join(", ");
  }
}
