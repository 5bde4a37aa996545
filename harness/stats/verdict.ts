// The verdict of a regression gate, arm by arm: what a candidate's scores say of a baseline's, paired by seed and question.
// Evidence is asked for on both sides. `pass` needs an interval above -margin; `regress` needs a drop that is real (Holm
// over the arms) and at least the margin; whatever lies between is `underpowered`, for the absence of evidence of a drop
// is not evidence of its absence. No thresholds on two separate intervals, and no verdict without pairing.

import { cautiousP } from "./cautious_test.ts";
import type { Estimate } from "./estimate.ts";
import { holm } from "./holm.ts";
import { mcnemar } from "./mcnemar.ts";
import { detectable } from "./power.ts";
import { differences, type Pairing, runMeans } from "./scores.ts";
import { type TwoWay, twoWay, twoWayInterval, twoWayP } from "./two_way.ts";

/** From good to bad. */
export const VERDICTS = ["pass", "underpowered", "regress", "not comparable"] as const;

export type Verdict = (typeof VERDICTS)[number];

/** A false alarm over all arms is to be rarer than this. */
const LEVEL = 0.05;

/** An arm's scores in both: `a` the candidate's, `b` the baseline's. */
export interface PairedArm {
  readonly arm: string;
  readonly pairing: Pairing;
  /** Nothing is trained, so that one run is enough: another would give the same. */
  readonly fixed: boolean;
}

/** What the pairs of an arm come to, before the other arms are looked at. Scores are in [0, 1]. */
export interface Measured {
  readonly arm: string;
  readonly seeds: readonly number[];
  readonly items: number;
  /** Nothing is trained. */
  readonly fixed: boolean;
  /** One training alone, which says nothing of others. */
  readonly lone: boolean;
  /** Means over the pairs. */
  readonly candidate: number;
  readonly baseline: number;
  /** candidate - baseline. */
  readonly effect: Estimate;
  /** Of the effect being 0, two-sided: McNemar's of one run a side, else see cautious_test.ts. */
  readonly p: number;
  /** What the scores vary with; null: it cannot be said. */
  readonly components: TwoWay["components"] | null;
  /** Every answer scored the same. */
  readonly identical: boolean;
  /** Of one run a side with answers that are right or wrong: those right in only one of both, and McNemar's exact p. */
  readonly questions: { readonly onlyCandidate: number; readonly onlyBaseline: number; readonly p: number } | null;
}

/** An arm's verdict. */
export interface ArmVerdict extends Measured {
  readonly verdict: Exclude<Verdict, "not comparable">;
  /** After Holm's correction over the arms. */
  readonly adjustedP: number;
  /** Least effect that would be seen with 80 % power, were it the smallest p of all arms; null: it cannot be said. */
  readonly detectable: number | null;
  /** The interval lies above +margin: more often a fault of the grader or of the data than a success. */
  readonly tooGood: boolean;
}

/** The worst of the verdicts; what is empty passes nothing: "not comparable". */
export function worstVerdict(verdicts: readonly Verdict[]): Verdict {
  return VERDICTS[Math.max(...verdicts.map((verdict) => VERDICTS.indexOf(verdict)))] ?? "not comparable";
}

/** The verdict of each arm. @param margin least drop that matters, a share */
export function judgeArms(arms: readonly PairedArm[], margin: number): ArmVerdict[] {
  const measured = arms.map(measureArm), verdicts = concludeArms(measured, margin);
  return measured.map((arm, i) => {
    const tooGood = !arm.lone && arm.effect.lower > margin;
    return { ...arm, ...verdicts[i]!, detectable: leastFound(arm, LEVEL / arms.length), tooGood };
  });
}

function leastFound({ components, seeds: { length: runs }, items, fixed }: Measured, level: number): number | null {
  return components && detectable(components, runs, items, { level, fixed });
}

/** The verdicts over one family of arms. */
export function concludeArms(measured: readonly Measured[], margin: number) {
  const adjusted = holm(measured.map(({ p }) => p));
  return measured.map((arm, i) => ({ adjustedP: adjusted[i]!, verdict: verdictOf(arm, adjusted[i]!, margin) }));
}

/** @param p adjusted */
function verdictOf({ effect, identical, lone }: Measured, p: number, margin: number): ArmVerdict["verdict"] {
  if (identical) return "pass";
  if (lone) return "underpowered";
  if (effect.lower > -margin) return "pass";
  const drop = effect.value < 0 && effect.value <= -margin + 1e-12; // a drop of the margin, whatever its last bit
  return drop && p < LEVEL ? "regress" : "underpowered";
}

/** @throws RangeError without a pair */
export function measureArm({ arm, pairing, fixed }: PairedArm): Measured {
  const { seeds, items, a, b } = pairing;
  if (seeds.length === 0 || items.length === 0) throw new RangeError(`Cannot judge arm "${arm}": nothing is paired`);
  const paired = differences(pairing), questions = seeds.length === 1 ? discordant(pairing) : null;
  const shared = {
    arm,
    seeds,
    items: items.length,
    fixed,
    lone: seeds.length === 1 && !fixed,
    candidate: average(runMeans(a)),
    baseline: average(runMeans(b)),
    questions,
  };
  const first = paired[0]?.[0], equal = paired.every((run) => run.every((difference) => difference === first));
  if (items.length === 1 && equal && !(seeds.length > 1 && first === 0)) {
    return { ...shared, effect: unknown(first ?? 0), p: 1, components: null, identical: false };
  }
  const effects = twoWay(paired);
  return {
    ...shared,
    effect: twoWayInterval(effects),
    p: questions?.p ?? (fixed ? twoWayP : cautiousP)(effects),
    components: effects.components,
    identical: equal && first === 0,
  };
}

/** One number a side, or the same difference in all of a few: how far chance reaches cannot be told from them. */
function unknown(value: number): Estimate {
  const note = "one score a cell, and no spread between the cells: how sure it is cannot be said";
  return { value, lower: -1, upper: 1, level: 0.95, method: "none", note };
}

/** null where an answer is not just right or wrong. */
function discordant({ items, a: [a], b: [b] }: Pairing): Measured["questions"] {
  if (!a || !b || items.length < 2 || ![...a, ...b].every((score) => score === 0 || score === 1)) return null;
  const only = (some: Float64Array, other: Float64Array) => some.filter((score, i) => score > other[i]!).length;
  const onlyCandidate = only(a, b), onlyBaseline = only(b, a);
  return { onlyCandidate, onlyBaseline, p: mcnemar(onlyCandidate, onlyBaseline) };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
