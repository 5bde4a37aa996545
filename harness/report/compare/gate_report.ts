// What a comparison of a candidate with a baseline comes to, ready to be shown: text, Markdown, JSON and JUnit are made
// from it and compute nothing. Shares are in [0, 1], effects are candidate - baseline.

import type { ArmVerdict, Verdict } from "../../stats/verdict.ts";

/** Whose scores. */
export interface GateSide {
  /** The path as it was given. */
  readonly origin: string;
  /** What made them, and on what machine, in a few words. */
  readonly made: string;
}

/** An arm that both have. */
export interface GateArm {
  readonly arm: string;
  readonly verdict: Verdict;
  /** null where nothing could be judged. */
  readonly judged: ArmVerdict | null;
  /** What stands behind the verdict beside the numbers of `judged`, a sentence each. */
  readonly reasons: readonly string[];
}

/** A verdict and what it rests on. */
export interface GateReport {
  readonly verdict: Verdict;
  /** What one row is: an arm of an experiment, or a task of samples made elsewhere. */
  readonly unit: "arm" | "task";
  /** How it was reached: equal digests, or statistics. */
  readonly tier: "exact" | "statistical";
  /** Why by this tier. */
  readonly tierReason: string;
  readonly metric: string;
  readonly margin: number;
  readonly candidate: GateSide;
  readonly baseline: GateSide;
  /** Why nothing can be compared; empty where it can. */
  readonly problems: readonly string[];
  readonly arms: readonly GateArm[];
  /** What has no partner, a sentence each. */
  readonly unpaired: readonly string[];
  /** What must be known to read it, a sentence each. */
  readonly notes: readonly string[];
}

/** Exit code of `compare` by verdict; 2 is misuse. */
export const EXIT_CODES: Readonly<Record<Verdict, number>> = {
  pass: 0,
  regress: 1,
  underpowered: 3,
  "not comparable": 4,
};

/** What the verdict means, for people. */
export function meaningOf({ verdict, tier }: Pick<GateReport, "verdict" | "tier">): string {
  const exact = tier === "exact";
  return {
    pass: exact ? "the same bytes" : "no drop of the margin or more, by the interval",
    regress: exact ? "no longer the same bytes" : "a drop that is real and at least the margin",
    underpowered: exact
      ? "the same bytes as far as there are some: not all cells could be looked at"
      : "neither a drop nor its absence is shown: more seeds or questions are needed",
    "not comparable": "the two do not answer the same question",
  }[verdict];
}

/** What is said of an arm that is too good. */
export const TOO_GOOD =
  "too good: better by more than the margin for sure … look at the grader, the data split and leaks before believing it";
