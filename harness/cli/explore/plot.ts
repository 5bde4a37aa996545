// `plot`: how a number went over the updates, mean over the seeds of each arm, as a chart in characters. "accuracy" is
// the learning curve on validation questions; every other metric is one that steps record.

import { FailureError, MisuseError } from "../../base/errors.ts";
import { suggest } from "../../base/suggest.ts";
import type { StepRecord } from "../../contract.ts";
import { percent } from "../format.ts";
import { armOf, type Display, type Exploration } from "./exploration.ts";
import { type ChartSeries, MOST_SERIES, textChart } from "./text_chart.ts";
import { visibleText } from "../../base/visible_text.ts";

const CURVE = "accuracy";

/** Arms that are drawn where none is named. */
const FEW = 6;

/** Numbers of a step beside rewards and gauges. */
const plain = [
  "completionLength",
  "truncatedShare",
  "entropy",
  "loss",
  "kl",
  "gradientNorm",
  "learningRate",
  "clipShare",
  "zeroVarianceTotal",
  "zeroVarianceCorrectness",
  "distinct",
  "similarity",
  "samplerTrainerGap",
] as const satisfies readonly (keyof StepRecord)[];

/** A number of a step by its name; null where the step has none. */
function valueOf(step: StepRecord, metric: string): number | null {
  const name = plain.find((one) => one === metric);
  if (name) return step[name];
  if (Object.hasOwn(step.rewards, metric)) return step.rewards[metric]?.mean ?? null;
  return Object.hasOwn(step.gauges, metric) ? step.gauges[metric] ?? null : null;
}

/** What can be plotted of these results. */
export function plotMetrics({ results: { cells } }: Exploration): string[] {
  const last = cells.flatMap(({ steps }) => steps?.at(-1) ?? []);
  const names = (of: (step: StepRecord) => object) => [...new Set(last.flatMap((step) => Object.keys(of(step))))];
  const steps = last.length === 0 ? [] : [...names((step) => step.rewards), ...plain, ...names((step) => step.gauges)];
  return [CURVE, ...steps];
}

/**
 * A chart of the metric for the arms, all of them if none is named.
 * @throws MisuseError for a metric or an arm that is not there, FailureError where nothing was kept to draw
 */
export function plotText(
  exploration: Exploration,
  metric: string | undefined,
  names: readonly string[],
  display: Display,
): string {
  const metrics = plotMetrics(exploration), known = metrics.map((name) => visibleText(name)).join(", ");
  if (metric === undefined) return `Metrics to plot: ${known}`;
  if (!metrics.includes(metric)) {
    const kept = metrics.length > 1 ? "" : " (steps were not kept here)";
    throw new MisuseError(
      `Cannot plot "${visibleText(metric, 60)}": the metrics are ${known}${kept}${suggest(metric, metrics)}`,
    );
  }
  const asked = new Set(names.map((name) => armOf(exploration, name).arm));
  const all = exploration.study.arms.map(({ arm }) => arm), arms = asked.size === 0 ? few(exploration) : [...asked];
  const drawn = all.filter((arm) => arms.includes(arm)).map((arm) => seriesOf(exploration, metric, arm));
  const shown = drawn.filter(({ points }) => points.length > 0).slice(0, MOST_SERIES);
  if (shown.length === 0) {
    throw new FailureError(`Cannot plot ${visibleText(metric)}: none of these arms has a value of it yet`);
  }
  const isShare = metric === CURVE;
  const left = (asked.size === 0 ? all : arms).length - shown.length;
  return [
    isShare ? "validation accuracy (greedy), mean over seeds" : `${visibleText(metric)}, mean over seeds`,
    "",
    textChart(shown, { ...display, xName: "updates", ...(isShare ? { yText: percent } : {}) }),
    ...(left > 0 ? [`(${left} more ${left === 1 ? "arm" : "arms"}, or without values: name the arms to draw)`] : []),
  ].join("\n");
}

/** All arms, or, where they would be too many to tell apart, the best and the one that they are compared with. */
function few({ study: { arms, against } }: Exploration): string[] {
  if (arms.length <= FEW) return arms.map(({ arm }) => arm);
  const best = arms.filter(({ arm }) => arm !== against).sort((a, b) =>
    (b.score?.value ?? -1) - (a.score?.value ?? -1)
  );
  return [...best.slice(0, FEW - 1).map(({ arm }) => arm), ...(against === null ? [] : [against])];
}

function seriesOf({ results, study }: Exploration, metric: string, arm: string): ChartSeries {
  if (metric === CURVE) {
    const curve = study.arms.find((one) => one.arm === arm)?.curve ?? [];
    return named(arm, curve.map(({ updates, value }) => ({ x: updates, y: value })), percent);
  }
  const sums = new Map<number, { sum: number; count: number }>();
  for (const { entry, steps } of results.cells) {
    if (entry.arm !== arm) continue;
    for (const step of steps ?? []) {
      const value = valueOf(step, metric), at = sums.get(step.step) ?? { sum: 0, count: 0 };
      if (value !== null) sums.set(step.step, { sum: at.sum + value, count: at.count + 1 });
    }
  }
  const points = [...sums].sort(([a], [b]) => a - b).map(([x, { sum, count }]) => ({ x, y: sum / count }));
  return named(arm, points, (value) => String(Number(value.toPrecision(4))));
}

/** The legend says where a line begins and ends, which letters that meet do not show. */
function named(arm: string, points: ChartSeries["points"], text: (value: number) => string): ChartSeries {
  const [first, last] = [points[0], points.at(-1)];
  return { name: visibleText(arm) + (first && last ? `: ${text(first.y)} -> ${text(last.y)}` : ""), points };
}
