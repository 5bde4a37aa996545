// Whether a candidate may be compared with a baseline at all: the same task, prompt, questions, initial weights, budget
// and settings, by the digests that each cell took of what it was given, and by one thing that no digest shows. Before
// any training the policy answers the same questions greedily; if its score is another one with the same weights, then
// the grader, the prompt or the decoding changed, and so would every score after it.

import { adapterText } from "../../records/adapter_text.ts";
import { canonicalJson } from "../../base/canonical_json.ts";
import { defaultConfig } from "../../config_options.ts";
import type { EvaluationRecord } from "../../contract.ts";
import type { Claim } from "../../records/plan_schema.ts";
import type { CellResults, Results } from "../../records/results.ts";
import type { CellRecord, FieldValue } from "../../records/schema.ts";
import { testEvaluations } from "../../stats/cell_scores.ts";
import { binomialTail } from "../../stats/distributions.ts";
import { isInexact, sameMachine } from "./machine.ts";

/** A finished cell that both have. */
export interface SharedCell {
  readonly arm: string;
  readonly seed: number;
  readonly candidate: FinishedCell;
  readonly baseline: FinishedCell;
}

/** A cell with its outcome. */
export interface FinishedCell {
  readonly cell: CellResults;
  readonly record: CellRecord & { readonly outcome: NonNullable<CellRecord["outcome"]> };
}

/** What stands in the way, for all arms or for one. */
export interface Comparability {
  readonly problems: readonly string[];
  readonly byArm: ReadonlyMap<string, readonly string[]>;
  readonly notes: readonly string[];
  /** Fields of the config that differ and cannot move a score. */
  readonly harmless: readonly string[];
}

/** The digests of a cell that must be equal, in words. */
const DIGESTS = {
  template: "prompt template",
  items: "evaluated questions",
  weights: "initial weights",
} as const;

/** On other machines so many of the untrained policy's greedy answers may turn, by near-ties that floats decide. */
const TURNED = 0.02;
/** Rarer than this, it was not floats. */
const STRICT = 1e-4;

/** Looks at everything that must be the same. @param shared cells that both have finished */
export function comparable(candidate: Results, baseline: Results, shared: readonly SharedCell[]): Comparability {
  const problems: string[] = [], notes: string[] = [];
  for (const [{ plan, origin }, side] of [[candidate, "candidate"], [baseline, "baseline"]] as const) {
    if (plan === null) {
      problems.push(`the ${side} "${origin}" is of schema version 1, which proves no match … run it again`);
    }
  }
  const [ours, theirs] = [candidate.experiment, baseline.experiment];
  problems.push(...differ("task", ours.task.name, theirs.task.name));
  problems.push(...differ("task version", ours.task.version, theirs.task.version));
  problems.push(...differ("task data", ours.task.data, theirs.task.data));
  problems.push(...differ("prompt", ours.task.prompt ?? "paper", theirs.task.prompt ?? "paper"));
  problems.push(...differ("grading", ours.task.grading ?? "strict", theirs.task.grading ?? "strict"));
  const metric = metricOf(baseline), configs = configDifferences(ours.config, theirs.config, metric);
  problems.push(...configs.serious.map(({ text }) => text));
  if (shared.length === 0) problems.push(...nothingShared(candidate, baseline));
  problems.push(...digestProblems(shared, policyText(candidate), policyText(baseline)));
  if (problems.length === 0) problems.push(...untrainedProblems(shared));

  const known = new Set(configs.serious.map(({ field }) => field));
  const tuned = sameTuning(candidate, baseline);
  const byArm = new Map(
    [...Map.groupBy(shared, ({ arm }) => arm)].map(([arm, [first]]) => {
      const [a, b] = [first!.candidate.record.config, first!.baseline.record.config];
      const own = configDifferences(a, b, metric).serious;
      return [arm, own.filter(({ field }) => !known.has(field) && field !== tuned).map(({ text }) => text)];
    }),
  );
  if (tuned !== null) notes.push(`${tuned} was tuned in both, by the same sweep: each arm's value may differ`);
  if (configs.harmless.length > 0) {
    notes.push(`other values, which cannot move a score: ${configs.harmless.map(({ text }) => text).join("; ")}`);
  }
  notes.push(...codeNotes(candidate, baseline));
  if (problems.length === 0) notes.push(...seedNotes(shared));
  return { problems, byArm, notes, harmless: configs.harmless.map(({ field }) => field) };
}

/** What is compared: what the baseline's plan claims. */
export function metricOf({ plan }: Results): Metric {
  return plan?.claim.metric ?? "accuracy";
}

function differ(what: string, ours: string | number, theirs: string | number): string[] {
  return ours === theirs ? [] : [`${what}: ${short(ours)}, in the baseline ${short(theirs)}`];
}

/** Digests are told by their beginning. */
function short(value: string | number): string {
  return String(value).replace(/^([0-9a-f]{12})[0-9a-f]{52}$/, "$1…");
}

function nothingShared(candidate: Results, baseline: Results): string[] {
  const list = (values: Iterable<string | number>) => [...new Set(values)].join(", ") || "none";
  const arms = ({ cells }: Results) => cells.map(({ entry }) => entry.arm);
  const seeds = ({ cells }: Results) => cells.map(({ entry }) => entry.seed);
  if (new Set(arms(candidate)).isDisjointFrom(new Set(arms(baseline)))) {
    return [`no arm in common: ${list(arms(candidate))}, in the baseline ${list(arms(baseline))}`];
  }
  if (new Set(seeds(candidate)).isDisjointFrom(new Set(seeds(baseline)))) {
    return [`no seed in common: ${list(seeds(candidate))}, in the baseline ${list(seeds(baseline))}`];
  }
  return ["no cell that both have finished"];
}

// *** config ***

type RecordedConfig = CellRecord["config"];
type Metric = Claim["metric"];

/** A field of two configs. */
export interface ConfigDifference {
  readonly field: string;
  readonly ours: FieldValue;
  readonly theirs: FieldValue;
  readonly text: string;
}

/** Fields whose values differ: those that can move a score, and those that cannot. */
export function configDifferences(ours: RecordedConfig, theirs: RecordedConfig, metric: Metric) {
  const mine = flatten(ours), other = flatten(theirs), defaults = flatten(defaultConfig);
  const fields = [...new Set([...mine.keys(), ...other.keys()])].sort();
  const last = [mine, other].every((config) => config.get("evaluation.checkpoint") === "last");
  const serious: ConfigDifference[] = [], harmless: ConfigDifference[] = [];
  for (const field of fields) {
    // A field that one of them was made without meant what is the default since.
    const [a = null, b = null] = [mine, other].map((config) => config.get(field) ?? defaults.get(field));
    if (a === b) continue;
    const text = `${field}: ${a ?? "none"}, in the baseline ${b ?? "none"}`;
    (isHarmless(field, last, metric) ? harmless : serious).push({ field, ours: a, theirs: b, text });
  }
  return { serious, harmless };
}

/**
 * Detectors only look; batch sizes bound memory and change no result; evaluation draws from streams of its own, so that
 * how often it happens matters only where its best checkpoint is taken, and samples at temperature 1 move no greedy one.
 */
function isHarmless(field: string, last: boolean, metric: Metric): boolean {
  if (field.startsWith("collapse.") || field === "evaluation.batch" || field === "rl.microBatch") return true;
  if (field === "evaluation.samples") return metric === "accuracy";
  return last && (field === "evaluation.every" || field === "evaluation.validationItems");
}

function flatten(config: Readonly<Record<string, Readonly<Record<string, FieldValue>>>>): Map<string, FieldValue> {
  return new Map(
    Object.entries(config).flatMap(([group, fields]) =>
      Object.entries(fields).map(([name, value]) => [`${group}.${name}`, value])
    ),
  );
}

/** The field that both tuned in the same way; its values are results. */
function sameTuning({ plan: ours }: Results, { plan: theirs }: Results): string | null {
  if (!ours?.sweep || !theirs?.sweep) return null;
  return canonicalJson(ours.sweep) === canonicalJson(theirs.sweep) ? ours.sweep.field : null;
}

// *** what the cells prove ***

function policyText({ plan, experiment: { policy } }: Results): string {
  return plan?.policy.adapter ? `${policy} with ${adapterText(plan.policy.adapter)}` : policy;
}

function digestProblems(shared: readonly SharedCell[], ours: string, theirs: string): string[] {
  return Object.entries(DIGESTS).flatMap(([key, what]) => {
    const of = ({ record }: FinishedCell) => new Map(Object.entries(record.outcome.match)).get(key);
    const cells = shared.filter(({ candidate, baseline }) => of(candidate) !== of(baseline)), [first] = cells;
    if (!first) return [];
    const policies = key === "weights" ? ` (policy ${ours}, in the baseline ${theirs})` : "";
    return [`${what} of ${cellsText(cells, shared)} differ${policies}`];
  });
}

function cellsText(cells: readonly SharedCell[], all: readonly SharedCell[]): string {
  const [first] = cells;
  if (cells.length === all.length) return "all shared cells";
  return `${cells.length} of ${all.length} shared cells, e.g. ${first?.arm} seed ${first?.seed},`;
}

/** The untrained policy's first greedy answers to the test questions, compared. */
function untrainedProblems(shared: readonly SharedCell[]): string[] {
  const found = shared.flatMap(({ candidate, baseline }) => {
    const [ours, theirs] = [candidate, baseline].map(({ cell }) =>
      testEvaluations(cell, "accuracy").find(({ step }) => step === 0)
    );
    const same = sameMachine(candidate.record, baseline.record) && !isInexact(baseline.record);
    const text = ours && theirs ? untrainedProblem(ours, theirs, same) : null;
    return text === null ? [] : [text];
  });
  return [...new Set(found)].slice(0, 1);
}

/**
 * What differs in two evaluations of the same weights on the same questions; null: nothing, or no more than floats do.
 * @param same they ran on the same kind of machine
 */
export function untrainedProblem(ours: EvaluationRecord, theirs: EvaluationRecord, same: boolean): string | null {
  const cause = "with the same weights and questions: the grader, the prompt or the decoding changed";
  const right = ({ accuracy, statuses, n }: EvaluationRecord) =>
    `${(100 * accuracy).toFixed(1)} % (${statuses.correct} of ${n})`;
  const both = `the untrained policy scores ${right(ours)}, in the baseline ${right(theirs)},`;
  const counts = Object.entries(ours.statuses).map(([status, count]) => {
    const other = new Map(Object.entries(theirs.statuses)).get(status) ?? 0;
    return { status, count, other, turned: Math.abs(count - other) };
  });
  const most = counts.reduce((a, b) => b.turned > a.turned ? b : a);
  const names = (one: EvaluationRecord) => Object.keys(one.rewards).sort().join(", ");
  if (names(ours) !== names(theirs)) {
    return `the grader gives the rewards ${names(ours)}, in the baseline ${names(theirs)}`;
  }
  if (same ? most.turned > 0 : binomialTail(most.turned, ours.n, TURNED) < STRICT) {
    if (ours.statuses.correct !== theirs.statuses.correct) return `${both} ${cause}`;
    return `the untrained policy has ${most.count} answers graded "${most.status}", in the baseline ${most.other}, ${cause}`;
  }
  if (!same) return null;
  for (const [name, value] of Object.entries(ours.rewards)) {
    const other = theirs.rewards[name];
    if (value !== other) return `the untrained policy earns ${value} of "${name}", in the baseline ${other}, ${cause}`;
  }
  if (ours.completionLength === theirs.completionLength) return null;
  return `the untrained policy's answers have ${ours.completionLength} tokens, in the baseline ${theirs.completionLength}, ${cause}`;
}

// *** what is not forbidden, and good to know ***

function codeNotes(candidate: Results, baseline: Results): string[] {
  const notes: string[] = [];
  const files = ({ plan }: Results) => new Map(plan?.arms.map(({ name, file }) => [name, file]));
  const ours = files(candidate), theirs = files(baseline);
  for (const [arm, file] of ours) {
    if (theirs.has(arm) && theirs.get(arm) !== file) {
      notes.push(`${arm} is defined by another file than in the baseline`);
    }
  }
  const task = ({ plan }: Results) => plan?.task.file ?? null;
  if (task(candidate) !== task(baseline)) notes.push("the task is defined by another file than in the baseline");
  if (metricOf(candidate) !== metricOf(baseline)) {
    notes.push(`the candidate's plan claims ${metricOf(candidate)}; compared is the baseline's, ${metricOf(baseline)}`);
  }
  for (const [{ experiment: { match } }, side] of [[candidate, "candidate"], [baseline, "baseline"]] as const) {
    if (!match.matched) {
      notes.push(`the ${side}'s own cells are not matched: ${match.problems[0] ?? "no reason given"}`);
    }
  }
  return notes;
}

/** The same seed stands for the same questions in the same order only while the code that draws them is the same. */
function seedNotes(shared: readonly SharedCell[]): string[] {
  const of = (key: "order" | "streams") =>
    shared.some(({ candidate, baseline }) =>
      candidate.record.outcome.match[key] !== baseline.record.outcome.match[key]
    );
  return [
    ...(of("order") ? ["the same seeds ask other questions in training: pairing by seed gains nothing"] : []),
    ...(of("streams") ? ["random numbers are drawn by another scheme: pairing by seed gains nothing"] : []),
  ];
}
