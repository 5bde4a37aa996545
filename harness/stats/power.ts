// What a comparison of so many seeds and items can see, and how many it takes. The effect is a mean of paired
// differences, judged as cautious_test.ts does: by the two-way test and by Student's over the seeds. The power of each is
// the noncentral t's, with the standard error and degrees of freedom that the variance components promise, and the least
// of both is what both allow. The components are estimates themselves: a plan from few seeds is rough.

import { studentPower } from "./distributions.ts";
import { expectedPrecision, type TwoWay } from "./two_way.ts";

type Components = TwoWay["components"];

/** How sure a test shall be. */
export interface PowerOptions {
  /** Chance to see the effect. @default 0.8 */
  readonly power?: number;
  /** Chance to see one where there is none, two-sided. @default 0.05 */
  readonly level?: number;
  /** Nothing is trained, so that seeds are bound to be alike and only the two-way test speaks. @default false */
  readonly fixed?: boolean;
}

/** What is asked of {@linkcode planPower}. */
export interface PowerQuestion extends PowerOptions {
  /** Of the paired differences, as `twoWay` finds them. */
  readonly components: Components;
  /** Least mean difference that shall be seen, in the unit of the scores. */
  readonly effect: number;
  /** Numbers of seeds that the table shows. */
  readonly seeds?: readonly number[];
  /** Numbers of items that the table shows. */
  readonly items: readonly number[];
}

/** For a number of items: the power by seeds, and how many seeds it takes. */
export interface PowerRow {
  readonly items: number;
  readonly powers: readonly { readonly seeds: number; readonly power: number; readonly detectable: number | null }[];
  /** Least number of seeds, from 2; null where none suffices. */
  readonly seedsNeeded: number | null;
  /** Why none suffices; null where one does. */
  readonly reason: string | null;
}

/** An answer of {@linkcode planPower}. */
export interface PowerPlan {
  readonly effect: number;
  readonly power: number;
  readonly level: number;
  readonly rows: readonly PowerRow[];
  /** Least number of items with which some number of seeds up to `mostSeeds` suffices; null where none up to 10^9 does. */
  readonly itemsNeeded: number | null;
  readonly mostSeeds: number;
}

/** More seeds than this are no plan. */
const mostSeeds = 1000;

/** What the tests rest on. */
function precisions(components: Components, runs: number, items: number, fixed = false) {
  const bySeeds = { run: components.run + components.residual / items, item: 0, residual: 0 };
  return [components, ...(fixed ? [] : [bySeeds])].map((of) => expectedPrecision(of, runs, items));
}

/**
 * Chance that a mean difference of `effect` is seen. One run sees nothing: it knows of no other. Where no component
 * is above 0, any effect is seen.
 */
export function powerOf(components: Components, effect: number, runs: number, items: number, level = 0.05): number {
  if (runs < 2) return 0;
  const powers = precisions(components, runs, items).map(({ standardError, degreesOfFreedom }) => {
    if (standardError === 0) return effect === 0 ? level : 1;
    return studentPower(Math.abs(effect) / standardError, degreesOfFreedom, level);
  });
  return Math.min(...powers);
}

/**
 * Least mean difference that is seen with the power asked for. null where nothing tells: with one run, and where no
 * score differed from another.
 * @throws RangeError for a power that is not above the level and below 1
 */
export function detectable(
  components: Components,
  runs: number,
  items: number,
  { power = 0.8, level = 0.05, fixed = false }: PowerOptions = {},
): number | null {
  checkPower(power, level);
  if (runs < 2) return null;
  const tests = precisions(components, runs, items, fixed).filter(({ standardError }) => standardError > 0);
  const effects = tests.map(({ standardError, degreesOfFreedom }) => {
    let high = 1; // in standard errors
    while (studentPower(high, degreesOfFreedom, level) < power) high *= 2;
    return standardError * least(0, high, (effect) => studentPower(effect, degreesOfFreedom, level) >= power);
  });
  return effects.length === 0 ? null : Math.max(...effects);
}

/** @throws RangeError for an effect that is not above 0, or a power that is not above the level and below 1 */
export function planPower(question: PowerQuestion): PowerPlan {
  const { components, effect, items, seeds = [3, 5, 8, 10, 15, 20, 30], power = 0.8, level = 0.05 } = question;
  checkPower(power, level);
  if (!(effect > 0 && effect < Infinity)) {
    throw new RangeError(`Cannot plan for an effect of ${effect} … it must be above 0, in the unit of the scores`);
  }
  const suffices = (runs: number, n: number) => powerOf(components, effect, runs, n, level) >= power;
  const itemsNeeded = leastWhole(2, 1e9, (n) => suffices(mostSeeds, n));
  const rows = items.map((n): PowerRow => {
    const seedsNeeded = leastWhole(2, mostSeeds, (runs) => suffices(runs, n));
    const powers = seeds.map((runs) => ({
      seeds: runs,
      power: powerOf(components, effect, runs, n, level),
      detectable: detectable(components, runs, n, { power, level }),
    }));
    return { items: n, powers, seedsNeeded, reason: seedsNeeded === null ? reasonFor(n, itemsNeeded) : null };
  });
  return { effect, power, level, rows, itemsNeeded, mostSeeds };
}

function reasonFor(items: number, itemsNeeded: number | null): string {
  return `with ${items} items no number of seeds up to ${mostSeeds} suffices, because items differ in the effect too: it ` +
    (itemsNeeded === null ? "would take more than 1000000000 items" : `takes at least ${itemsNeeded} items`);
}

/** The least whole number in [from, to] that suffices, for a condition that stays true once it is; null: none. */
function leastWhole(from: number, to: number, suffices: (n: number) => boolean): number | null {
  if (!suffices(to)) return null;
  let low = from - 1, high = to; // high suffices, low does not
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (suffices(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** The least number between two at which a condition begins to hold. */
function least(low: number, high: number, holds: (x: number) => boolean): number {
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function checkPower(power: number, level: number): void {
  if (!(level > 0 && power > level && power < 1)) {
    throw new RangeError(`Cannot plan for power ${power} at level ${level} … it must be above the level and below 1`);
  }
}
