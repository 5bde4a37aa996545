// An evaluation as tables in a terminal, and two of them side by side.

import type { MatchboxEvaluation, ModeMeasures } from "../records/evaluation_record.ts";
import type { Estimate } from "../stats/estimate.ts";
import type { EvaluationDifference } from "../stats/evaluation_measures.ts";
import { alignColumns, percent, points } from "./format.ts";

/** A finished evaluation. */
export function evaluationText({ asked, outcome }: MatchboxEvaluation): string {
  if (!outcome) return "";
  const { greedy, sampled, atK, atBudget } = outcome.measures;
  const { prompt, grading } = asked.task;
  const style = (prompt ? `, prompt ${prompt}` : "") + (grading ? `, ${grading} grading` : "");
  const shots = asked.shots.length > 0 ? `, ${asked.shots.length} worked examples` : "";
  const limits = `${asked.topK > 0 ? `, top-k ${asked.topK}` : ""}${asked.topP < 1 ? `, top-p ${asked.topP}` : ""}`;
  const head =
    `${asked.policy.name} on ${asked.task.name}: ${asked.items} ${asked.split} questions${style}${shots}; greedy, and ` +
    `${asked.samples} drawn at temperature ${asked.temperature}${limits}; at most ${asked.maxTokens} tokens, seed ${asked.seed}`;
  return [
    head,
    scoresTable(greedy.accuracy, sampled.accuracy),
    alignColumns([
      ["of k drawn", "pass@k", "maj@k", "likeliest", "best format"],
      [],
      ...atK.map(({ k, pass, majority, likeliest, bestFormat }) => [
        `${k}`,
        ...[pass, majority, likeliest, bestFormat].map(shortShare),
      ]),
    ]),
    alignColumns([
      ["cut at", "greedy", "drawn"],
      [],
      ...atBudget.map(({ tokens, greedy, sampled }) => [`${tokens} tokens`, shortShare(greedy), shortShare(sampled)]),
    ]),
    modesTable({ greedy, drawn: sampled }),
  ].join("\n\n");
}

const interval = ({ lower, upper }: Estimate, text: (value: number) => string) => `${text(lower)} to ${text(upper)}`;
const bare = (share: number) => (100 * share).toFixed(1);
/** Without an interval where all resamples agree: it would look like certainty. */
const shortShare = (estimate: Estimate) =>
  percent(estimate.value) + (estimate.lower < estimate.upper ? ` (${interval(estimate, bare)})` : "");

function scoresTable(greedy: Estimate, sampled: Estimate): string {
  const row = (name: string, estimate: Estimate) => {
    return [name, percent(estimate.value), estimate.lower < estimate.upper ? interval(estimate, bare) : "-"];
  };
  return alignColumns([["accuracy", "value", "95 % interval"], [], row("greedy", greedy), row("drawn", sampled)]);
}

function modesTable(modes: Readonly<Record<string, ModeMeasures>>): string {
  const columns = Object.values(modes), lengths = ["all", "correct", "wrong"] as const;
  const row = (name: string, of: (mode: ModeMeasures) => string) => [name, ...columns.map(of)];
  const share = (count: number, mode: ModeMeasures) => percent(count / mode.completions);
  const statuses = [...new Set(columns.flatMap((mode) => Object.keys(mode.statuses)))].sort();
  const orNone = (estimate: Estimate | null, text: (value: number) => string) => estimate ? text(estimate.value) : "-";
  const tokens = (value: number) => value.toFixed(1);
  return alignColumns([
    ["completions", ...Object.keys(modes)],
    [],
    ...statuses.map((status) => row(status, (mode) => share(mode.statuses[status] ?? 0, mode))),
    row("cut off at the cap", ({ truncated }) => percent(truncated)),
    ...lengths.map((which) =>
      row(`tokens, ${which === "all" ? "" : `${which}: `}mean / median / 95 %`, ({ length }) => {
        const of = length[which];
        return of ? `${tokens(of.mean.value)} / ${of.median} / ${of.p95}` : "-";
      })
    ),
    row("tokens to the right answer, correct", ({ firstCorrect }) => orNone(firstCorrect, tokens)),
    row("tokens after it, correct (waste)", ({ waste }) => orNone(waste, percent)),
    row("wrong, though the right answer stands there", ({ lost }) => orNone(lost, percent)),
    row("reflections a completion", ({ reflections }) => reflections.value.toFixed(2)),
  ]);
}

/** What a policy does otherwise than the first, measure by measure. */
export function differencesText(first: string, other: string, differences: readonly EvaluationDifference[]): string {
  // Of one drawn completion all four are the sampling accuracy.
  const told = differences.filter(({ name }) => !/^(?:pass|maj)@1$|^best of 1 /.test(name));
  const rows = told.map(({ name, unit, a, b, difference, p }) => {
    const value = unit === "share" ? percent : (tokens: number) => tokens.toFixed(1);
    const change = unit === "share" ? points : (tokens: number) => (tokens < 0 ? "" : "+") + tokens.toFixed(1);
    return [
      name,
      value(a),
      value(b),
      change(difference.value),
      interval(difference, change),
      p === null ? "" : p.toFixed(4),
    ];
  });
  return `${other} against ${first}, paired by question\n\n` +
    alignColumns([["measure", "first", "other", "difference", "95 % interval", "McNemar's p"], [], ...rows]);
}
