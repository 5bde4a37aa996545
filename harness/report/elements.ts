// Pieces that several sections are made of: tables that scroll by themselves, figures with a chart and its numbers, and
// notes on how to read.

import type { ChartSpec } from "./chart_spec.ts";
import { type Html, html, type Part } from "./html.ts";
import { fourDigits, percent, UNKNOWN } from "./numbers.ts";
import { armLabel, type View } from "./view.ts";

/** A table's column: its head, and whether it holds numbers. */
export interface Column {
  readonly head: Part;
  readonly number?: boolean;
  /** What the head means, as a hint. */
  readonly hint?: string;
}

/** A row: the first cell is its head. */
export type Row = readonly Part[];

/** Rows under a head of their own, if it is not null. */
export interface RowGroup {
  readonly head: Part;
  readonly rows: readonly Row[];
}

/** A table with a caption, in a box that scrolls where the screen is narrow. */
export function table(caption: string, columns: readonly Column[], groups: readonly RowGroup[]): Html {
  const cell = (part: Part, i: number) =>
    i === 0
      ? html`<th scope="row">${part}</th>`
      : columns[i]?.number
      ? html`<td class="n">${part}</td>`
      : html`<td>${part}</td>`;
  return html`
    <div class="scroll" role="group" tabindex="0" aria-label="${caption}">
      <table>
    <caption><span>${caption}</span></caption>
    <thead><tr>${columns.map(({ head, number, hint }) =>
      html`<th scope="col" class="${number ? "n" : ""}" title="${hint ?? ""}">${head}</th>`
    )}</tr></thead>
    ${groups.map(({ head, rows }) =>
      html`<tbody>${
        head !== null && html`
          <tr class="group">
            <th scope="rowgroup" colspan="${columns.length}">${head}</th>
          </tr>
        `
      }${rows.map((row) => html`<tr>${row.map(cell)}</tr>`)}</tbody>`
    )}
      </table>
    </div>
  `;
}

/** A chart's place on the page, with its numbers as a table for whoever does not see it. */
export function figure(view: View, spec: ChartSpec, { wide = false } = {}): Html {
  return html`<figure class="chart ${wide ? "wide" : ""}" data-chart="${spec.id}">
<figcaption>${spec.title}</figcaption>
${
    spec.views.length > 1 &&
    html`<fieldset class="switch"><legend class="hidden">${spec.title}: axis below</legend>${
      spec.views.map((title, i) =>
        html`<label><input type="radio" name="${spec.id}-view" value="${i}" ${
          i === 0 && CHECKED
        }><span>by ${title}</span></label>`
      )
    }</fieldset>`
  }
<div class="canvas"><canvas role="img" aria-label="${describe(view, spec)}"></canvas></div>
<details class="data"><summary>Numbers<span class="hidden"> of the chart: ${spec.title}</span></summary>${
    numbersOf(view, spec)
  }</details>
</figure>`;
}

const CHECKED = html`checked`;
/** So many points of a line are in the table of its numbers. */
const TOLD = 8;

function describe(view: View, { title, views, lines, percent: isShare }: ChartSpec): string {
  const value = (y: number | undefined) => y === undefined ? UNKNOWN : isShare ? percent(y) : fourDigits(y);
  const ends = lines.map(({ arm, y }) => `${view.arms[arm]?.name} from ${value(y[0])} to ${value(y.at(-1))}`);
  return `Line chart: ${title}, by ${views.join(" or ")}. ${ends.join("; ")}.`;
}

function numbersOf(view: View, { title, views, lines, percent: isShare, percentBelow }: ChartSpec): Html {
  const longest = lines.reduce<readonly number[]>(
    (x, line) => (line.x[0]?.length ?? 0) > x.length ? line.x[0]! : x,
    [],
  );
  const told = places(longest.length).map((place) => longest[place] ?? 0);
  const columns = [
    { head: "arm" },
    ...told.map((x) => ({ head: percentBelow ? percent(x, 0) : fourDigits(x), number: true })),
  ];
  const rows = lines.map(({ arm, x, y }) => [
    armName(view, arm),
    ...told.map((place) => {
      const value = y[x[0]?.indexOf(place) ?? -1];
      return value === undefined ? UNKNOWN : isShare ? percent(value) : fourDigits(value);
    }),
  ]);
  return table(`${title}, by ${views[0]}`, columns, [{ head: null, rows }]);
}

const armName = (view: View, place: number) => {
  const arm = view.arms[place];
  return arm ? armLabel(arm) : UNKNOWN;
};

/** Evenly spread places of a list, its first and last among them. */
function places(length: number): number[] {
  const count = Math.min(length, TOLD);
  return Array.from({ length: count }, (_, i) => Math.round(i * (length - 1) / Math.max(1, count - 1)));
}

/** Notes on how to read what stands beside. */
export function reading(...notes: readonly Part[]): Html {
  return html`
    <details class="reading">
      <summary>How to read this</summary>
      <ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>
    </details>
  `;
}

/** A sentence where there would be something if it had been kept. */
export function absent(text: string): Html {
  return html`<p class="absent">${text}</p>`;
}
