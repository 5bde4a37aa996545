// `show`: one arm over its seeds, or one of its cells.

import type { EvaluationRecord } from "../../contract.ts";
import type { CellResults } from "../../records/results.ts";
import type { CellRecord } from "../../records/schema.ts";
import type { ArmStudy } from "../../stats/study.ts";
import { alignColumns, duration, percent, quantity } from "../format.ts";
import { armOf, cellOf, type Exploration, metricNames } from "./exploration.ts";
import { scoreText } from "./list.ts";
import { visibleText } from "../../base/visible_text.ts";

/** An arm, or its cell with that seed. @throws MisuseError where there is none */
export function showText(exploration: Exploration, arm: string | undefined, seed: number | null): string {
  const found = armOf(exploration, arm);
  return seed === null ? armText(exploration, found) : cellText(exploration, cellOf(exploration, found.arm, seed));
}

function armText({ results: { cells, experiment }, study }: Exploration, arm: ArmStudy): string {
  const own = cells.filter(({ entry }) => entry.arm === arm.arm);
  const share = (value: number | null) => value === null ? "none" : percent(value);
  const facts = [
    [metricNames[study.metric], arm.score ? scoreText(arm.score) : "no finished cell"],
    ["interval", arm.score ? [arm.score.method, arm.score.note ?? ""].filter(Boolean).join("; ") : ""],
    ["before training", share(arm.before)],
    ["over seeds", arm.score ? rangeText(arm) : ""],
    ["tier", arm.tier === null ? "" : String(arm.tier)],
    ["answers", arm.statuses ? sharesText(arm.statuses) : ""],
    ["a cell used", arm.tokens === null ? "" : costText(arm)],
    [
      "collapses",
      arm.collapses.map(({ kind, seed, step }) => `${kind} (seed ${seed}, update ${step})`).join(", ") || "none",
    ],
    ["added later", arm.added ? "yes: its comparison is exploratory" : ""],
    [
      "fields",
      differing(experiment.config, own.find(({ record }) => record)?.record ?? null).join(", ") || "none differs",
    ],
  ].filter(([, value]) => value !== "");
  return [
    `${visibleText(arm.arm)}: ${visibleText(arm.summary, 400)}`,
    "",
    alignColumns(facts, 2),
    "",
    curveTable(arm),
    "",
    seedTable(own),
  ].join("\n");
}

function rangeText({ median, iqm, least, most, seeds }: ArmStudy): string {
  const values = [["least", least], ["median", median], ["IQM", iqm], ["most", most]] as const;
  const shown = values.map(([name, value]) => `${name} ${value === null ? "none" : percent(value)}`).join(", ");
  return `${shown} (seeds ${seeds.join(", ")})`;
}

function sharesText(shares: Readonly<Record<string, number>>): string {
  return Object.entries(shares).map(([name, value]) => `${name} ${percent(value)}`).join(", ");
}

function costText({ updates, tokens, seconds, memoryBytes, completionLength }: ArmStudy): string {
  return [
    updates === null ? "" : `${quantity(updates)} updates`,
    tokens === null ? "" : `${quantity(tokens)} tokens`,
    seconds === null ? "" : duration(seconds),
    memoryBytes === null ? "" : `${Math.round(memoryBytes / 2 ** 20)} MiB`,
    completionLength === null ? "" : `${completionLength.toFixed(1)} tokens an answer`,
  ].filter(Boolean).join(", ");
}

function curveTable({ curve, seeds }: ArmStudy): string {
  if (curve.length === 0) return "No learning curve: nothing was evaluated on validation questions in a finished cell";
  return alignColumns([
    ["updates", "tokens", `validation accuracy over ${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}`],
    [],
    ...curve.map(({ updates, tokens, value, lower, upper }) => [
      String(updates),
      tokens === null ? "" : quantity(tokens),
      `${percent(value)} [${(100 * lower).toFixed(1)}, ${(100 * upper).toFixed(1)}]`,
    ]),
  ]);
}

function seedTable(cells: readonly CellResults[]): string {
  return alignColumns([
    ["seed", "status", "test accuracy", "updates", "tokens", "collapses"],
    [],
    ...cells.map(({ entry, record }) => [
      String(entry.seed),
      entry.failure === null ? entry.status : `${entry.status}: ${visibleText(entry.failure, 200)}`,
      entry.accuracy ? `${percent(entry.accuracy.before)} -> ${percent(entry.accuracy.after)}` : "",
      quantity(entry.updates),
      quantity(entry.tokens),
      record?.outcome?.collapses.map(({ kind }) => kind).join(", ") ?? "",
    ]),
  ], 2);
}

function cellText({ results: { experiment } }: Exploration, { entry, record, steps }: CellResults): string {
  const { arm, seed, status, failure } = entry, title = `${visibleText(arm)} seed ${seed}: ${status}`;
  const reached = steps && steps.length > 0 ? `; ${steps.length} updates are written` : "";
  if (record === null) return `${title}${reached}; no record yet`;
  const { outcome, environment: place } = record;
  const facts = [
    ["failure", failure === null ? "" : visibleText(failure, 1000)],
    ["ended after", outcome ? `${outcome.updates} updates, by its budget of ${outcome.endedBy}` : ""],
    ["tested weights", outcome ? `those after ${outcome.evaluatedStep} updates` : ""],
    ["asked", outcome ? `${outcome.asked.count} training questions` : ""],
    ["tokens", outcome ? `${outcome.tokens.prompt} of prompts, ${outcome.tokens.completion} of completions` : ""],
    ["collapses", outcome?.collapses.map(({ kind, step }) => `${kind} (update ${step})`).join(", ") || "none"],
    ["embedder", outcome?.embedder ? visibleText(outcome.embedder.name) : ""],
    ["time", `${duration(record.timing.seconds)}, taken up again ${record.timing.resumes} times`],
    [
      "place",
      place ? visibleText(`${place.cpu}, ${place.device}, ${place.threads} threads, Deno ${place.deno}`, 200) : "",
    ],
    ["digest", record.digest ?? ""],
    ["fields", differing(experiment.config, record).join(", ") || "none differs"],
  ].filter(([, value]) => value !== "");
  const evaluations = outcome?.evaluations ?? record.partial?.evaluations ?? [];
  return [title + (outcome ? "" : reached), "", alignColumns(facts, 2), "", evaluationTable(evaluations)].join("\n");
}

function evaluationTable(evaluations: readonly EvaluationRecord[]): string {
  if (evaluations.length === 0) return "No evaluation was recorded";
  const timeouts = evaluations.some(({ statuses }) => statuses.timeout);
  return alignColumns([
    ["updates", "questions", "mode", "accuracy", "pass@k", "length", "correct", "wrong", "unparseable", "truncated"]
      .concat(timeouts ? "timeout" : []),
    [],
    ...evaluations.map(({ step, split, mode, n, samples, accuracy, passAtSamples, completionLength, statuses }) => [
      String(step),
      `${n} ${split}`,
      mode,
      percent(accuracy),
      mode === "sample" ? `${percent(passAtSamples)} (k = ${samples})` : "",
      completionLength.toFixed(1),
      ...[statuses.correct, statuses.wrong, statuses.unparseable, statuses.truncated].map(String),
      ...(timeouts ? [String(statuses.timeout ?? 0)] : []),
    ]),
  ]);
}

/** Fields of a cell that are not the experiment's: `rl.advantage = "mean" (else "std")`. */
function differing(common: CellRecord["config"], record: CellRecord | null): string[] {
  return Object.entries(record?.config ?? {}).flatMap(([group, fields]) =>
    Object.entries(fields).flatMap(([name, value]) => {
      const usual = common[group]?.[name];
      if (value === usual) return [];
      const shown = (one: unknown) => visibleText(JSON.stringify(one) ?? "none", 100);
      return [`${visibleText(`${group}.${name}`, 100)} = ${shown(value)} (else ${shown(usual)})`];
    })
  );
}
