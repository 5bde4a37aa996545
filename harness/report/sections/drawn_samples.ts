// What several tries would give: pass@k and maj@k of the completions that the final evaluation drew at temperature 1. No
// section where none were drawn.

import type { Section } from "../chart_spec.ts";
import { reading, table } from "../elements.ts";
import { html } from "../html.ts";
import { percent, UNKNOWN } from "../numbers.ts";
import { armLabel, type View } from "../view.ts";

/** The table of drawn samples, if there are any. */
export function drawnSamples({ arms }: View): Section[] {
  const there = arms.filter(({ study }) => study.sampled.length > 0);
  if (there.length === 0) return [];
  const ks = [...new Set(there.flatMap(({ study }) => study.sampled.map(({ k }) => k)))].sort((a, b) => a - b);
  const share = (value: number | null | undefined) => value == null ? UNKNOWN : percent(value).replace(" %", "");
  const rows = there.map((arm) => {
    const at = (k: number) => arm.study.sampled.find((one) => one.k === k);
    return [armLabel(arm), ...ks.map((k) => share(at(k)?.pass)), ...ks.map((k) => share(at(k)?.maj))];
  });
  const columns = ["pass", "maj"].flatMap((name) => ks.map((k) => ({ head: `${name}@${k}`, number: true })));
  return [{
    id: "drawn",
    title: "Several tries",
    charts: [],
    body: html`${
      table("Completions drawn at temperature 1: means over seeds and questions, percent", [
        { head: "arm" },
        ...columns,
      ], [{ head: null, rows }])
    }
${
      reading(
        html`<b>pass@k</b>: a correct one among k; <b>maj@k</b>: the answer given most often is correct, a tie counting its
share. Both are averages over all choices of k from what was drawn, so they do not depend on the order.`,
        html`An arm whose pass@k falls while its accuracy rises has grown surer, not abler.`,
      )
    }`,
  }];
}
