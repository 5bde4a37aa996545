// Where a running cell stands, from its events, and how long it and its experiment will take: what a progress display
// shows of them.

import type { CellEvent, EvaluationRecord } from "../contract.ts";
import { duration, percent, quantity } from "./format.ts";

/** Follows one cell. Times are in milliseconds, as performance.now() has them. */
export class CellMeter {
  phase = "starting";
  step = 0;
  ended = false;
  #reward: number | null = null;
  #accuracy: number | null = null;
  #tokensPerSecond: number | null = null;
  /** Updates that were done before this run. */
  #before = 0;
  #firstStepEnded = 0;
  #lastStepEnded = 0;
  #firstStepSeconds = 0;

  /** @param updates that the cell will do, as far as is known */
  constructor(readonly label: string, public updates: number) {}

  take(event: CellEvent, now: number): void {
    if (event.type === "phase") this.phase = event.phase;
    else if (event.type === "resumed") {
      this.step = this.#before = event.step;
      for (const record of event.evaluations) this.#takeEvaluation(record);
    } else if (event.type === "evaluation") this.#takeEvaluation(event.record);
    else if (event.type === "step") {
      const { record } = event;
      if (this.step === this.#before) {
        this.#firstStepEnded = now;
        this.#firstStepSeconds = record.timing.rolloutSeconds + record.timing.updateSeconds;
      }
      this.#lastStepEnded = now;
      this.updates = event.updates; // of a budget in tokens this is a forecast
      this.step = record.step;
      this.#reward = record.rewards.total?.mean ?? null;
      this.#tokensPerSecond = record.timing.rolloutTokensPerSecond;
    }
  }

  /** A cell that had finished before. */
  finish(): void {
    this.step = this.#before = this.updates;
    this.ended = true;
  }

  /** The pace of this run so far, evaluations in between included; null before its first update. */
  secondsPerUpdate(): number | null {
    if (this.step === this.#before) return null;
    const seconds = this.#firstStepSeconds + (this.#lastStepEnded - this.#firstStepEnded) / 1000;
    return seconds / (this.step - this.#before);
  }

  #takeEvaluation({ split, mode, accuracy }: EvaluationRecord): void {
    if (split === "validation" && mode === "greedy") this.#accuracy = accuracy;
  }

  /** Seconds until the last update, at its own pace or, before it has one, at that of others. */
  secondsLeft(others: number | null = null): number | null {
    const pace = this.secondsPerUpdate() ?? others;
    return pace === null ? null : this.ended ? 0 : pace * (this.updates - this.step);
  }

  /** "step 10/120, 0:41 left, accuracy 31.6 %, reward 1.43, 8.1k tokens/s": as many of these as fit into the width. */
  text(width = Infinity): string {
    const left = this.secondsLeft();
    const parts = [
      this.step === 0 ? this.phase : `step ${this.step}/${this.updates}`,
      left === null ? "" : `${duration(left)} left`,
      this.#accuracy === null ? "" : `accuracy ${percent(this.#accuracy)}`,
      this.#reward === null ? "" : `reward ${this.#reward.toFixed(2)}`,
      this.#tokensPerSecond === null ? "" : `${quantity(this.#tokensPerSecond)} tokens/s`,
    ].filter(Boolean);
    while (parts.length > 1 && parts.join(", ").length > width) parts.pop();
    return parts.join(", ");
  }
}

/** Seconds until all cells have ended, with so many side by side; null before one of them has a pace. */
export function experimentSecondsLeft(meters: readonly CellMeter[], jobs: number): number | null {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const paces = meters.flatMap((meter) => meter.secondsPerUpdate() ?? []);
  if (paces.length === 0) return null;
  const left = meters.map((meter) => meter.secondsLeft(sum(paces) / paces.length) ?? 0);
  return Math.max(...left, sum(left) / jobs);
}
