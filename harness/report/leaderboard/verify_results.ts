// Whether results may stand on a leaderboard: all planned cells there, finished and matched, evaluations that follow from
// their answers, and each stored completion graded again. Digests of plan, records and answers were taken by whoever
// read the results (harness/records), or there would be none. What only another run could show, that training gave these completions, it does not: replay is
// `deno task verify` on the results themselves.

import { FailureError } from "../../base/errors.ts";
import { sha256 } from "../../base/digest.ts";
import { canonicalJson } from "../../base/canonical_json.ts";
import type { Outcome, Task, TaskData } from "../../contract.ts";
import type { Verified } from "../../records/leaderboard_entry.ts";
import { proveMatch } from "../../records/match.ts";
import type { PlanRecord } from "../../records/plan_schema.ts";
import { regrade } from "../../records/regrade.ts";
import type { CellResults, Results } from "../../records/results.ts";

/** What results are checked against. */
export interface GradingSources {
  /** The task that made them. */
  readonly task: Task;
  /** Its data at the level of the plan; null: not at hand, so that questions and gold answers go unchecked. */
  readonly data: TaskData | null;
}

/** Problems that a message shows. */
const SHOWN = 5;

/**
 * What was verified.
 * @throws FailureError naming what does not verify
 */
export function verifyResults(results: Results, { task, data }: GradingSources): Verified {
  const { origin, plan, cells } = results;
  const refuse = (problems: readonly string[]) => {
    if (problems.length === 0) return;
    const more = problems.length > SHOWN ? `; and ${problems.length - SHOWN} more` : "";
    throw new FailureError(`Cannot verify "${origin}": ${problems.slice(0, SHOWN).join("; ")}${more}`);
  };
  if (plan === null) throw new FailureError(`Cannot verify "${origin}": it has no plan … run the experiment again`);
  refuse(wrongTask(plan, task));
  refuse(unfinished(results, plan));
  refuse(cells.flatMap((cell) => wrongRecord(cell, plan)));
  refuse(unmatched(results));
  refuse(cells.flatMap(wrongAccuracy));
  refuse(cells.flatMap((cell) => wrongGrades(cell, task)));
  if (data) refuse(cells.flatMap((cell) => foreignItems(cell, data)));
  const answers = cells.flatMap((cell) => cell.answers ?? []);
  const wanted = plan.claim.metric === "passAtSamples";
  return {
    digests: true,
    matched: true,
    answers: answers.length,
    scores: answers.some(({ sample }) => (sample > 0) === wanted),
    gold: data !== null,
    replay: false,
  };
}

const nameOf = ({ entry }: CellResults) => `${entry.arm} seed ${entry.seed}`;

function wrongTask({ task: { name, version } }: PlanRecord, task: Task): string[] {
  if (name !== task.name) return [`it is of task "${name}", not "${task.name}"`];
  if (version === task.version) return [];
  return [`it was graded by version ${version} of task "${name}", and version ${task.version} is at hand`];
}

/** Every cell that the plan names is there once, finished, and no other. */
function unfinished({ experiment, cells }: Results, plan: PlanRecord): string[] {
  const parts = [plan, ...plan.amendments];
  const planned = new Set(
    parts.flatMap(({ arms, seeds }) => arms.flatMap(({ name }) => seeds.map((s) => `${name} seed ${s}`))),
  );
  const found = cells.map(nameOf);
  return [
    ...(experiment.status === "finished" ? [] : [`the experiment is ${experiment.status}, not finished`]),
    ...[...planned].filter((name) => !found.includes(name)).map((name) =>
      `${name} is in the plan and not in the results`
    ),
    ...found.filter((name, i) => !planned.has(name) || found.indexOf(name) !== i)
      .map((name) => `${name} is in the results and not in the plan, or twice`),
    ...cells.filter(({ entry }) => entry.status !== "finished").map((cell) =>
      `${nameOf(cell)} is ${cell.entry.status}`
    ),
    ...cells.filter(({ record, answers }) => !record?.outcome || !answers || answers.some(({ said }) => said === null))
      .map((cell) => `the completions of ${nameOf(cell)} are not there`),
  ];
}

function wrongRecord(cell: CellResults, plan: PlanRecord): string[] {
  const { record } = cell, { file: _, ...task } = plan.task;
  const outcome = outcomeOf(cell), is = (what: string, same: boolean) => same ? [] : [`${nameOf(cell)}: ${what}`];
  return [
    ...is("its record is of another task", canonicalJson(record?.task ?? null) === canonicalJson(task)),
    ...is("its record is of another policy", record?.policy === plan.policy.name),
    ...is("its match proof is of another config", outcome.match.config === sha256(canonicalJson(plan.config))),
    ...wrongFields(cell, plan).map((field) => `${nameOf(cell)}: ${field} is not what the plan says`),
  ];
}

/** Fields of a cell's config that are neither the plan's, nor its arm's, nor a value that was to be tried. */
function wrongFields({ entry, record }: CellResults, { config, arms, amendments, sweep }: PlanRecord): string[] {
  const { overrides = {} } =
    [...arms, ...amendments.flatMap((later) => later.arms)].find(({ name }) => name === entry.arm) ?? {};
  const groups = Object.entries({ ...config, ...record?.config });
  const keys = groups.flatMap(([group, fields]) =>
    Object.keys({ ...config[group], ...fields }).map((name) => [group, name, `${group}.${name}`] as const)
  );
  return keys.flatMap(([group, name, key]) => {
    const value = record?.config[group]?.[name], planned = key in overrides ? overrides[key] : config[group]?.[name];
    const tried = key === sweep?.field && value !== undefined && sweep.values.includes(value);
    return value === planned || tried ? [] : [key];
  });
}

function unmatched({ experiment, plan, cells }: Results): string[] {
  const proven = cells.map((cell) => ({ arm: cell.entry.arm, seed: cell.entry.seed, outcome: outcomeOf(cell) }));
  const { problems } = proveMatch(proven, plan?.claim.against ?? null);
  if (problems.length > 0) return problems.map((problem) => `the cells are not matched: ${problem}`);
  return experiment.match.matched ? [] : ["the experiment says that its cells are not matched"];
}

function outcomeOf({ record, entry }: CellResults): Outcome {
  if (record?.outcome) return record.outcome;
  throw new FailureError(`Cannot verify ${entry.arm} seed ${entry.seed}: it has no outcome`);
}

/** What the last greedy evaluation says is what its answers say. */
function wrongAccuracy(cell: CellResults): string[] {
  const greedy = (cell.answers ?? []).filter(({ sample }) => sample === 0);
  const last = outcomeOf(cell).evaluations.findLast(({ split, mode }) => split === "test" && mode === "greedy");
  const share = greedy.filter(({ status }) => status === "correct").length / greedy.length;
  return last?.accuracy === share ? [] : [`${nameOf(cell)}: its accuracy is not that of its answers`];
}

/** Questions are the first of the test split, in order. */
function foreignItems(cell: CellResults, { splits: { test }, digest }: TaskData): string[] {
  if (cell.record?.task.data !== digest) return [`${nameOf(cell)}: its data is not the task's`];
  const asked = (cell.answers ?? []).filter(({ sample }) => sample === 0);
  return asked.flatMap(({ id, question, gold }, i) => {
    const item = i < test.size ? test.item(i) : null;
    const same = item?.id === id && item.question === question && item.gold === gold;
    return same ? [] : [`${nameOf(cell)}: question ${JSON.stringify(id)} or its gold answer is not the task's`];
  });
}

function wrongGrades(cell: CellResults, task: Task): string[] {
  const cap = cell.record?.config["rl"]?.["maxCompletionTokens"];
  if (typeof cap !== "number") return [`${nameOf(cell)}: its config has no rl.maxCompletionTokens`];
  return regrade(task, cell.answers ?? [], cap).map((problem) => `${nameOf(cell)}: its samples, ${problem}`);
}
