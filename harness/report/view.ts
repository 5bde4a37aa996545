// What all sections of the page share: the arms in order, and the look of each. The arm that the others are compared
// with is drawn in ink; every other has its own colour, dash and marker, so that none of them alone carries the meaning.

import type { CellResults, Results } from "../records/results.ts";
import type { ArmStudy, Study } from "../stats/study.ts";
import { type Html, html } from "./html.ts";

/** Places in the lists of colours, dashes and markers that page.css, client/charts.js and this file have. */
export interface Look {
  readonly color: number;
  readonly dash: number;
  readonly marker: number;
}

/** An arm as the page shows it. */
export interface ArmView {
  readonly name: string;
  readonly look: Look;
  /** Shown in charts before a reader chooses. */
  readonly shown: boolean;
  readonly study: ArmStudy;
  readonly cells: readonly CellResults[];
}

/** All that sections are made from. */
export interface View {
  /** One or several that were united. */
  readonly parts: readonly Results[];
  readonly results: Results;
  readonly study: Study;
  readonly arms: readonly ArmView[];
}

/** Strokes of the lines and their markers' outlines, centred at 0; the same in client/charts.js. */
const DASHES = ["", "6 3", "2 3", "9 3 2 3"] as const;
const MARKERS = [
  "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z", // circle
  "M0 -4L3.8 3L-3.8 3z", // triangle
  "M-3.2 -3.2H3.2V3.2H-3.2z", // rect
  "M0 -4.4L4.4 0L0 4.4L-4.4 0z", // rectRot
  "M-3.5 0H3.5M0 -3.5V3.5", // cross
  "M-3 -3L3 3M-3 3L3 -3", // crossRot
] as const;
const COLORS = 7;
/** So many arms are shown at once before a reader chooses. */
const SHOWN = 6;

/** The view of united results. */
export function viewOf(parts: readonly Results[], results: Results, study: Study): View {
  const asked = new Set([
    study.against,
    ...study.comparisons.map(({ arm }) => arm),
    ...study.arms.map(({ arm }) => arm),
  ]);
  const few = [...asked].filter((arm) => arm !== null).slice(0, SHOWN);
  let next = 0;
  const arms = study.arms.map((arm) => ({
    name: arm.arm,
    look: arm.arm === study.against ? { color: 0, dash: 0, marker: 0 } : lookOf(next++),
    shown: study.arms.length <= SHOWN + 1 || few.includes(arm.arm),
    study: arm,
    cells: results.cells.filter(({ entry }) => entry.arm === arm.arm),
  }));
  return { parts, results, study, arms };
}

function lookOf(place: number): Look {
  return { color: 1 + place % COLORS, dash: place % DASHES.length, marker: (place + 1) % MARKERS.length };
}

/** A piece of the arm's line. */
export function swatch({ color, dash, marker }: Look): Html {
  return html`
    <svg class="swatch c${color}" viewBox="-16 -6 32 12" aria-hidden="true">
      <path d="M-16 0H16" stroke-dasharray="${DASHES[dash] ?? ""}" />
      <path class="marker" d="${MARKERS[marker] ?? ""}" />
    </svg>
  `;
}

/** The arm's name with its line before it. */
export function armLabel({ look, name }: ArmView): Html {
  const parts = name.split(/(?<=[:.=,/])/);
  return html`<span class="arm">${swatch(look)}<bdi>${
    parts.map((part, i) => html`${i > 0 && html`<wbr>`}${part}`)
  }</bdi></span>`;
}

/** The arm of that name. @throws RangeError where there is none */
export function armNamed({ arms }: View, name: string): ArmView {
  const arm = arms.find((arm) => arm.name === name);
  if (!arm) throw new RangeError(`Cannot show arm ${JSON.stringify(name)}: the study has none of this name`);
  return arm;
}
