// Each comparison as its seeds show it: a dot a seed, the interval, and what else was computed of it.

import type { Comparison } from "../../stats/study.ts";
import type { Section } from "../chart_spec.ts";
import { absent, reading, type Row, table } from "../elements.ts";
import { html } from "../html.ts";
import { percent, points, pointsInterval, pValue, trimmed, UNKNOWN } from "../numbers.ts";
import { axisOf, placesOf, strip, stripAxis } from "../strip.ts";
import { armLabel, armNamed, type View } from "../view.ts";
import { verdictMark } from "./verdict.ts";

/** The forest of paired differences, registered and exploratory. */
export function pairedDifferences(view: View): Section {
  const { comparisons, margin, against } = view.study;
  const axis = axisOf(comparisons.flatMap(placesOf));
  const row = (comparison: Comparison): Row => {
    const { arm, differences, signFlip, improvement, questions, area, p, conclusion } = comparison;
    const each = differences.map(({ seed, difference }) => `seed ${seed} ${points(difference)}`).join(", ");
    return [
      armLabel(armNamed(view, arm)),
      strip(comparison, axis, margin, `${arm} minus ${comparison.against}, points: ${each}`),
      pointsInterval(comparison.effect),
      verdictMark(conclusion),
      pValue(p),
      html`${pValue(signFlip.p)}${signFlip.p <= signFlip.smallest && html`<small>, the least</small>`}`,
      percent(improvement.value, 0),
      questions
        ? html`${questions.onlyArm} : ${questions.onlyAgainst} <small>(p ${pValue(questions.p)})</small>`
        : UNKNOWN,
      area ? points(area.value) : UNKNOWN,
    ];
  };
  const of = (registered: boolean, head: string) => {
    const rows = comparisons.filter((comparison) => comparison.registered === registered).map(row);
    return rows.length === 0 ? [] : [{ head, rows }];
  };
  const alone = [
    ...new Set(comparisons.flatMap(({ unpaired, arm }) => unpaired.length > 0 ? [{ arm, unpaired }] : [])),
  ];
  return {
    id: "differences",
    title: "Paired differences, seed by seed",
    charts: [],
    body: comparisons.length === 0
      ? absent("Nothing was compared: no arm shares a seed with the one to compare with.")
      : html`
        ${table(`Differences from ${against}, in percentage points`, [
          { head: "arm" },
          { head: stripAxis(axis) },
          { head: "95 % interval", number: true },
          { head: "conclusion" },
          { head: "p", number: true, hint: "of the interval, before any correction" },
          { head: "sign flip p", number: true, hint: "exact test over seeds alone" },
          { head: "wins", number: true, hint: "probability that a run of the arm beats a run of the other" },
          {
            head: "only one right",
            number: true,
            hint: "questions that most seeds of only one of both answer right; McNemar",
          },
          { head: "curve", number: true, hint: "difference of the means of the learning curves, points" },
        ], [...of(true, "Registered"), ...of(false, "Exploratory")])}
        ${alone.length > 0 && html`
          <details class="data">
            <summary>What has no partner</summary>
            <ul>${alone.map(({ arm, unpaired }) =>
              html`<li><bdi>${arm}</bdi>: ${unpaired.slice(0, 20).map(({ reason }) => reason).join("; ")}${
                unpaired.length > 20 && `; and ${unpaired.length - 20} more`
              }</li>`
            )}</ul>
          </details>
        `}
        ${reading(
          html`A dot is a seed, the line the interval of the mean, the diamond its middle; the grey band is ±${
            trimmed(100 * margin, 2)
          } points, where a difference does not matter.`,
          html`The <b>sign flip</b> test looks at seeds alone and cannot go below 2/2<sup>n</sup>: 0.25 with 3 seeds, 0.008 with
8. A p at its least value says that all seeds agree, and that there are few of them.`,
          html`The conclusion rests on p after Holm's correction; the p in this table is the one before it.`,
        )}
      `,
  };
}
