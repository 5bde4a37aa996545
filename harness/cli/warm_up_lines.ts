// What is said of a supervised warm-up while it runs: a line for about every tenth of it, with the time left.

import type { WarmUpEvent } from "../experiment/protocol.ts";
import { duration } from "./format.ts";

/** Takes a warm-up's events and says lines. @param clock milliseconds, as performance.now() has them */
export function warmUpLines(
  say: (line: string) => void,
  clock: () => number = () => performance.now(),
): (event: WarmUpEvent) => void {
  let first: { readonly step: number; readonly at: number } | null = null;
  return (event) => {
    if (event.type === "phase") say(`warm-up: ${event.phase}`);
    if (event.type === "warning") say(`warm-up: ${event.message}`);
    if (event.type !== "step") return;
    const { step, updates, loss } = event, now = clock();
    const left = first && duration((now - first.at) / 1000 / (step - first.step) * (updates - step));
    first ??= { step, at: now };
    if (step % Math.max(1, Math.round(updates / 10)) !== 0 && step !== updates) return;
    say(`warm-up: update ${step}/${updates}, loss ${loss.toFixed(3)}${left && step < updates ? `, ${left} left` : ""}`);
  };
}
