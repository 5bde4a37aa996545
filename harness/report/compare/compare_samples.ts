// Two sets of per-sample results that another tool wrote, by the same verdict: task by task, paired by item, Holm over
// the tasks. With one run a side only the items vary, and McNemar's exact test says how sure it is; runs (epochs, or
// files of the same task) are paired in their order and vary too. Training seeds are not in such files.

import type { ForeignSamples, ForeignTask } from "../../records/foreign/foreign_samples.ts";
import { pairScores, type Scores } from "../../stats/scores.ts";
import { judgeArms, worstVerdict } from "../../stats/verdict.ts";
import { questionsText, scoreNotes, unpairedItems } from "./compare_results.ts";
import type { GateReport } from "./gate_report.ts";

/** A task of both. */
interface SharedTask {
  readonly name: string;
  readonly ours: ForeignTask;
  readonly theirs: ForeignTask;
}

/** The verdict over a candidate's samples. @param margin least drop that matters, a share */
export function compareSamples(candidate: ForeignSamples, baseline: ForeignSamples, margin: number): GateReport {
  const tasks = sharedTasks(candidate, baseline);
  const problems = tasks.length > 0 ? tasks.flatMap(taskProblems) : [
    `no task in common: ${namesOf(candidate)}, in the baseline ${namesOf(baseline)}`,
  ];
  if (candidate.tool !== baseline.tool) problems.unshift(`${candidate.tool}, in the baseline ${baseline.tool}`);
  const paired = problems.length > 0 ? [] : tasks.map(({ name, ours, theirs }) => ({
    arm: name,
    pairing: pairScores(scoresOf(ours), scoresOf(theirs)),
    fixed: true,
  }));
  const judged = judgeArms(
    paired.filter(({ pairing: { seeds, items } }) => seeds.length > 0 && items.length > 0),
    margin,
  );
  const rows = paired.map(({ arm }) => {
    const own = judged.find((one) => one.arm === arm) ?? null;
    const reasons = own === null ? ["no item has a score on both sides"] : questionsText(own);
    return { arm, verdict: own?.verdict ?? "underpowered" as const, judged: own, reasons };
  });
  return {
    verdict: worstVerdict(rows.map(({ verdict }) => verdict)),
    unit: "task",
    tier: "statistical",
    tierReason: problems.length > 0 ? "nothing was judged" : "samples made elsewhere have no digests of a run",
    metric: [...new Set(tasks.map(({ theirs }) => theirs.metric))].join(", "),
    margin,
    candidate: { origin: candidate.origin, made: candidate.made },
    baseline: { origin: baseline.origin, made: baseline.made },
    problems,
    arms: rows,
    unpaired: [
      ...unpairedTasks(candidate, baseline, tasks),
      ...paired.flatMap(({ arm, pairing }) => [
        ...pairing.unpaired.filter(({ kind, seed }) => kind === "seed" && seed !== null)
          .map(({ side, seed }) => `${arm}: run ${1 + (seed ?? 0)} of the ${side === "a" ? "candidate" : "baseline"}`),
        ...unpairedItems(arm, pairing.unpaired),
      ]),
    ],
    notes: [
      "training seeds are not in these files: what another training would give is not in the interval",
      ...candidate.notes,
      ...baseline.notes,
      ...(problems.length > 0 ? [] : tasks.flatMap(promptNotes)),
      ...scoreNotes(judged, []).filter((note) => !note.startsWith("one seed")),
      ...(tasks.some(({ ours, theirs }) => Math.min(ours.runs.length, theirs.runs.length) > 1)
        ? ["runs are paired in their order, which means nothing: they share no seed"]
        : []),
    ],
  };
}

/** One task on each side is the same one where a file does not name it. */
function sharedTasks(candidate: ForeignSamples, baseline: ForeignSamples): SharedTask[] {
  const [ours] = candidate.tasks, [theirs] = baseline.tasks;
  if (ours && theirs && candidate.tasks.length === 1 && baseline.tasks.length === 1) {
    if (ours.task === null || theirs.task === null) {
      return [{ name: ours.task ?? theirs.task ?? "samples", ours, theirs }];
    }
  }
  return baseline.tasks.flatMap((theirs) => {
    const ours = candidate.tasks.find(({ task }) => task !== null && task === theirs.task);
    return ours ? [{ name: theirs.task ?? "samples", ours, theirs }] : [];
  });
}

function taskProblems({ name, ours, theirs }: SharedTask): string[] {
  const problems: string[] = [];
  if (ours.metric !== theirs.metric) problems.push(`${name}: ${ours.metric}, in the baseline ${theirs.metric}`);
  const known = new Map(theirs.items.map(({ id, question }) => [id, question]));
  const shared = ours.items.filter(({ id }) => known.has(id));
  if (shared.length === 0) problems.push(`${name}: no item in common`);
  const other = shared.filter(({ id, question }) => question !== null && (known.get(id) ?? question) !== question);
  const [first] = other;
  if (first) {
    const n = `${other.length} of ${shared.length} items`;
    problems.push(`${name}: ${n} are another question or have another target, e.g. ${first.id}`);
  }
  return problems;
}

function promptNotes({ name, ours, theirs }: SharedTask): string[] {
  const known = new Map(theirs.items.map(({ id, prompt }) => [id, prompt]));
  const other = ours.items.filter(({ id, prompt }) => prompt !== null && (known.get(id) ?? prompt) !== prompt);
  if (other.length === 0) return [];
  return [`${name}: ${other.length} items were asked with another prompt: the effect is of model and prompt together`];
}

function unpairedTasks(candidate: ForeignSamples, baseline: ForeignSamples, shared: readonly SharedTask[]): string[] {
  const without = (tasks: readonly ForeignTask[], lacks: string) =>
    tasks.filter((task) => !shared.some(({ ours, theirs }) => ours === task || theirs === task))
      .map(({ task }) => `${task ?? "an unnamed task"}: not in the ${lacks}`);
  return [...without(baseline.tasks, "candidate"), ...without(candidate.tasks, "baseline")];
}

const namesOf = ({ tasks }: ForeignSamples) => tasks.map(({ task }) => task ?? "an unnamed task").join(", ");

/** Runs are numbered: they have no seeds. */
function scoresOf({ runs, items }: ForeignTask): Scores {
  return {
    seeds: runs.map((_, i) => i),
    items: items.map(({ id }) => id),
    values: runs.map((_, run) => Float64Array.from(items, ({ scores }) => scores[run]!)),
  };
}
