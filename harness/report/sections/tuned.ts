// What was tuned before the reported cells ran, and what was chosen for each arm; nothing where nothing was.

import type { Section } from "../chart_spec.ts";
import { reading, table } from "../elements.ts";
import { html } from "../html.ts";
import { percent } from "../numbers.ts";
import { armLabel, type View } from "../view.ts";

/** The tuning, if there was one. */
export function tuned({ results, arms }: View): Section[] {
  const { tuning } = results.experiment;
  if (!tuning) return [];
  const values = [...new Set(tuning.arms.flatMap(({ tried }) => tried.map(({ value }) => String(value))))];
  const rows = tuning.arms.map(({ arm, tried, chosen }) => {
    const known = arms.find(({ name }) => name === arm);
    const accuracyOf = (value: string) => tried.find((one) => String(one.value) === value)?.accuracy ?? null;
    return [
      known ? armLabel(known) : html`<bdi>${arm}</bdi>`,
      String(chosen ?? "not chosen"),
      ...values.map((value) => percent(accuracyOf(value))),
    ];
  });
  return [{
    id: "tuned",
    title: "Tuning",
    charts: [],
    body: html`${
      table(`Greedy validation accuracy by ${tuning.field}, mean over the tuning seeds`, [
        { head: "arm" },
        { head: "chosen", number: true },
        ...values.map((value) => ({ head: value, number: true })),
      ], [{ head: null, rows }])
    }${
      reading(
        html`Every trained arm was tuned alike: same values, budget and seeds, none of them among the reported ones.`,
      )
    }`,
  }];
}
