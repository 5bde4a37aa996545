// The answer in one sentence, and the verdict on each comparison that the plan registered. No test is made here, and
// none by eye: words, intervals and p come from the study.

import type { Comparison, Conclusion } from "../../stats/study.ts";
import { answerText, conclusionText } from "../answer.ts";
import { reading, type Row, table } from "../elements.ts";
import { type Html, html } from "../html.ts";
import { percent, points, pointsInterval, pValue, trimmed, UNKNOWN } from "../numbers.ts";
import { axisOf, strip, stripAxis } from "../strip.ts";
import { armLabel, armNamed, type View } from "../view.ts";

const WORDS: Readonly<Record<Conclusion, readonly [sign: string, word: string]>> = {
  better: ["▲", "better"],
  worse: ["▼", "worse"],
  same: ["≈", "no difference that matters"],
  undecided: ["?", "undecided"],
};

/** A verdict as a mark with its word. */
export function verdictMark(conclusion: Conclusion): Html {
  const [sign, word] = WORDS[conclusion];
  return html`<span class="verdict ${conclusion}"><span aria-hidden="true">${sign}</span> ${word}</span>`;
}

/** The answer, and the registered comparisons. */
export function verdict(view: View): Html {
  const registered = view.study.comparisons.filter((comparison) => comparison.registered);
  return html`<p class="answer">${answerText(view.study)}</p>
${registered.length > 0 && comparisonTable(view, registered, `Comparisons that the plan registered`)}
${view.study.notes.map((note) => html`<p class="note">${note}</p>`)}
${
    registered.length > 0 &&
    reading(
      html`The <b>difference</b> is in percentage points, paired by seed and question; its interval takes both as samples
of what could have been.`,
      html`<b>Undecided</b> is the absence of evidence, not evidence of absence: the last column says how large a difference
would have been seen with a probability of 80 %.`,
      html`<b>No difference that matters</b> means that the whole interval lies within ±${
        trimmed(100 * view.study.margin, 2)
      } points (the grey band).`,
      html`<b>p</b> is corrected for the number of comparisons (Holm). Whether two arms' own intervals overlap is no
test: paired arms can differ clearly although they do.`,
    )
  }`;
}

/** Comparisons with their drawing and numbers. */
export function comparisonTable(view: View, comparisons: readonly Comparison[], caption: string): Html {
  const { margin } = view.study;
  const axis = axisOf(comparisons.flatMap(({ effect }) => [effect.lower, effect.upper]));
  const row = (comparison: Comparison): Row => {
    const { arm, effect, adjustedP, detectable, seeds, conclusion } = comparison;
    return [
      armLabel(armNamed(view, arm)),
      verdictMark(conclusion),
      html`<b>${points(effect.value)}</b>`,
      pointsInterval(effect),
      strip({ effect, differences: [] }, axis, margin, conclusionText(comparison, margin)),
      pValue(adjustedP),
      seeds.length,
      detectable === null ? UNKNOWN : percent(detectable).replace(" %", ""),
    ];
  };
  const level = Math.round(100 * (comparisons[0]?.effect.level ?? 0.95));
  return table(caption, [
    { head: html`against <bdi>${comparisons[0]?.against ?? ""}</bdi>` },
    { head: "verdict" },
    { head: "difference", number: true, hint: "percentage points" },
    { head: `${level} % interval`, number: true },
    { head: stripAxis(axis) },
    { head: "p (Holm)", number: true },
    { head: "seeds", number: true },
    { head: "detectable", number: true, hint: "least difference in points that would be seen with 80 % power" },
  ], [{ head: null, rows: comparisons.map(row) }]);
}
