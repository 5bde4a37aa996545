// A candidate's results against a baseline's: which cells both have, whether they may be compared, by which tier, and the
// verdict of each arm. What has no partner is listed by name, and a cell that failed in the candidate keeps its arm from
// passing: a denominator that shrinks where things go wrong would hide just what a gate is for.

import { canonicalJson } from "../../base/canonical_json.ts";
import type { Outcome } from "../../contract.ts";
import type { CellResults, Results } from "../../records/results.ts";
import { ALL_ITEMS, pairCells } from "../../stats/cell_scores.ts";
import type { Unpaired } from "../../stats/scores.ts";
import { type ArmVerdict, judgeArms, type PairedArm, worstVerdict } from "../../stats/verdict.ts";
import { comparable, type FinishedCell, metricOf, type SharedCell } from "./comparable.ts";
import type { GateArm, GateReport, GateSide } from "./gate_report.ts";
import { isInexact, machineText, sameMachine } from "./machine.ts";

/** How to reach the verdict: by digests, by statistics, or by digests where they say something and are equal. */
export type Tier = "auto" | "exact" | "statistical";

/** How to compare. */
export interface CompareOptions {
  /** Least drop that matters, a share. */
  readonly margin: number;
  readonly tier: Tier;
}

/** The verdict over a candidate. */
export function compareResults(candidate: Results, baseline: Results, { margin, tier }: CompareOptions): GateReport {
  const metric = metricOf(baseline), shared = sharedCells(candidate, baseline);
  const { problems, byArm, notes, harmless } = comparable(candidate, baseline, shared);
  const arms = armsOf(baseline).filter((arm) => armsOf(candidate).includes(arm));
  const differing = shared.flatMap((cell) => {
    const part = firstDifference(cell.candidate, cell.baseline, harmless.length > 0);
    return part === null ? [] : [{ ...cell, part }];
  });
  const settled = settleTier(tier, shared, differing);
  const stopped = [...problems, ...settled.problems];

  const able = arms.filter((arm) => shared.some((cell) => cell.arm === arm) && !byArm.get(arm)?.length);
  const paired = stopped.length > 0 ? [] : able.map((arm) => {
    const of = (side: "candidate" | "baseline") =>
      shared.filter((cell) => cell.arm === arm).map((cell) => cell[side].cell);
    const ours = of("candidate"), theirs = of("baseline");
    const fixed = [...ours, ...theirs].every(({ record }) => record?.outcome?.updates === 0);
    return { arm, pairing: pairCells(ours, theirs, metric), fixed };
  });
  const judged = judgeArms(paired.filter(({ pairing }) => pairing.items.length > 0), margin);
  const rows = stopped.length > 0 ? [] : arms.map((arm): GateArm => {
    const failed = failedCells(candidate, baseline, arm), foreign = byArm.get(arm) ?? [];
    if (foreign.length > 0) return { arm, verdict: "not comparable", judged: null, reasons: foreign };
    const own = judged.find((one) => one.arm === arm) ?? null;
    const parts = differing.filter((cell) => cell.arm === arm);
    return settled.tier === "exact" ? exactArm(arm, own, parts, failed) : statisticalArm(arm, own, failed);
  });
  return {
    verdict: worstVerdict(rows.map(({ verdict }) => verdict)),
    unit: "arm",
    tier: settled.tier,
    tierReason: stopped.length > 0 ? "nothing was judged" : settled.reason,
    metric,
    margin,
    candidate: sideOf(candidate),
    baseline: sideOf(baseline),
    problems: stopped,
    arms: rows,
    unpaired: [
      ...unpairedCells(candidate, baseline),
      ...paired.flatMap(({ arm, pairing }) => unpairedItems(arm, pairing.unpaired)),
    ],
    notes: [...notes, ...scoreNotes(judged, paired)],
  };
}

const armsOf = ({ cells }: Results): string[] => [...new Set(cells.map(({ entry }) => entry.arm))];

/** The cells that both have finished, in the baseline's order. */
function sharedCells(candidate: Results, baseline: Results): SharedCell[] {
  const ours = new Map(candidate.cells.map((cell) => [keyOf(cell), cell]));
  return baseline.cells.flatMap((cell) => {
    const [mine, theirs] = [finished(ours.get(keyOf(cell))), finished(cell)];
    return mine && theirs ? [{ arm: cell.entry.arm, seed: cell.entry.seed, candidate: mine, baseline: theirs }] : [];
  });
}

const keyOf = ({ entry }: CellResults) => JSON.stringify([entry.arm, entry.seed]);

function finished(cell: CellResults | undefined): FinishedCell | null {
  const record = cell?.record, outcome = record?.outcome;
  return cell?.entry.status === "finished" && record && outcome ? { cell, record: { ...record, outcome } } : null;
}

// *** tiers ***

type Differing = SharedCell & { readonly part: string };

/** The tier, and what forbids it. */
function settleTier(tier: Tier, shared: readonly SharedCell[], differing: readonly Differing[]) {
  const elsewhere = shared.find(({ candidate, baseline }) => !sameMachine(candidate.record, baseline.record));
  const [first] = differing, exact = "exact" as const, statistical = "statistical" as const;
  const machines = elsewhere &&
    `${machineText(elsewhere.candidate.record)}, in the baseline ${machineText(elsewhere.baseline.record)}`;
  if (tier === "statistical" || shared.length === 0) {
    return { tier: statistical, reason: tier === "auto" ? "nothing is shared" : "as asked", problems: [] };
  }
  if (!first) return { tier: exact, reason: `all ${shared.length} shared cells are the same bytes`, problems: [] };
  const parts = `${differing.length} of ${shared.length} shared cells are not bit-identical, ` +
    `e.g. ${first.arm} seed ${first.seed} from ${first.part} on`;
  const inexact = shared.flatMap(({ candidate, baseline }) => [candidate.record, baseline.record]).find(isInexact);
  const device = inexact && `${inexact.environment?.device} results are compared statistically, not bit for bit`;
  if (tier === "exact" && device) return { tier: exact, reason: `as asked; ${parts}`, problems: [device] };
  if (tier === "exact") {
    const problems = machines ? [`the exact tier needs the baseline's kind of machine: ${machines}`] : [];
    return { tier: exact, reason: `as asked; ${parts}`, problems };
  }
  const reason = device ??
    (machines ? `another kind of machine: ${machines}` : `the same kind of machine, but ${parts}`);
  return { tier: statistical, reason, problems: [] };
}

/**
 * The first part of an outcome that differs, in the order in which a run makes them; null: none does.
 * @param detectors they may look with other thresholds, which shows in the collapses and in the config's digest alone
 */
function firstDifference(ours: FinishedCell, theirs: FinishedCell, detectors: boolean): string | null {
  if (ours.record.digest === theirs.record.digest) return null;
  const [a, b] = [partsOf(ours.record.outcome), partsOf(theirs.record.outcome)];
  for (const [name, part] of a) {
    if (detectors && (name === "collapses" || name === "match.config")) continue;
    if (canonicalJson(part) !== canonicalJson(b.get(name))) return name;
  }
  return null;
}

function partsOf(outcome: Outcome): Map<string, unknown> {
  const { match: { firstRollouts, ...match }, evaluations, steps, samples, finalWeights, ...others } = outcome;
  return new Map<string, unknown>([
    ["firstRollouts", firstRollouts],
    ["evaluations", evaluations],
    ["steps", steps],
    ["samples", samples],
    ["finalWeights", finalWeights],
    ...Object.entries(match).map(([key, value]): [string, unknown] => [`match.${key}`, value]),
    ...Object.entries(others),
  ]);
}

const NOTHING_SHARED = "no cell that both have finished, or no question in common";

function exactArm(arm: string, judged: ArmVerdict | null, parts: readonly Differing[], failed: string[]): GateArm {
  const reasons = parts.map(({ seed, part }) => `seed ${seed} is not bit-identical: the first to differ is ${part}`);
  if (reasons.length > 0) return { arm, verdict: "regress", judged, reasons: [...reasons, ...failed] };
  if (judged !== null && failed.length === 0) return { arm, verdict: "pass", judged, reasons: [] };
  return { arm, verdict: "underpowered", judged, reasons: failed.length > 0 ? failed : [NOTHING_SHARED] };
}

function statisticalArm(arm: string, judged: ArmVerdict | null, failed: readonly string[]): GateArm {
  if (judged === null) {
    return { arm, verdict: "underpowered", judged, reasons: failed.length > 0 ? failed : [NOTHING_SHARED] };
  }
  const verdict = failed.length > 0 && judged.verdict === "pass" ? "underpowered" : judged.verdict;
  const lone = judged.lone && !judged.identical
    ? ["one seed decides nothing: another training may differ as much"]
    : [];
  return { arm, verdict, judged, reasons: [...failed, ...lone, ...questionsText(judged)] };
}

// *** what has no partner ***

/** Cells of the arm that the baseline has finished and that failed in the candidate. */
function failedCells(candidate: Results, baseline: Results, arm: string): string[] {
  const theirs = new Set(baseline.cells.filter(finished).map(keyOf));
  return candidate.cells
    .filter((cell) => cell.entry.arm === arm && cell.entry.status === "failed" && theirs.has(keyOf(cell)))
    .map(({ entry: { seed, failure } }) => `seed ${seed} failed: ${failure ?? "no reason given"}`);
}

/** One sentence for the seeds of an arm that share a fate; an arm that the other side does not know has no seeds. */
function unpairedCells(candidate: Results, baseline: Results): string[] {
  const ours = new Map(candidate.cells.map((cell) => [keyOf(cell), cell]));
  const theirs = new Map(baseline.cells.map((cell) => [keyOf(cell), cell]));
  const fates = [
    ...baseline.cells.flatMap((cell) => {
      const mine = ours.get(keyOf(cell)), { arm, seed } = cell.entry;
      if (!finished(cell)) return [{ arm, seed, fate: `${cell.entry.status} in the baseline` }];
      if (finished(mine)) return [];
      return [{ arm, seed, fate: mine ? `${mine.entry.status} in the candidate` : "not in the candidate" }];
    }),
    ...candidate.cells.filter((cell) => !theirs.has(keyOf(cell)))
      .map(({ entry: { arm, seed } }) => ({ arm, seed, fate: "not in the baseline" })),
  ];
  const groups = Map.groupBy(fates, ({ arm, fate }) => JSON.stringify([arm, fate]));
  return [...groups.values()].map((group) => {
    const seeds = group.map(({ seed }) => seed), { arm, fate } = group[0]!;
    if (!armsOf(candidate).includes(arm) || !armsOf(baseline).includes(arm)) return `${arm}: ${fate}`;
    return `${arm} ${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}: ${fate}`;
  });
}

/** So many ids are named. */
const NAMED = 5;

/** One sentence for the items of an arm or task that lack a partner for the same reason. */
export function unpairedItems(arm: string, unpaired: readonly Unpaired[]): string[] {
  const items = unpaired.filter(({ item }) => item !== null);
  const fate = ({ side, seed }: Unpaired) => {
    const [has, lacks] = side === "a" ? ["candidate", "baseline"] : ["baseline", "candidate"];
    return seed === null ? `not in the ${lacks}` : `without a score in the ${has}`;
  };
  return [...Map.groupBy(items, fate)].map(([text, group]) => {
    const ids = [...new Set(group.map(({ item }) => item))], more = ids.length > NAMED ? ", …" : "";
    const what = ids.length === 1 ? "1 question" : `${ids.length} questions`;
    return `${arm}: ${what} ${text}, left out of both: ${ids.slice(0, NAMED).join(", ")}${more}`;
  });
}

// *** how to read it ***

/** What McNemar's test looked at, of one run a side. */
export function questionsText({ questions, identical }: ArmVerdict): string[] {
  if (questions === null || identical) return [];
  const { onlyCandidate, onlyBaseline, p } = questions;
  const exact = `McNemar's exact p ${p.toPrecision(2)}`;
  return [`right in the candidate alone ${onlyCandidate}, in the baseline alone ${onlyBaseline}: ${exact}`];
}

/** What is said of arms whose scores are one number a cell, or of one seed. */
export function scoreNotes(judged: readonly ArmVerdict[], paired: readonly PairedArm[]): string[] {
  const notes = new Set(
    judged.flatMap(({ effect, identical }) => identical || effect.note === null ? [] : effect.note),
  );
  if (paired.some(({ pairing }) => pairing.items[0] === ALL_ITEMS)) {
    notes.add("answers were not kept on both sides: a cell is one number, and questions cannot be paired");
  }
  return [...notes];
}

function sideOf({ origin, plan, cells }: Results): GateSide {
  const records = cells.flatMap(({ record }) => record?.environment ? [record] : []);
  const machines = new Set(records.map(machineText));
  const commits = new Set(records.flatMap(({ environment }) => {
    if (!environment?.gitCommit) return [];
    return [environment.gitCommit.slice(0, 8) + (environment.gitDirty ? " (changed)" : "")];
  }));
  const version = [`Matchbox ${plan?.matchbox ?? "?"}`, ...(commits.size > 0 ? [[...commits].join(" and ")] : [])];
  return { origin, made: `${version.join(" at ")}, ${[...machines].join("; ") || "an unknown machine"}` };
}
