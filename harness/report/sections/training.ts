// What training reported step by step, a small chart a quantity with a line an arm: parts of the reward, lengths and
// variety, the memory, and the numbers of the optimizer. What steps did not have is not shown.

import type { Collapse, StepRecord } from "../../contract.ts";
import type { ChartLine, ChartSpec, Section } from "../chart_spec.ts";
import { absent, figure, reading, table } from "../elements.ts";
import { type Html, html, type Part } from "../html.ts";
import { fourDigits, plural } from "../numbers.ts";
import { pointWidth, type Reading, seriesOf } from "../series.ts";
import { armLabel, type View } from "../view.ts";

const NOT_KEPT = "Steps were not kept in these records, so this cannot be shown.";

/** Rewards over time: the total, the task's in its order, then the arms' own. */
export function rewardParts(view: View): Section {
  const task = Object.keys(
    view.results.cells.find(({ record }) => record?.outcome)?.record?.outcome?.evaluations[0]?.rewards ?? {},
  );
  const found = new Set(firstSteps(view).flatMap(({ rewards }) => Object.keys(rewards)));
  const bonuses = [...found].filter((name) => name !== "total" && !task.includes(name) && !name.endsWith(".raw"))
    .sort();
  const charts = ["total", ...task, ...bonuses].flatMap((name) =>
    panel(view, {
      id: `reward-${name}`,
      title: name === "total" ? "total reward" : bonuses.includes(name) ? `${name} (bonus)` : name,
      percent: false,
      reading: ({ rewards }) => rewards[name]?.mean ?? null,
    })
  );
  return panels(view, "rewards", "Reward, part by part", charts, [
    html`The <b>total</b> of arms with a bonus is not that of others: they are paid for more. Compare correctness.`,
    html`Values are means over the completions drawn for an update, at the sampling temperature: rougher, and often lower,
than greedy accuracy.`,
    html`A bonus is shown as it was paid: normalised and weighted.`,
  ]);
}

/** Completion lengths, variety, and the collapses found by the rules of harness/rl/collapse.ts. */
export function lengthsAndCollapses(view: View): Section {
  const charts = [
    { id: "length", title: "completion length, tokens", percent: false, reading: of("completionLength") },
    { id: "truncated", title: "cut off at the cap", percent: true, reading: of("truncatedShare") },
    { id: "distinct", title: "distinct pairs of tokens in a group", percent: true, reading: of("distinct") },
    { id: "similarity", title: "likeness within a group", percent: true, reading: of("similarity") },
    { id: "entropy", title: "entropy, nats a token", percent: false, reading: of("entropy") },
  ].flatMap((one) => panel(view, one));
  return panels(view, "collapse", "Completion lengths and collapses", charts, [
    html`A <b>collapse</b> is a rule that was written down before the run: it compares means over the last updates with means
over the first, and none holds while the policy answers most questions right, for it is then rightly certain.`,
    ...Object.entries(COLLAPSES).map(([kind, words]) => html`<b>${kind}</b>: ${words}.`),
  ], { above: collapseTable(view) });
}

const COLLAPSES: Readonly<Record<Collapse["kind"], string>> = {
  "reward-mode": "the other rewards rose and correctness stayed flat, for long",
  "length-short": "completions shrank to a fraction, and correctness stayed flat",
  "length-cap": "most completions run into the cap",
  "diversity": "the completions of a group have become one another's copies",
  "entropy": "the sampling distribution has become certain",
};

function collapseTable({ arms }: View): Html {
  const rows = arms.flatMap((arm) => {
    const { collapses, seeds } = arm.study;
    return [...Map.groupBy(collapses, ({ kind }) => kind)].map(([kind, found]): Part[] => [
      armLabel(arm),
      kind,
      `${found.length} of ${seeds.length}`,
      found.map(({ seed, step }) => `seed ${seed} after ${plural(step, "update")}`).join(", "),
    ]);
  });
  if (rows.length === 0) return html`<p>No collapse was found in any cell.</p>`;
  return table("Collapses that were found", [
    { head: "arm" },
    { head: "kind" },
    { head: "cells", number: true },
    { head: "first held in" },
  ], [{ head: null, rows }]);
}

/** The gauges that arms report of themselves: growth of a memory, how often it was hit. */
export function memoryGauges(view: View): Section {
  const names = [...new Set(lastSteps(view).flatMap(({ gauges }) => Object.keys(gauges)))].sort();
  const charts = names.flatMap((name) =>
    panel(view, {
      id: `gauge-${name}`,
      title: wordsOf(name),
      percent: /hits$/i.test(name),
      ...(/hits$/i.test(name) ? { range: [0, 1] as const } : {}),
      reading: ({ gauges }) => gauges[name] ?? null,
    })
  );
  return panels(
    view,
    "memory",
    "Memory: growth and hit rates",
    charts,
    [
      html`<b>Keys</b> are remembered questions, <b>values</b> remembered completions. <b>Hits</b> are the share of
completions for which the memory had something to compare with.`,
      html`A hit rate of 100 % says that the memory answers, not that it helps.`,
    ],
    { none: firstSteps(view).length > 0 ? "No arm here keeps a memory." : NOT_KEPT },
  );
}

/** "memory.exploitHits" as "exploit hits". */
function wordsOf(gauge: string): string {
  const [room = "", ...rest] = gauge.split("."), name = rest.join(".") || room;
  const words = name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return room === "memory" || rest.length === 0 ? words : `${room}: ${words}`;
}

/** Numbers that are often misread. */
export function optimizer(view: View): Section {
  const charts = [
    {
      id: "zero-total",
      title: "groups without variance of the total",
      percent: true,
      reading: of("zeroVarianceTotal"),
    },
    {
      id: "zero-correctness",
      title: "groups all right or all wrong",
      percent: true,
      reading: of("zeroVarianceCorrectness"),
    },
    { id: "loss", title: "loss", percent: false, reading: of("loss") },
    { id: "kl", title: "KL from the reference, nats a token", percent: false, reading: of("kl") },
    { id: "gradient", title: "gradient norm before clipping", percent: false, reading: of("gradientNorm") },
    { id: "clip", title: "tokens with a clipped ratio", percent: true, reading: of("clipShare") },
    {
      id: "gap",
      title: "sampler against trainer, largest |Δ log p|",
      percent: false,
      reading: of("samplerTrainerGap"),
    },
  ].flatMap((one) => panel(view, one));
  return panels(view, "optimizer", "Optimizer", charts, [
    html`A <b>GRPO loss near 0 is normal</b>: advantages of a group sum to 0, and the first step on fresh samples has a ratio of
exactly 1. The loss says nothing of progress; rewards and held-out accuracy do.`,
    html`<b>KL</b> is the distance from the initial policy, a share of what was changed and no error. It is measured where the
config has a KL term, and shown as none elsewhere.`,
    html`A <b>group without variance</b> (all completions paid alike) has no advantage and teaches nothing. Many of them are a
sign of questions that are too hard or too easy, not of a broken trainer. A bonus gives them variance of the total without
any of correctness.`,
    html`A <b>clipped share</b> of 0 is normal with one update a batch.`,
    html`<b>Sampler against trainer</b> must be tiny: if the two disagree, the policy is trained on samples of another.`,
  ]);
}

/** A small chart: where it comes from. */
interface PanelOptions {
  readonly id: string;
  readonly title: string;
  readonly percent: boolean;
  readonly range?: readonly [number, number];
  readonly reading: Reading;
}

function of(
  name:
    | "completionLength"
    | "truncatedShare"
    | "distinct"
    | "similarity"
    | "entropy"
    | "zeroVarianceTotal"
    | "zeroVarianceCorrectness"
    | "loss"
    | "kl"
    | "gradientNorm"
    | "clipShare"
    | "samplerTrainerGap",
): Reading {
  return (step) => step[name];
}

/** The chart, if any arm has a line in it. */
function panel({ arms }: View, { id, title, percent, range, reading }: PanelOptions): ChartSpec[] {
  const lines = arms.flatMap(({ cells }, arm): ChartLine[] => {
    const series = seriesOf(cells, reading);
    return series ? [{ arm, x: [series.updates], y: series.values }] : [];
  });
  return lines.length === 0 ? [] : [{ id, title, views: ["updates"], percent, lines, ...(range ? { range } : {}) }];
}

/** A section of charts; what never changed is said and not drawn. */
function panels(
  view: View,
  id: string,
  title: string,
  all: readonly ChartSpec[],
  notes: readonly Html[],
  { above = null, none = NOT_KEPT }: { readonly above?: Html | null; readonly none?: string } = {},
): Section {
  const levelsOf = ({ lines }: ChartSpec) => new Set(lines.flatMap(({ y }) => y));
  const charts = all.filter((chart) => levelsOf(chart).size > 1),
    constant = all.filter((chart) => levelsOf(chart).size === 1);
  const width = Math.max(0, ...view.results.cells.map(({ steps }) => pointWidth(steps?.length ?? 0)));
  return {
    id,
    title,
    charts,
    body: html`${above}${
      all.length === 0 ? absent(none) : html`
        <p class="lead">Means over seeds${width > 1 &&
          `; a point is the mean of ${width} updates`}. ${constant.length > 0 &&
          `Not drawn, because always the same: ${
            constant.map((chart) => `${chart.title} (${[...levelsOf(chart)].map(fourDigits).join()})`).join("; ")
          }.`}</p>
        <div class="panels">${charts.map((chart) => figure(view, chart))}</div>
      `
    }${(above !== null || all.length > 0) && reading(...notes)}`,
  };
}

const firstSteps = ({ results }: View): StepRecord[] => results.cells.flatMap(({ steps }) => steps?.[0] ?? []);
const lastSteps = ({ results }: View): StepRecord[] => results.cells.flatMap(({ steps }) => steps?.at(-1) ?? []);
