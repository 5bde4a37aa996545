// Arms against the one that the plan names. What the plan registered is one family, over the cells that it planned; what
// came later (other arms, more seeds) is another, exploratory one. Holm's correction is made within each.

import type { Claim } from "../records/plan_schema.ts";
import type { CellResults } from "../records/results.ts";
import { curveOf, overSeeds } from "./arm_study.ts";
import { cautiousP } from "./cautious_test.ts";
import { ALL_ITEMS, isFinished, pairCells } from "./cell_scores.ts";
import type { Estimate } from "./estimate.ts";
import { holm } from "./holm.ts";
import { probabilityOfImprovement } from "./improvement.ts";
import { areaUnderCurve } from "./learning_curve.ts";
import { mcnemar } from "./mcnemar.ts";
import { detectable } from "./power.ts";
import { differences, type Pairing, runMeans } from "./scores.ts";
import { signFlip } from "./sign_flip.ts";
import type { Comparison, Conclusion } from "./study.ts";
import { twoWay, twoWayInterval } from "./two_way.ts";

/** What is compared. */
export interface ArmsToCompare {
  readonly cells: readonly CellResults[];
  readonly metric: Claim["metric"];
  readonly margin: number;
  readonly against: string;
  /** Arms that the plan compares. */
  readonly family: readonly string[];
}

const LEVEL = 0.05;

/** The comparisons that have a seed in common, registered ones first. */
export function compareArms({ cells, metric, margin, against, family }: ArmsToCompare): Comparison[] {
  const planned = cells.filter(({ entry }) => entry.amendment === 0);
  const others = [...new Set(cells.map(({ entry }) => entry.arm))].filter((arm) => arm !== against);
  const grown = (arm: string) =>
    cells.some(({ entry }) => entry.amendment > 0 && (entry.arm === arm || entry.arm === against));
  const registered = family.map((arm) => compare(planned, { arm, against, metric }));
  const later = others.filter((arm) => !family.includes(arm) || grown(arm));
  const exploratory = later.map((arm) => compare(cells, { arm, against, metric }));
  return [...conclude(registered, true, margin), ...conclude(exploratory, false, margin)];
}

type Pair = { readonly arm: string; readonly against: string; readonly metric: Claim["metric"] };
type Compared = Omit<Comparison, "registered" | "adjustedP" | "conclusion">;

/** Two arms, paired by seed and question; null where nothing can be paired. */
function compare(cells: readonly CellResults[], { arm, against, metric }: Pair): Compared | null {
  const of = (name: string) => cells.filter((cell) => cell.entry.arm === name && isFinished(cell));
  const pairing = pairCells(of(arm), of(against), metric);
  const { seeds, items } = pairing;
  if (seeds.length === 0 || items.length === 0) return null;
  const paired = differences(pairing),
    bySeed = runMeans(paired),
    effects = twoWay(paired),
    least = detectable(effects.components, seeds.length, items.length);
  const areas = seeds.map((seed) => {
    const [some, other] = [arm, against].map((name) => of(name).find(({ entry }) => entry.seed === seed));
    const a = some && areaUnderCurve(curveOf(some)), b = other && areaUnderCurve(curveOf(other));
    return a == null || b == null ? null : a - b;
  }).filter((area) => area !== null);
  return {
    arm,
    against,
    seeds,
    items: items.length,
    unpaired: pairing.unpaired,
    differences: seeds.map((seed, i) => ({ seed, difference: bySeed[i]! })),
    effect: asDifference(twoWayInterval(effects)),
    p: cautiousP(effects),
    signFlip: signFlip(bySeed),
    improvement: probabilityOfImprovement(runMeans(pairing.a), runMeans(pairing.b)),
    detectable: least !== null && least <= 1 ? least : null,
    questions: items[0] === ALL_ITEMS ? null : byMajority(pairing),
    area: areas.length === seeds.length ? overSeeds(areas) : null,
  };
}

/** No two shares differ by more than 1, whatever Student's distribution allows. */
function asDifference(estimate: Estimate): Estimate {
  return { ...estimate, lower: Math.max(-1, estimate.lower), upper: Math.min(1, estimate.upper) };
}

/** Questions that more than half of the seeds of only one arm answered right. */
function byMajority({ a, b, items, seeds }: Pairing): Comparison["questions"] {
  const mostly = (runs: readonly Float64Array[], item: number) =>
    runs.reduce((right, run) => right + run[item]!, 0) > seeds.length / 2;
  const only = (some: readonly Float64Array[], other: readonly Float64Array[]) =>
    items.filter((_, item) => mostly(some, item) && !mostly(other, item)).length;
  const onlyArm = only(a, b), onlyAgainst = only(b, a);
  return { onlyArm, onlyAgainst, p: mcnemar(onlyArm, onlyAgainst) };
}

function conclude(compared: readonly (Compared | null)[], registered: boolean, margin: number): Comparison[] {
  const there = compared.filter((one) => one !== null), adjusted = holm(there.map(({ p }) => p));
  return there.map((one, i) => {
    const adjustedP = adjusted[i]!;
    return { ...one, registered, adjustedP, conclusion: conclusionOf(one, adjustedP, margin) };
  });
}

/** One seed decides nothing: its interval knows of no other. */
function conclusionOf({ seeds, effect }: Compared, adjustedP: number, margin: number): Conclusion {
  if (seeds.length < 2) return "undecided";
  if (effect.lower > -margin && effect.upper < margin) return "same";
  if (adjustedP >= LEVEL) return "undecided";
  return effect.value > 0 ? "better" : "worse";
}
