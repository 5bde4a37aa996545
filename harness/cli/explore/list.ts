// `list`: the arms of an experiment with their scores, or its cells one by one.

import { taskText } from "../../records/task_text.ts";
import { alignColumns, percent, points, quantity } from "../format.ts";
import type { Estimate } from "../../stats/estimate.ts";
import { type Exploration, metricNames, probability } from "./exploration.ts";
import { visibleText } from "../../base/visible_text.ts";

/** "96.2 % [94.0, 97.9]" */
export function scoreText({ value, lower, upper }: Estimate): string {
  return `${percent(value)} [${(100 * lower).toFixed(1)}, ${(100 * upper).toFixed(1)}]`;
}

/** "+10.7 [+9.2, +12.2]" */
export function differenceText({ value, lower, upper }: Estimate): string {
  return `${points(value)} [${points(lower)}, ${points(upper)}]`;
}

/** Arms, best tier first, in a tier the higher score. @param cells a line for each cell instead */
export function listText(exploration: Exploration, cells: boolean): string {
  return [headText(exploration), "", cells ? cellTable(exploration) : armTable(exploration)].join("\n");
}

function headText({ results: { origin, experiment, plan }, study }: Exploration): string {
  const { task, policy, profile, status, cells } = experiment;
  const finished = cells.filter((cell) => cell.status === "finished").length;
  const against = study.against === null ? "" : `, against ${visibleText(study.against)}`;
  return [
    visibleText(`${origin}: ${taskText(task)}, policy ${policy}, profile ${profile}`, 400),
    `${status}: ${finished} of ${cells.length} cells finished; ${study.matched ? "matched" : "NOT matched"}` +
    `${plan === null ? "; no plan" : ""}`,
    `${metricNames[study.metric]}${against}; the least difference that matters: ${
      Number((100 * study.margin).toFixed(2))
    } points`,
    ...study.problems.map((problem) => `not matched: ${visibleText(problem, 400)}`),
    ...study.notes.map((note) => visibleText(note, 1000)),
  ].join("\n");
}

function armTable({ study }: Exploration): string {
  const last = 1e9,
    arms = [...study.arms].sort((a, b) =>
      (a.tier ?? last) - (b.tier ?? last) || (b.score?.value ?? -1) - (a.score?.value ?? -1)
    );
  const level = Math.round(100 * (study.arms.find(({ score }) => score)?.score?.level ?? 0.95));
  return alignColumns([
    ["arm", `score [${level} %]`, "before", `difference [${level} %]`, "p (Holm)", "conclusion", "tier", "seeds"],
    [],
    ...arms.map(({ arm, score, before, tier, seeds, missing, added }) => {
      const found = study.comparisons.find((comparison) => comparison.arm === arm);
      return [
        visibleText(arm) + (added ? " (added)" : ""),
        score ? scoreText(score) : "none",
        before === null ? "" : percent(before),
        found ? differenceText(found.effect) : "",
        found ? probability(found.adjustedP) : "",
        found?.conclusion ?? (arm === study.against ? "reference" : ""),
        tier === null ? "" : String(tier),
        missing.length === 0 ? String(seeds.length) : `${seeds.length} of ${seeds.length + missing.length}`,
      ];
    }),
  ]);
}

function cellTable({ results: { cells } }: Exploration): string {
  return alignColumns([
    ["arm", "seed", "status", "before", "after", "gain", "reward", "updates", "tokens"],
    [],
    ...cells.map(({ entry }) => [
      visibleText(entry.arm),
      String(entry.seed),
      entry.failure === null ? entry.status : `${entry.status}: ${visibleText(entry.failure, 200)}`,
      entry.accuracy ? percent(entry.accuracy.before) : "",
      entry.accuracy ? percent(entry.accuracy.after) : "",
      entry.accuracy ? points(entry.accuracy.gain) : "",
      entry.reward?.toFixed(2) ?? "",
      quantity(entry.updates),
      quantity(entry.tokens),
    ]),
  ]);
}
