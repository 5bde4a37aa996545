// A row of a forest plot, as a small drawing whose places are percentages: it is as wide as its column, prints sharply
// and needs no script. Dots are seeds, the line is the interval, the diamond is its middle, and the grey band is where a
// difference does not matter.

import { type Html, html } from "./html.ts";
import { points } from "./numbers.ts";
import type { Comparison } from "../stats/study.ts";

/** A stretch of the axis, in shares, and its marks. */
export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

/** An axis that holds all these, with round marks, 0 among them. */
export function axisOf(values: readonly number[]): Axis {
  const least = Math.min(0, ...values), most = Math.max(0, ...values), span = Math.max(most - least, 0.02);
  const step = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5].find((step) => span / step <= 4) ?? 1;
  const first = Math.floor(least / step + 1e-9), last = Math.max(Math.ceil(most / step - 1e-9), first + 1);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  return { from: first * step, to: last * step, ticks };
}

/** What a comparison needs to be drawn with. */
type Drawn = Pick<Comparison, "effect" | "differences">;

/** All places of a comparison's drawing. */
export function placesOf({ effect, differences }: Drawn): number[] {
  return [effect.lower, effect.upper, effect.value, ...differences.map(({ difference }) => difference)];
}

/** The drawing of a comparison. @param label what it shows, in words */
export function strip(comparison: Drawn, axis: Axis, margin: number, label: string): Html {
  const at = (value: number) => placed(axis, value);
  const { effect: { lower, upper, value }, differences } = comparison;
  return html`<svg class="strip" role="img" aria-label="${label}">
${band(axis, margin)}<line class="zero" x1="${at(0)}" x2="${at(0)}" y1="0" y2="100%"/>
${
    differences.map(({ difference }) =>
      html`
        <circle class="seed" cx="${at(difference)}" cy="50%" r="3.5" />
      `
    )
  }
<line class="interval" x1="${at(lower)}" x2="${at(upper)}" y1="50%" y2="50%"/>
<svg x="${at(value)}" y="50%" overflow="visible"><path class="middle" d="M0 -6L5 0L0 6L-5 0z"/></svg></svg>`;
}

/** The axis over the drawings. */
export function stripAxis(axis: Axis): Html {
  const last = axis.ticks.length - 1;
  return html`<svg class="strip axis" aria-hidden="true">${
    axis.ticks.map((tick, i) => {
      const at = placed(axis, tick), anchor = i === 0 ? "start" : i === last ? "end" : "middle";
      const text = html`<text x="${at}" y="11" text-anchor="${anchor}">${points(tick).replace(/\.0$/, "")}</text>`;
      return html`
        ${text}<line class="${tick === 0 ? "zero" : "tick"}" x1="${at}" x2="${at}" y1="17" y2="100%" />
      `;
    })
  }</svg>`;
}

function band(axis: Axis, margin: number): Html {
  const clamp = (value: number) => Math.min(axis.to, Math.max(axis.from, value));
  const from = clamp(-margin), to = clamp(margin), width = 100 * (to - from) / (axis.to - axis.from);
  return html`
    <rect class="margin" x="${placed(axis, from)}" width="${width.toFixed(3)}%" y="0" height="100%" />
  `;
}

function placed({ from, to }: Axis, value: number): string {
  return `${(100 * (value - from) / (to - from)).toFixed(3)}%`;
}
