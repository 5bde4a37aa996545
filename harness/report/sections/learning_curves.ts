// Held-out accuracy while training, with bands over seeds, by updates and by tokens, and how soon each arm gets somewhere.

import type { Section } from "../chart_spec.ts";
import { absent, figure, reading, type Row, table } from "../elements.ts";
import { type Html, html } from "../html.ts";
import { percent, quantity, UNKNOWN } from "../numbers.ts";
import { rounded } from "../series.ts";
import { armLabel, type ArmView, type View } from "../view.ts";

/** The learning curves. */
export function learningCurves(view: View): Section {
  const curves = view.arms.map(({ study: { curve } }, arm) => ({ arm, curve })).filter(({ curve }) => curve.length > 1);
  const known = curves.every(({ curve }) => curve.every(({ tokens }) => tokens !== null));
  const spec = {
    id: "curve",
    title: "Greedy accuracy on validation questions",
    views: known ? ["updates", "tokens"] : ["updates"],
    percent: true,
    lines: curves.map(({ arm, curve }) => ({
      arm,
      x: [curve.map(({ updates }) => updates), ...(known ? [curve.map(({ tokens }) => tokens ?? 0)] : [])],
      y: curve.map(({ value }) => rounded(value)),
      lower: curve.map(({ lower }) => rounded(lower)),
      upper: curve.map(({ upper }) => rounded(upper)),
    })),
  };
  const drawn = curves.length > 0;
  return {
    id: "curves",
    title: "Learning curves",
    charts: drawn ? [spec] : [],
    body: !drawn ? absent("Accuracy was not measured while training.") : html`${figure(view, spec, { wide: true })}
${howSoon(view)}
${!known && absent("By updates alone: the steps, which count tokens, were not kept.")}
${
      reading(
        html`A line is the mean over seeds, its band the 95 % interval of that mean (Student's t, cut at 0 and 100 %). With few
seeds bands are wide because the spread of seeds is itself poorly known.`,
        html`Bands that overlap are <b>no test</b>: seeds are paired, and pairs can differ clearly while bands overlap.`,
        html`Switch to tokens for a fair view of arms that draw more completions for an update.`,
      )
    }`,
  };
}

/** Updates and tokens to a level that all arms are measured by. */
function howSoon({ arms, study: { halfway } }: View): Html | null {
  if (halfway === null) return null;
  const row = (arm: ArmView): Row => {
    const { reach, seeds } = arm.study;
    const there = reach && Math.round(reach.reached.value * seeds.length);
    return [
      armLabel(arm),
      there === null ? UNKNOWN : `${there} of ${seeds.length}`,
      quantity(reach?.updates ?? null),
      quantity(reach?.tokens ?? null),
    ];
  };
  return table(`How soon: up to ${percent(halfway)}, halfway from the start to where the best arm ends`, [
    { head: "arm" },
    { head: "seeds that get there", number: true },
    { head: "updates", number: true, hint: "by which half of the seeds are there; – where fewer ever are" },
    { head: "tokens", number: true, hint: "of training by then, mean over seeds" },
  ], [{ head: null, rows: arms.filter(({ study }) => study.reach !== null).map(row) }]);
}
