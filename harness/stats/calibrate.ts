// How often the gate is wrong, measured on a baseline's own scores. A trial splits the seeds of every arm at random into
// two halves that share none, resamples the questions, and asks the very same verdict of the halves: a "regress" there is
// a false alarm, for nothing changed. With a drop planted into one arm's half it must be found: that is the gate's power.
// Halves have half the seeds, so that a comparison with all of them finds more. Seeded: the same input, the same table.

import { type Prng, stream } from "../base/prng.ts";
import type { Pairing, Scores } from "./scores.ts";
import { concludeArms, measureArm, type Verdict } from "./verdict.ts";

/** An arm's scores, [seeds][items]. */
export interface CalibratedArm {
  readonly arm: string;
  readonly scores: Scores;
}

/** How to calibrate. */
export interface CalibrateOptions {
  readonly trials: number;
  readonly seed: number;
  /** Least drop that matters, a share. */
  readonly margin: number;
  /** Planted drops, shares. */
  readonly drops: readonly number[];
}

/** Shares of the verdicts, over trials. */
export type Rates = Readonly<Record<Exclude<Verdict, "not comparable">, number>>;

/** How often which verdict fell. */
export interface Calibration {
  readonly trials: number;
  /** Of the arms that have two seeds. */
  readonly arms: readonly {
    readonly arm: string;
    /** Seeds of a half. */
    readonly seeds: number;
    readonly items: number;
    /** Nothing planted, judged alone: the family is this arm. */
    readonly alone: Rates;
  }[];
  /** Arms left out, for they have one seed. */
  readonly left: readonly string[];
  /** Share of trials in which, of all arms judged as one family with nothing planted, any was found to regress. */
  readonly falseAlarms: number;
  /** A drop in one arm, another one each trial, judged in the family of all; over trials whose arm has so much to lose. */
  readonly drops: readonly { readonly drop: number; readonly trials: number; readonly found: Rates }[];
}

/** The calibration. @throws RangeError where no arm has two seeds */
export function calibrate(arms: readonly CalibratedArm[], options: CalibrateOptions): Calibration {
  const { trials, seed, margin, drops } = options;
  const able = arms.filter(({ scores }) => scores.seeds.length > 1 && scores.items.length > 0);
  if (able.length === 0) throw new RangeError("Cannot calibrate: no arm has two seeds to split");
  const alone = able.map(() => new Tally()), planted = drops.map(() => new Tally());
  let alarms = 0;
  for (let trial = 0; trial < trials; trial++) {
    const halves = able.map((arm, i) => splitArm(arm, { seed, trial, arm: i }));
    const measured = halves.map((half) => measureArm(half));
    measured.forEach((one, i) => alone[i]!.add(concludeArms([one], margin)[0]!.verdict));
    if (concludeArms(measured, margin).some(({ verdict }) => verdict === "regress")) alarms++;
    const one = trial % able.length, half = halves[one]!, plant = planter(half.pairing, stream(seed, "plant", trial));
    drops.forEach((drop, i) => {
      const pairing = plant(drop);
      if (pairing === null) return;
      const family = measured.with(one, measureArm({ ...half, pairing }));
      planted[i]!.add(concludeArms(family, margin)[one]!.verdict);
    });
  }
  return {
    trials,
    arms: able.map(({ arm, scores }, i) => ({
      arm,
      seeds: Math.floor(scores.seeds.length / 2),
      items: scores.items.length,
      alone: alone[i]!.rates(),
    })),
    left: arms.filter((arm) => !able.includes(arm)).map(({ arm }) => arm),
    falseAlarms: alarms / trials,
    drops: drops.map((drop, i) => ({ drop, trials: planted[i]!.count, found: planted[i]!.rates() })),
  };
}

/** Two halves of an arm's seeds, paired at random, on questions drawn with replacement: the same ones for all arms. */
function splitArm({ arm, scores }: CalibratedArm, at: { seed: number; trial: number; arm: number }) {
  const order = stream(at.seed, "split", at.trial, at.arm).shuffle(scores.values), half = Math.floor(order.length / 2);
  const questions = stream(at.seed, "questions", at.trial), n = scores.items.length;
  const drawn = Int32Array.from({ length: n }, () => questions.int(n));
  const take = (run: Float64Array) => Float64Array.from(drawn, (item) => run[item]!);
  const pairing: Pairing = {
    seeds: order.slice(0, half).map((_, i) => i),
    items: Array.from(drawn, (_, i) => String(i)),
    a: order.slice(0, half).map(take),
    b: order.slice(half, 2 * half).map(take),
    unpaired: [],
  };
  return { arm, pairing, fixed: false };
}

/** Plants drops into the candidate's half: each right answer is lost with the same probability. null: too much to lose. */
function planter(pairing: Pairing, prng: Prng): (drop: number) => Pairing | null {
  const mean = pairing.a.reduce((sum, run) => sum + run.reduce((all, score) => all + score, 0) / run.length, 0) /
    pairing.a.length;
  const luck = pairing.a.map((run) => Float64Array.from(run, () => prng.uniform()));
  return (drop) => {
    if (drop > mean) return null;
    const a = pairing.a.map((run, i) => run.map((score, j) => luck[i]![j]! < drop / mean ? 0 : score));
    return { ...pairing, a };
  };
}

/** Verdicts counted. */
class Tally {
  #counts: Record<keyof Rates, number> = { pass: 0, underpowered: 0, regress: 0 };

  get count(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }

  add(verdict: keyof Rates): void {
    this.#counts[verdict]++;
  }

  rates(): Rates {
    const { pass, underpowered, regress } = this.#counts, count = Math.max(1, this.count);
    return { pass: pass / count, underpowered: underpowered / count, regress: regress / count };
  }
}
