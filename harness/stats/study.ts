// The analysis of an experiment: every number that a report, a table or a leaderboard shows of it, from records alone.
// Drawing never computes; this never draws.

import type { Collapse, StatusCounts } from "../contract.ts";
import type { Claim } from "../records/plan_schema.ts";
import type { Results } from "../records/results.ts";
import type { Estimate } from "./estimate.ts";
import { armStudy, reachOf } from "./arm_study.ts";
import { compareArms } from "./compare_arms.ts";
import type { Scores, Unpaired } from "./scores.ts";
import { tiersOf } from "./tiers.ts";

/** Of an experiment without a plan. */
const DEFAULT_MARGIN = 0.02;

/**
 * What a comparison comes to. `same`: the interval lies within the margin on both sides. `better` and `worse`: the
 * adjusted p is below 0.05. `undecided` is the absence of evidence, not evidence of absence.
 */
export type Conclusion = "better" | "worse" | "same" | "undecided";

/** A point of a learning curve: mean over seeds of greedy validation accuracy, with a band. */
export interface CurvePoint {
  readonly updates: number;
  /** Prompt and completion tokens of training up to here, mean over seeds; null where steps were not kept. */
  readonly tokens: number | null;
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  readonly seeds: number;
}

/** A cell that has nothing to show. */
export interface MissingCell {
  readonly seed: number;
  readonly status: string;
  readonly failure: string | null;
}

/** An arm over its finished cells. Shares are in [0, 1]. */
export interface ArmStudy {
  readonly arm: string;
  readonly summary: string;
  /** Added after the plan was made. */
  readonly added: boolean;
  readonly seeds: readonly number[];
  readonly missing: readonly MissingCell[];
  /** [seeds][items]; one item "all" where answers were not kept. */
  readonly scores: Scores;
  /** Mean of the scores; null without a finished cell, as are the next five. */
  readonly score: Estimate | null;
  /** Over the seeds' means. */
  readonly median: number | null;
  readonly iqm: number | null;
  readonly optimalityGap: number | null;
  readonly least: number | null;
  readonly most: number | null;
  /** Mean of the metric before training. */
  readonly before: number | null;
  /** Share of greedy answers by status; null where answers were not kept. */
  readonly statuses: StatusCounts | null;
  /** 1 is best; see tiers.ts. null without a finished cell. */
  readonly tier: number | null;
  readonly curve: readonly CurvePoint[];
  /** Mean of the curve over the updates: its area divided by them. */
  readonly area: Estimate | null;
  /** How soon it is halfway to what the best arm comes to, see {@linkcode Study.halfway}; null: it cannot be said. */
  readonly reach: {
    /** Share of the seeds that get there. */
    readonly reached: Estimate;
    /** By which half of the seeds are there; null: fewer than half are. */
    readonly updates: number | null;
    /** null also where steps were not kept. */
    readonly tokens: number | null;
  } | null;
  /** Of the completions drawn at temperature 1, by k; empty where there are none. maj is null without their texts. */
  readonly sampled: readonly { readonly k: number; readonly pass: number; readonly maj: number | null }[];
  /** Means over the cells. */
  readonly updates: number | null;
  readonly tokens: number | null;
  readonly seconds: number | null;
  readonly memoryBytes: number | null;
  readonly completionLength: number | null;
  readonly collapses: readonly (Collapse & { readonly seed: number })[];
}

/** One arm against another, paired by seed and question. */
export interface Comparison {
  readonly arm: string;
  readonly against: string;
  /** In the plan, before anything ran. */
  readonly registered: boolean;
  readonly seeds: readonly number[];
  readonly items: number;
  readonly unpaired: readonly Unpaired[];
  /** arm - against, by seed. */
  readonly differences: readonly { readonly seed: number; readonly difference: number }[];
  readonly effect: Estimate;
  /** Of the effect being 0, two-sided: the larger of the interval's and of Student's over the seeds. */
  readonly p: number;
  /** After Holm's correction over the family. */
  readonly adjustedP: number;
  readonly signFlip: { readonly p: number; readonly smallest: number; readonly exact: boolean };
  /** Probability that a run of the arm beats a run of the other. */
  readonly improvement: Estimate;
  /** Least effect that would be seen with 80 % power; null: none there can be, or it cannot be said. */
  readonly detectable: number | null;
  /** Questions that most seeds of only one of both answered right, and McNemar's exact p. */
  readonly questions: { readonly onlyArm: number; readonly onlyAgainst: number; readonly p: number } | null;
  /** Difference of the areas. */
  readonly area: Estimate | null;
  readonly conclusion: Conclusion;
}

/** An experiment, analysed. */
export interface Study {
  readonly metric: Claim["metric"];
  readonly against: string | null;
  /** Least difference that matters, a share. */
  readonly margin: number;
  /** Validation accuracy halfway from the start to the best arm's last; null where nothing was trained. */
  readonly halfway: number | null;
  readonly arms: readonly ArmStudy[];
  /** Registered ones first, in the order of the plan. */
  readonly comparisons: readonly Comparison[];
  /** The cells are matched; else `problems` says why not. */
  readonly matched: boolean;
  readonly problems: readonly string[];
  /** What a reader must know of how sure this is, one sentence each. */
  readonly notes: readonly string[];
}

const FEW_SEEDS = 5;

/** Scores beyond these leave arms little room to differ. */
const FLOOR = 0.05, CEILING = 0.95;

/** The analysis. @throws RangeError for results that no reader of records gives, e.g. an arm with the same seed twice */
export function studyOf({ plan, experiment, cells }: Results): Study {
  const metric = plan?.claim.metric ?? "accuracy", margin = plan?.claim.margin ?? DEFAULT_MARGIN;
  const names = [...new Set(cells.map(({ entry }) => entry.arm))];
  const of = (arm: string) => cells.filter(({ entry }) => entry.arm === arm);
  const plain = names.map((name) => {
    const { summary = "" } = experiment.arms.find((arm) => arm.name === name) ?? {};
    return armStudy({ arm: name, summary, cells: of(name), metric });
  });
  const tiers = tiersOf(plain);
  const halfway = halfwayOf(plain.map(({ curve }) => curve));
  const arms = plain.map((arm, i) => ({
    ...arm,
    tier: tiers[i] ?? null,
    reach: halfway === null ? null : reachOf(of(arm.arm), halfway),
  }));
  const against = plan?.claim.against ?? null;
  const comparisons = against === null
    ? []
    : compareArms({ cells, metric, margin, against, family: plan?.claim.family ?? [] });
  const { matched, problems } = experiment.match;
  return { metric, against, margin, halfway, arms, comparisons, matched, problems, notes: notesOf(arms, comparisons) };
}

function halfwayOf(curves: readonly (readonly CurvePoint[])[]): number | null {
  const trained = curves.filter((curve) => curve.length > 1);
  if (trained.length === 0) return null;
  const start = Math.min(...trained.map((curve) => curve[0]!.value));
  return (start + Math.max(...trained.map((curve) => curve.at(-1)!.value))) / 2;
}

function notesOf(arms: readonly ArmStudy[], comparisons: readonly Comparison[]): string[] {
  const missing = arms.flatMap(({ arm, missing }) => missing.length === 0 ? [] : [`${arm} ${missingText(missing)}`]);
  const seeds = Math.min(...comparisons.map((comparison) => comparison.seeds.length));
  const compared = arms.filter(({ arm }) =>
    comparisons.some((one) => one.registered && (one.arm === arm || one.against === arm))
  );
  const beyond = (test: (score: number) => boolean) =>
    compared.length > 0 && compared.every(({ score }) => score !== null && test(score.value));
  const smallest = comparisons.find((comparison) => comparison.seeds.length === seeds)?.signFlip.smallest;
  return [
    ...(missing.length > 0 ? [`Not finished, and in no number here: ${missing.join(", ")}.`] : []),
    ...(beyond((score) => score > CEILING)
      ? ["All arms compared end above 95 %: there is little room to differ. See who learns earlier, or train for less."]
      : []),
    ...(beyond((score) => score < FLOOR)
      ? ["All arms compared end below 5 %: nothing has been learned that could differ."]
      : []),
    ...(seeds === 1
      ? ["One seed says nothing of what another would have done: intervals are over questions alone."]
      : []),
    ...(seeds > 1 && seeds < FEW_SEEDS && smallest !== undefined
      ? [
        `With ${seeds} seeds the sign-flip test cannot go below p = ${smallest}, and intervals rest on differences between ` +
        "seeds being roughly normal.",
      ]
      : []),
  ];
}

/** "seed 3 (failed)", "seeds 1, 2 (pending)" */
function missingText(cells: readonly MissingCell[]): string {
  return [...Map.groupBy(cells, ({ status }) => status)].map(([status, those]) => {
    const seeds = those.map(({ seed }) => seed).join(", ");
    return `${those.length === 1 ? "seed" : "seeds"} ${seeds} (${status})`;
  }).join(", ");
}
