// What a finished cell's files say of each other, and what the task, the data and the policy say of them: digests are
// taken again, grades made again by the task's grader, sums and the match proof derived again. What only another run
// could show is replay_cell.ts; what nothing can show (clock, machine) is left alone.

import { join } from "node:path";
import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { isObject, parseJson } from "../base/json_file.ts";
import { type Config, parseConfig } from "../config.ts";
import type { EvaluationRecord, Outcome, StepRecord, Task, TaskData } from "../contract.ts";
import type { Policy } from "../model/policy.ts";
import { differences } from "../records/differences.ts";
import type { PlanRecord } from "../records/plan_schema.ts";
import { regrade } from "../records/regrade.ts";
import { type Answer, answerOf } from "../records/results.ts";
import { type CellRecord, UNKNOWN } from "../records/schema.ts";
import { statusCounts } from "../records/status_counts.ts";
import {
  readStoredRecord,
  readStoredSamples,
  readStoredSteps,
  stepChain,
  storedDigest,
  type StoredLines,
} from "../records/store.ts";
import { type Checkpoint, checkpointSteps, readCheckpoint } from "../rl/checkpoint.ts";
import { collapseSample, findCollapses } from "../rl/collapse.ts";
import { type Matched, matchProof } from "../rl/match_proof.ts";
import { QuestionOrder } from "../rl/question_order.ts";
import { isSpent } from "../rl/schedule.ts";
import type { Checklist } from "./checklist.ts";

/** What a cell is checked against; null where it is not at hand, which is said elsewhere. */
export interface VerifySources {
  readonly plan: PlanRecord | null;
  readonly task: Task | null;
  readonly data: TaskData | null;
  readonly policy: Policy | null;
}

/** A finished cell whose record, steps and samples could be read. */
export interface ReadCell {
  /** Absolute. */
  readonly folder: string;
  readonly record: CellRecord;
  readonly outcome: Outcome;
  readonly config: Config;
  readonly steps: readonly StepRecord[];
}

/**
 * Checks the files of a cell.
 * @param root what places are relative to
 * @param place the cell's folder from there, with "/"
 * @returns null for a cell that has not finished or cannot be read
 */
export async function verifyCell(
  list: Checklist,
  root: string,
  place: string,
  sources: VerifySources,
): Promise<ReadCell | null> {
  const { task } = sources, folder = join(root, place);
  const at = (name: string) => place === "" ? name : `${place}/${name}`;
  const [inRecord, inSteps, inSamples] = [at("record.json"), at("steps.jsonl"), at("samples.jsonl")];

  const found = await list.read(inRecord, "digest", () => readStoredRecord(join(folder, "record.json")));
  if (found === null) return null;
  const { record } = found, version = Number(found.stored.schemaVersion);
  const known = await verifyRecord(list, inRecord, record, sources);
  if (known === null) return null;
  const { outcome, config } = known;
  const read = <T>(place: string, name: string, lines: (path: string, version: number) => Promise<StoredLines<T>>) =>
    list.read(place, "lines", async () => canonical(await lines(join(folder, name), version)));
  const storedSteps = await read(inSteps, "steps.jsonl", readStoredSteps);
  const storedSamples = await read(inSamples, "samples.jsonl", readStoredSamples);
  if (storedSteps === null || storedSamples === null) return null;

  const steps = storedSteps.records, { records: samples, text } = storedSamples;
  if (outcome.steps === UNKNOWN) list.skip(inSteps, "digest chain", `schema version ${version} has none`);
  else await list.check(inSteps, "digest chain", () => foreignSteps(steps, outcome));
  await list.check(inRecord, "sums", () => wrongSums(record, outcome, config, steps));
  await list.check(inSamples, "digest", () => sha256(text) === outcome.samples ? [] : ["their digest is another"]);
  const notTest = samples.findIndex(({ split }) => split !== "test");
  await list.check(inSamples, "split", () => notTest === -1 ? [] : [`line ${notTest + 1} is of no test question`]);
  const answers = samples.map(answerOf), drawn = keptSamples(version, config);
  await verifyAnswers(list, { record: inRecord, answers: inSamples }, answers, { outcome, config, drawn }, sources);
  if (task && version > 1) {
    await list.check(inRecord, "collapses", () => wrongCollapses(task, steps, outcome, config));
  }
  for (const step of await checkpointSteps(join(folder, "checkpoints"))) {
    const name = `checkpoints/step-${String(step).padStart(6, "0")}.checkpoint`;
    await list.check(
      at(name),
      "digests and steps",
      async () => foreignCheckpoint(await readCheckpoint(join(folder, "checkpoints"), step), steps, outcome),
    );
  }
  return { folder, record, outcome, config, steps };
}

/** Samples a question that a cell of this schema version kept beside the greedy one: before version 3 none. */
export function keptSamples(version: unknown, { evaluation }: Config): number {
  return Number(version) < 3 ? 0 : evaluation.samples;
}

/** A finished cell, as far as its answers must fit it. */
export interface AnsweredCell {
  readonly outcome: Outcome;
  readonly config: Config;
  /** Samples a question that are kept beside the greedy one. */
  readonly drawn: number;
}

/**
 * Checks the answers of the final evaluation, with their texts: what the outcome says of them, grades, questions.
 * @param places of the record and the answers, for the list
 */
export async function verifyAnswers(
  list: Checklist,
  places: { readonly record: string; readonly answers: string },
  answers: readonly Answer[],
  { outcome, config, drawn }: AnsweredCell,
  { task, data }: VerifySources,
): Promise<void> {
  await list.check(places.record, "last evaluation", () => wrongEvaluations(outcome, answers, drawn));
  if (task) {
    await list.check(places.answers, "grades", () => regrade(task, answers, config.rl.maxCompletionTokens));
  }
  if (data) {
    await list.check(places.answers, "questions and gold answers", () => foreignItems(data, answers, drawn));
  }
}

/**
 * Checks what a record says against the plan, the task, its data and the policy; no other file of the cell is needed.
 * @param place of the record, for the list
 * @returns null for a cell that has not finished or whose config cannot be read
 */
export async function verifyRecord(
  list: Checklist,
  place: string,
  record: CellRecord,
  { plan, task, data, policy }: VerifySources,
): Promise<{ readonly outcome: Outcome; readonly config: Config } | null> {
  const { outcome } = record;
  if (record.status !== "finished" || outcome === null) {
    list.skip(place, "outcome", `the cell is ${record.status}`);
    return null;
  }
  if (plan) await list.check(place, "plan", () => unplanned(record, plan));
  const config = await list.read(place, "config", () => Promise.resolve(parseConfig(record.config, place)));
  if (config === null) return null;
  await list.check(place, "checkpoint rule", () => wrongCheckpoint(outcome, config));
  if (plan && task && data && policy) {
    await list.check(place, "match proof", () => wrongProof(record, outcome, config, { plan, task, data, policy }));
  }
  return { outcome, config };
}

/** The task, policy and config that the plan gives the cell. */
function unplanned({ task, policy, arm, seed, config }: CellRecord, plan: PlanRecord): string[] {
  const parts = [plan, ...plan.amendments].filter((part) => part.seeds.includes(seed));
  const planned = parts.flatMap((part) => part.arms).find(({ name }) => name === arm);
  if (!planned) return [`arm "${arm}" with seed ${seed} is not in the plan`];
  const { file: _, ...plannedTask } = plan.task;
  const expected = {
    task: plannedTask,
    policy: plan.policy.name,
    config: withFields(plan.config, { ...tunedField(config, plan), ...planned.overrides }),
  };
  return differences({ task, policy, config }, expected);
}

type RecordedConfig = PlanRecord["config"];

/** The field that was tuned, with the cell's value if it was among those to try; which was chosen, verify_tuning.ts asks. */
function tunedField(config: RecordedConfig, { sweep }: PlanRecord): PlanRecord["arms"][number]["overrides"] {
  if (!sweep) return {};
  const [group = "", name = ""] = sweep.field.split("."), value = config[group]?.[name];
  return value !== undefined && sweep.values.includes(value) ? { [sweep.field]: value } : {};
}

/** The config with an arm's fields, as data: the fields may be of another version. */
function withFields(config: RecordedConfig, fields: PlanRecord["arms"][number]["overrides"]): RecordedConfig {
  const result: Record<string, Record<string, string | number | boolean | null>> = structuredClone({ ...config });
  for (const [key, value] of Object.entries(fields)) {
    const [group = "", name = ""] = key.split(".");
    (result[group] ??= {})[name] = value;
  }
  return result;
}

/**
 * Lines that are written as records are: what differs by a blank only is not what was written.
 * @throws FailureError for others
 */
export function canonical<T>(lines: StoredLines<T>): StoredLines<T> {
  const { stored, text } = lines, found = text.split("\n");
  const wrong = stored.findIndex((value, i) => storedDigest(value, `line ${i + 1}`) !== sha256(found[i] ?? ""));
  if (wrong === -1 && found.length === stored.length + 1 && found.at(-1) === "") return lines;
  throw new FailureError(
    wrong === -1 ? `its ${stored.length} lines have others between them` : `line ${wrong + 1} is not as it was written`,
  );
}

function foreignSteps(steps: readonly StepRecord[], outcome: Outcome): string[] {
  const out = steps.findIndex(({ step }, i) => step !== i + 1);
  if (out !== -1) return [`line ${out + 1} is step ${steps[out]?.step}`];
  if (steps.length !== outcome.updates) return [`it has ${steps.length} lines, the outcome ${outcome.updates} updates`];
  return chainOf(steps) === outcome.steps ? [] : ["their chained digest is another: at least one line was changed"];
}

const chainOf = (steps: readonly StepRecord[]) => steps.reduce(stepChain, sha256(""));

function wrongSums({ timing }: CellRecord, outcome: Outcome, { rl }: Config, steps: readonly StepRecord[]): string[] {
  const sum = (value: (record: StepRecord) => number) => steps.reduce((total, record) => total + value(record), 0);
  const tokens = { prompt: sum((step) => step.tokens.prompt), completion: sum((step) => step.tokens.completion) };
  const updates = steps.length;
  const spent = updates === 0 || isSpent(rl, updates, tokens.prompt + tokens.completion);
  const found = {
    tokens: outcome.tokens,
    samplerTrainerGap: outcome.samplerTrainerGap,
    endedBy: outcome.endedBy,
    rolloutSeconds: timing.rolloutSeconds,
    updateSeconds: timing.updateSeconds,
  };
  return [
    ...differences(found, {
      tokens,
      samplerTrainerGap: steps.reduce((most, step) => Math.max(most, step.samplerTrainerGap), 0),
      endedBy: rl.tokens > 0 ? "tokens" : "updates",
      rolloutSeconds: sum((step) => step.timing.rolloutSeconds),
      updateSeconds: sum((step) => step.timing.updateSeconds),
    }),
    ...(spent ? [] : [`the budget is not used up after ${updates} updates`]),
  ];
}

/** The final evaluations on test questions, greedy and drawn, made again from the answers. */
function wrongEvaluations(outcome: Outcome, answers: readonly Answer[], drawn: number): string[] {
  const greedy = answers.filter(({ sample }) => sample === 0), sampled = answers.filter(({ sample }) => sample > 0);
  return [
    ...wrongEvaluation(outcome, greedy, "greedy"),
    ...(drawn > 0 ? wrongEvaluation(outcome, sampled, "sample") : []),
  ];
}

function wrongEvaluation(
  { evaluations, evaluatedStep }: Outcome,
  answers: readonly Answer[],
  mode: EvaluationRecord["mode"],
): string[] {
  const last = evaluations.findLast((one) => one.split === "test" && one.mode === mode);
  if (!last) return answers.length === 0 ? [] : [`there is no ${mode} one on test questions`];
  const said = answers.flatMap(({ said }) => said ?? []), [first] = said;
  if (!first) return ["there are no samples"];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const questions = [...Map.groupBy(answers, ({ id }) => id).values()];
  const right = questions.map((group) => group.map(({ status }) => status === "correct" ? 1 : 0));
  const finite = (value: number) => Number.isFinite(value) ? value : null; // a reward that an answer lacks
  const expected = {
    step: evaluatedStep,
    split: "test",
    mode,
    n: questions.length,
    samples: answers.length / questions.length,
    accuracy: mean(right.map(mean)),
    passAtSamples: mean(right.map((row) => Math.max(...row))),
    statuses: statusCounts(answers.map(({ status }) => status)),
    rewards: Object.fromEntries(
      Object.keys(first.rewards).map((name) => [name, finite(mean(said.map(({ rewards }) => rewards[name] ?? NaN)))]),
    ),
    completionLength: mean(said.map(({ tokens }) => tokens)),
  };
  return differences(last, expected, mode === "sample" ? "of the drawn samples" : "");
}

/** The weights that the config's rule chooses: the last, or the first that were best on validation. */
function wrongCheckpoint({ evaluations, evaluatedStep, updates }: Outcome, { evaluation }: Config): string[] {
  const validation = evaluations.filter(({ split }) => split === "validation");
  const best = Math.max(...validation.map(({ accuracy }) => accuracy));
  const expected = evaluation.checkpoint === "last"
    ? updates
    : validation.find(({ accuracy }) => accuracy === best)?.step;
  return differences({ evaluatedStep }, { evaluatedStep: expected });
}

function wrongCollapses(task: Task, steps: readonly StepRecord[], outcome: Outcome, { collapse }: Config): string[] {
  const missing = steps.flatMap(({ step, rewards }) =>
    task.rewards.filter((name) => !(name in rewards)).map((name) => `update ${step} has no reward "${name}"`)
  );
  if (missing.length > 0) return missing;
  const [correctness = "", ...others] = task.rewards;
  const samples = steps.map((step) => collapseSample(step, correctness, others));
  return differences(outcome.collapses, findCollapses(samples, collapse));
}

/** Answers are to the first test questions: the greedy ones in order, then those drawn, question by question. */
function foreignItems({ splits: { test } }: TaskData, answers: readonly Answer[], drawn: number): string[] {
  const asked = answers.filter(({ sample }) => sample === 0).length;
  return answers.flatMap(({ id, question, gold, sample }, i) => {
    const beyond = i - asked, place = beyond < 0 ? i : Math.floor(beyond / drawn);
    if (!(place < Math.min(asked, test.size))) return [`line ${i + 1}: the task has no such question`];
    const item = test.item(place), expected = { id: item.id, question: item.question, gold: item.gold };
    const number = beyond < 0 ? 0 : beyond % drawn + 1;
    return differences({ id, question, gold, sample }, { ...expected, sample: number })
      .map((problem) => `line ${i + 1}: ${problem}`);
  });
}

/** What the plan tells its cells for their proofs. */
function matchedOf({ config }: PlanRecord): Matched {
  const { updates, tokens, questions } = parseConfig(config, "plan.json").rl;
  return { config: sha256(canonicalJson(config)), places: tokens > 0 ? 1024 : Math.max(1, updates * questions) };
}

function wrongProof(
  { seed }: CellRecord,
  { match, asked }: Outcome,
  config: Config,
  { plan, task, data, policy }: { readonly [K in keyof VerifySources]: NonNullable<VerifySources[K]> },
): string[] {
  const order = new QuestionOrder(data.splits.train, seed), { evaluation } = config;
  const { adapter } = plan.policy;
  const proof = matchProof({ task, data, policy, adapter, order, evaluation, matched: matchedOf(plan) });
  const { firstRollouts: _, ...found } = match; // replaying from the start shows these
  let digest = sha256("");
  for (let place = 0; place < asked.count; place++) digest = sha256(digest, order.at(place).id);
  return differences({ match: found, asked }, { match: proof, asked: { count: asked.count, digest } });
}

/** A checkpoint is undamaged, of the steps up to it, and at the end holds the final weights. */
export function foreignCheckpoint(
  { step, sections }: Checkpoint,
  steps: readonly StepRecord[],
  outcome: Outcome,
): string[] {
  const text = new TextDecoder().decode(sections["progress"]);
  const progress = parseJson(text, `step ${step}`), { weights } = sections;
  const chain = chainOf(steps.slice(0, step));
  const problems = step > steps.length ? [`there are ${steps.length} steps`] : differences(
    isObject(progress) ? { step: progress["step"], stepChain: progress["stepChain"] } : {},
    { step, stepChain: chain },
  );
  if (step !== outcome.updates) return problems;
  return [...problems, ...differences({ weights: weights && sha256(weights) }, { weights: outcome.finalWeights })];
}
