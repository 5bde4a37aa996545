// What a baseline holds, and what a new one changes, as people read it in a terminal.

import { visibleText } from "../base/visible_text.ts";
import type { Results } from "../records/results.ts";
import { taskText } from "../records/task_text.ts";
import { configDifferences, metricOf } from "../report/compare/comparable.ts";
import { machineText } from "../report/compare/machine.ts";
import { cellScores } from "../stats/cell_scores.ts";
import { runMeans } from "../stats/scores.ts";
import { alignColumns, percent, points } from "./format.ts";

/** Text of others in a line of a terminal; longer ones are cut. */
const shown = (text: string) => visibleText(text, 300);

/** Facts and a row for each arm. */
export function baselineTable(results: Results): string {
  const { experiment: { task, profile }, plan } = results;
  const facts = factsOf(results).map(([name, value]) => `${`${name}:`.padEnd(10)} ${shown(value)}`);
  const rows = armsOf(results).map(({ arm, seeds, means }) => [
    shown(arm),
    `${seeds.length}`,
    percent(average(means)),
    means.length === 0 ? "" : `${percent(Math.min(...means))} to ${percent(Math.max(...means))}`,
  ]);
  return [
    `${shown(task.name)} ${shown(profile)}: ${plan?.claim.metric ?? "accuracy"} on test questions`,
    ...facts,
    "",
    alignColumns([["arm", "seeds", "mean", "least to most"], [], ...rows]),
  ].join("\n");
}

function factsOf({ experiment, plan, cells }: Results): [string, string][] {
  const commits = new Set(cells.flatMap(({ record }) => record?.environment?.gitCommit?.slice(0, 8) ?? []));
  const machines = new Set(cells.flatMap(({ record }) => record ? [machineText(record)] : []));
  return [
    ["task", `${taskText(experiment.task)}, data ${experiment.task.data.slice(0, 12)}`],
    ["policy", experiment.policy],
    ["budget", plan?.budget ?? "unknown"],
    ["matchbox", `${plan?.matchbox ?? "unknown"}${commits.size > 0 ? ` at ${[...commits].join(", ")}` : ""}`],
    ["machine", [...machines].join("; ") || "unknown"],
    ["command", experiment.command.join(" ")],
  ];
}

/** Each change in a sentence; none where nothing that a comparison looks at changed. */
export function whatChanges(before: Results, after: Results): string[] {
  const old = new Map(factsOf(before));
  const facts = factsOf(after).flatMap(([name, value]) =>
    old.get(name) === value ? [] : [`${name}: ${old.get(name)} -> ${value}`]
  );
  const { serious, harmless } = configDifferences(after.experiment.config, before.experiment.config, metricOf(before));
  const fields = [...serious, ...harmless].map(({ field, ours, theirs }) => `${field}: ${theirs} -> ${ours}`);
  const known = new Map(armsOf(before).map((arm) => [arm.arm, arm])), arms = armsOf(after);
  const gone = [...known.keys()].filter((arm) => !arms.some((one) => one.arm === arm)).map((arm) => `arm ${arm}: gone`);
  const moved = arms.flatMap(({ arm, seeds, means }) => {
    const was = known.get(arm);
    if (!was) return [`arm ${arm}: new, ${seeds.length} seeds, ${percent(average(means))}`];
    const same = seeds.join() === was.seeds.join() ? [] : [`seeds ${was.seeds.join(", ")} -> ${seeds.join(", ")}`];
    const by = average(means) - average(was.means);
    const score = by === 0 ? [] : [`${percent(average(was.means))} -> ${percent(average(means))} (${points(by)})`];
    return same.length + score.length === 0 ? [] : [`arm ${arm}: ${[...same, ...score].join("; ")}`];
  });
  return [...facts, ...fields, ...gone, ...moved, ...digestText(before, after)];
}

/** "digests: 3 of 9 cells are no longer the same bytes" */
function digestText(before: Results, after: Results): string[] {
  const key = (arm: string, seed: number) => `${seed} ${arm}`;
  const old = new Map(before.cells.map(({ entry, record }) => [key(entry.arm, entry.seed), record?.digest]));
  const shared = after.cells.filter(({ entry }) => old.has(key(entry.arm, entry.seed)));
  const other = shared.filter(({ entry, record }) => old.get(key(entry.arm, entry.seed)) !== record?.digest);
  return other.length === 0 ? [] : [`digests: ${other.length} of ${shared.length} cells are no longer the same bytes`];
}

function armsOf(results: Results) {
  return [...Map.groupBy(results.cells, ({ entry }) => entry.arm)].map(([arm, cells]) => {
    const { seeds, values } = cellScores(cells, metricOf(results));
    return { arm, seeds, means: runMeans(values) };
  });
}

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
