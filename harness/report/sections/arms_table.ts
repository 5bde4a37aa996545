// Every arm by every measure. Arms stand in tiers, within which their order is that of the plan and means nothing.

import { armLabel, type ArmView, type View } from "../view.ts";
import { absent, reading, type Row, table } from "../elements.ts";
import { html } from "../html.ts";
import { percent, points, shareInterval, UNKNOWN } from "../numbers.ts";
import type { Section } from "../chart_spec.ts";

/** The comparison table. */
export function armsTable(view: View): Section {
  const { study, arms } = view;
  const tiers = [...new Set(arms.flatMap(({ study }) => study.tier ?? []))].sort((a, b) => a - b);
  const effects = new Map(study.comparisons.map((comparison) => [comparison.arm, comparison]));
  const timeouts = arms.some(({ study }) => study.statuses?.timeout); // a column that is mostly not needed
  const row = (arm: ArmView): Row => {
    const { score, median, iqm, least, most, before, area, statuses, seeds, added } = arm.study;
    const effect = effects.get(arm.name)?.effect;
    return [
      html`${armLabel(arm)} ${added && html`<span class="tag">added later</span>`}`,
      html`<b>${percent(score?.value ?? null).replace(" %", "")}</b>`,
      score ? shareInterval(score) : UNKNOWN,
      effect ? html`${points(effect.value)}` : UNKNOWN,
      median === null ? UNKNOWN : plain(median),
      iqm === null ? UNKNOWN : plain(iqm),
      least === null || most === null ? UNKNOWN : `${plain(least)} to ${plain(most)}`,
      before === null ? UNKNOWN : plain(before),
      area ? plain(area.value) : UNKNOWN,
      statuses ? plain(statuses.unparseable) : UNKNOWN,
      statuses ? plain(statuses.truncated) : UNKNOWN,
      ...(timeouts ? [statuses ? plain(statuses.timeout ?? 0) : UNKNOWN] : []),
      seeds.length,
    ];
  };
  const columns = [
    { head: "arm" },
    { head: study.metric === "accuracy" ? "accuracy, %" : "solved by a sample, %", number: true },
    { head: "95 % interval", number: true },
    { head: html`minus <bdi>${study.against ?? UNKNOWN}</bdi>`, number: true, hint: "percentage points, paired" },
    { head: "median", number: true, hint: "over the seeds' means" },
    { head: "IQM", number: true, hint: "mean of the middle half of the seeds' means" },
    { head: "least to most", number: true, hint: "over seeds" },
    { head: "before", number: true, hint: "before training" },
    { head: "mean of curve", number: true, hint: "validation accuracy, mean over training: who learns early has more" },
    { head: "unparseable", number: true, hint: "share of answers without an answer in them; they count as wrong" },
    { head: "truncated", number: true, hint: "share of answers cut off at the cap; they count as wrong" },
    ...(timeouts
      ? [{ head: "timeout", number: true, hint: "share of answers that algebra left undecided; they count as wrong" }]
      : []),
    { head: "seeds", number: true },
  ];
  const groups = tiers.map((tier) => ({
    head: `Tier ${tier}`,
    rows: arms.filter(({ study }) => study.tier === tier).map(row),
  }));
  const without = arms.filter(({ study }) => study.tier === null);
  const last = without.length === 0 ? [] : [{ head: "No finished cell", rows: without.map(row) }];
  return {
    id: "measures",
    title: "Arms by measure",
    charts: [],
    body: html`${arms.length === 0 && absent("No arm has a cell.")}
${table("All arms, in tiers; shares in percent, differences in percentage points", columns, [...groups, ...last])}
${
      reading(
        html`The best of a <b>tier</b> is known to be worse than the best of the tier before, by tests in pairs with Holm's
correction; others of its tier are not known to be worse than it is. Order within a tier is the plan's and says nothing.`,
        html`<b>Unparseable</b> and <b>truncated</b> answers count as wrong, and are shown apart: an arm that lost its format
looks like one that lost its mind.`,
        html`<b>IQM</b> is the mean of the middle half: one lucky or broken seed moves it little.`,
      )
    }`,
  };
}

const plain = (share: number) => percent(share).replace(" %", "");
