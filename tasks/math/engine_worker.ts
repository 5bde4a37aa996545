// The thread in which the computer algebra system runs: the only file that imports it. It compares two expressions by
// their values to 100 digits, at each point that it is given, and says through shared memory what it found. It may hang
// or run out of memory: engine.ts gives up on it then. Its own test of equality is not used: it takes pi for its first 51
// digits, and does not decide (x+1)^2 = x^2+2x+1.

import { parentPort, workerData } from "node:worker_threads";
import { ComputeEngine } from "@cortex-js/compute-engine";
import type { Question } from "./engine.ts";
import { states } from "./engine_states.ts";

const digits = 100;
/** Relative differences below are rounding; graded answers have too few digits to come so close and be unequal. */
const rounding = 1e-70;
/** Relative differences above are no rounding. Between the two nothing is decided, as for numbers next to zero. */
const apart = 1e-40;

const engine = new ComputeEngine();
engine.precision = digits;
const state = new Int32Array(workerData.shared);

function say(value: number): void {
  Atomics.store(state, 0, value);
  Atomics.notify(state, 0);
}

type Numeric = { readonly re: number; readonly im: number };
const size = ({ re, im }: Numeric) => Math.max(Math.abs(re), Math.abs(im));
const isKnown = ({ re, im }: Numeric) => Number.isFinite(re) && Number.isFinite(im);

function compare({ pairs, complex }: Question): number {
  let agreed = 0;
  for (const [a, b] of pairs) {
    const x = engine.box(a).N(), y = engine.box(b).N();
    if (!isKnown(x) || !isKnown(y)) continue;
    // Functions of real variables are compared where they are real; one that is real alone is another function.
    const imaginary = (value: Numeric) => Math.abs(value.im) > apart * size(value);
    if (!complex && imaginary(x) && imaginary(y)) continue;
    const largest = Math.max(size(x), size(y));
    const difference = size(engine.box(["Subtract", a, b]).N());
    if (difference > Math.max(largest, rounding) * apart) return states.different;
    if (largest < apart || difference > largest * rounding) return states.undecided;
    agreed++;
  }
  return agreed >= Math.min(3, pairs.length) ? states.equal : states.undecided;
}

parentPort?.on("message", (question: Question) => {
  try {
    say(compare(question));
  } catch {
    say(states.undecided);
  }
});
say(states.ready);
