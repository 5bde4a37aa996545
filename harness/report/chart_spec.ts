// Charts as data: what client/charts.js draws. All numbers in it are final; drawing scales and colours, no more. The same
// data gives the table beside each chart, for whoever cannot see or print it.

import type { Html } from "./html.ts";

/** A line of a chart. */
export interface ChartLine {
  /** Place of the arm in the page's list of arms: it has the colour, the dash and the marker. */
  readonly arm: number;
  /** One list of places for each view of the chart. */
  readonly x: readonly (readonly number[])[];
  readonly y: readonly number[];
  /** A band around the line. */
  readonly lower?: readonly number[];
  readonly upper?: readonly number[];
}

/** A chart of lines over a common axis. */
export interface ChartSpec {
  readonly id: string;
  readonly title: string;
  /** Title of the axis below, one for each view. */
  readonly views: readonly string[];
  /** Values are shares, shown in percent; so are the places below, for the second. */
  readonly percent: boolean;
  readonly percentBelow?: boolean;
  /** The axis at the left spans at least this. */
  readonly range?: readonly [number, number];
  /** Lines are steps, which hold until the next point. */
  readonly stepped?: boolean;
  readonly lines: readonly ChartLine[];
}

/** A part of the page. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
  readonly charts: readonly ChartSpec[];
}
