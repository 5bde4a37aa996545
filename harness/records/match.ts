// Whether cells may be compared: what the records of the finished ones prove of each other. A pure function of records;
// it trusts no name and no plan, only the digests that each cell took of what it was given.

import type { MatchProof, Outcome } from "../contract.ts";
import { type Matching, UNKNOWN } from "./schema.ts";

/** A finished cell. */
export interface ProvenCell {
  readonly arm: string;
  readonly seed: number;
  readonly outcome: Outcome;
}

/** What all cells share, and what those of one seed share, in words. */
const SHARED = {
  weights: "initial weights",
  data: "task data",
  template: "prompt template",
  items: "evaluated questions",
  streams: "random streams",
  config: "config before the arm's fields",
} as const satisfies Partial<Record<keyof MatchProof, string>>;

/** An arm whose tokens differ from another's by more than this share is named. */
const TOKEN_TOLERANCE = 0.1;

/**
 * The proof over finished cells.
 * @param against the arm that budgets are compared with; null: none is
 */
export function proveMatch(cells: readonly ProvenCell[], against: string | null): Matching {
  const problems = [
    ...cells.flatMap(silences),
    ...sharedProblems(cells),
    ...[...bySeed(cells).values()].flatMap(seedProblems),
  ];
  return { matched: problems.length === 0, cells: cells.length, problems, uneven: unevenArms(cells, against) };
}

/** What a cell of an old schema version does not say of itself: then it proves nothing, and is called a problem. */
function silences({ arm, seed, outcome }: ProvenCell): string[] {
  const said = new Map(Object.entries(outcome.match)), what = { ...SHARED, order: "question order" };
  return Object.entries(what).filter(([key]) => said.get(key) === UNKNOWN)
    .map(([, what]) => `${arm} seed ${seed} does not say its ${what} (schema version 1)`);
}

function sharedProblems([first, ...others]: readonly ProvenCell[]): string[] {
  if (!first) return [];
  return Object.entries(SHARED).flatMap(([key, what]) => {
    const value = ({ outcome }: ProvenCell) => new Map(Object.entries(outcome.match)).get(key);
    return others.filter((cell) => differs(value(cell), value(first))).map((cell) => differ(cell, first, what));
  });
}

/** Cells of one seed ask the same questions in the same order, and begin with the same rollouts wherever both have one. */
function seedProblems([first, ...others]: readonly ProvenCell[]): string[] {
  if (!first) return [];
  return others.flatMap((cell) => [
    ...(differs(cell.outcome.match.order, first.outcome.match.order) ? [differ(cell, first, "question order")] : []),
    ...(agree(cell, first) ? [] : [differ(cell, first, "first rollouts")]),
  ]);
}

/** What is not said differs from nothing; {@linkcode silences} names it. */
const differs = (a: unknown, b: unknown) => a !== b && a !== UNKNOWN && b !== UNKNOWN;

function agree(a: ProvenCell, b: ProvenCell): boolean {
  const [some, others] = [a.outcome.match.firstRollouts, b.outcome.match.firstRollouts];
  return some.every((group, question) =>
    group.every((digest, sample) => (others[question]?.[sample] ?? digest) === digest)
  );
}

function differ(cell: ProvenCell, other: ProvenCell, what: string): string {
  return `${cell.arm} seed ${cell.seed} and ${other.arm} seed ${other.seed} differ in ${what}`;
}

function bySeed(cells: readonly ProvenCell[]): Map<number, ProvenCell[]> {
  return Map.groupBy(cells, (cell) => cell.seed);
}

function unevenArms(cells: readonly ProvenCell[], against: string | null): string[] {
  const mean = (arm: ProvenCell[], value: (outcome: Outcome) => number) =>
    arm.reduce((sum, { outcome }) => sum + value(outcome), 0) / arm.length;
  const spent = [...Map.groupBy(cells.filter(({ outcome }) => outcome.updates > 0), (cell) => cell.arm)].map((
    [name, arm],
  ) => ({
    name,
    updates: mean(arm, ({ updates }) => updates),
    tokens: mean(arm, ({ tokens }) => tokens.prompt + tokens.completion),
  }));
  const other = spent.find(({ name }) => name === against);
  if (!other) return [];
  return spent.flatMap(({ name, updates, tokens }) => {
    const ratio = tokens / other.tokens;
    if (updates === other.updates && Math.abs(ratio - 1) <= TOKEN_TOLERANCE) return [];
    return [
      `${name} used ${updates.toFixed(0)} updates and ${(100 * ratio).toFixed(0)} % of ${other.name}'s tokens` +
      ` (${other.updates.toFixed(0)} updates)`,
    ];
  });
}
