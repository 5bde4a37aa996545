// What each arm spent: updates, tokens, time and memory, means over its finished cells.

import type { Section } from "../chart_spec.ts";
import { reading, type Row, table } from "../elements.ts";
import { html } from "../html.ts";
import { bytes, duration, percent, plural, quantity, UNKNOWN } from "../numbers.ts";
import { armLabel, type ArmView, type View } from "../view.ts";

/** The table of costs. */
export function cost(view: View): Section {
  const against = view.arms.find(({ name }) => name === view.study.against)?.study.tokens ?? null;
  const row = (arm: ArmView): Row => {
    const { updates, tokens, seconds, memoryBytes, completionLength } = arm.study;
    return [
      armLabel(arm),
      quantity(updates),
      quantity(tokens),
      tokens === null || !against ? UNKNOWN : (tokens / against).toFixed(2),
      percent(discardedShare(arm)),
      duration(seconds),
      bytes(memoryBytes),
      quantity(completionLength),
    ];
  };
  const { jobs, threads, device } = view.results.experiment;
  return {
    id: "cost",
    title: "Cost",
    charts: [],
    body: html`${
      table("Means over the finished cells of each arm", [
        { head: "arm" },
        { head: "updates", number: true },
        { head: "tokens", number: true, hint: "prompt and completion tokens of training" },
        {
          head: html`of <bdi>${view.study.against ?? UNKNOWN}</bdi>`,
          number: true,
          hint: "tokens as a multiple of its",
        },
        { head: "discarded", number: true, hint: "share of the tokens that were drawn and not trained on" },
        { head: "time", number: true },
        { head: "peak memory", number: true },
        { head: "answer, tokens", number: true, hint: "mean length of the final greedy answers" },
      ], [{ head: null, rows: view.arms.map(row) }])
    }
${
      reading(
        html`Times were taken on ${device} with ${plural(jobs, "cell")} side by side and ${
          plural(threads, "thread")
        } each: compare them within
this table alone. Tokens are exact.`,
      )
    }`,
  };
}

/** null where steps were not kept. */
function discardedShare({ cells }: ArmView): number | null {
  const steps = cells.flatMap(({ steps }) => steps ?? []);
  const all = steps.reduce((sum, { tokens }) => sum + tokens.prompt + tokens.completion, 0);
  const lost = steps.reduce((sum, { discarded }) => sum + discarded.prompt + discarded.completion, 0);
  return all === 0 ? null : lost / all;
}
