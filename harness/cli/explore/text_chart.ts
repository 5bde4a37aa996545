// A line chart in characters. One series is drawn in braille (2 by 4 dots a character) where Unicode is at hand; several
// are drawn by a letter each, which needs no colour, `*` where they meet. It draws what it is given and computes nothing
// of it but where it lies.

/** A line of the chart. */
export interface ChartSeries {
  readonly name: string;
  /** With ascending x; all finite. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** How it is drawn. */
export interface ChartOptions {
  /** Characters in a line, axis included. */
  readonly width: number;
  /** Lines of the drawing area. @default 14 */
  readonly height?: number;
  readonly unicode: boolean;
  readonly xName: string;
  /** @default as the number is written */
  readonly yText?: (y: number) => string;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** The largest number of series that have letters. */
export const MOST_SERIES = LETTERS.length;

/** @throws RangeError without a point, or with more series than letters */
export function textChart(series: readonly ChartSeries[], options: ChartOptions): string {
  const { width, height = 14, unicode, xName, yText = tickText } = options;
  const points = series.flatMap((one) => one.points);
  if (points.length === 0 || series.length > MOST_SERIES) {
    throw new RangeError(`Cannot draw ${series.length} series with ${points.length} points`);
  }
  const x = extent(points.map((point) => point.x)), y = padded(extent(points.map((point) => point.y)));
  const ticks = ticksOf(y, 4), labels = ticks.map(yText);
  const margin = Math.max(...labels.map((label) => label.length));
  const columns = Math.max(16, width - margin - 3);
  const braille = unicode && series.length === 1;
  const drawn = braille
    ? brailleRows(heights(series[0]!.points, x, columns * 2), y, columns, height)
    : letterRows(series.map((one) => heights(one.points, x, columns)), y, columns, height);
  const [side, tick, corner, floor] = unicode ? ["│", "┤", "└", "─"] : ["|", "+", "+", "-"];
  const tickRows = new Map(ticks.map((value, i) => [rowOf(value, y, height), labels[i] ?? ""]));
  const rows = drawn.map((row, i) => {
    const label = tickRows.get(i);
    return `${(label ?? "").padStart(margin)} ${label === undefined ? side : tick}${row}`.trimEnd();
  });
  const [least, most] = [tickText(x.least), tickText(x.most)];
  const axis = `${least} ${xName} ${most}`.length > columns ? `${least} ${most}` : least +
    xName.padStart(Math.floor((columns + xName.length) / 2) - least.length).padEnd(
      columns - least.length - most.length,
    ) +
    most;
  const legend = series.length === 1
    ? [series[0]!.name]
    : series.map(({ name, points }, i) => `${LETTERS[i]} ${name}${points.length === 0 ? " (nothing to draw)" : ""}`);
  return [
    ...rows,
    `${"".padStart(margin)} ${corner}${floor?.repeat(columns)}`,
    `${"".padStart(margin)}  ${axis}`,
    ...legend.map((line) => `${"".padStart(margin)}  ${line}`),
  ].join("\n");
}

interface Extent {
  readonly least: number;
  readonly most: number;
}

function extent(values: readonly number[]): Extent {
  return values.reduce(
    ({ least, most }, value) => ({ least: Math.min(least, value), most: Math.max(most, value) }),
    { least: Infinity, most: -Infinity },
  );
}

/** A flat line lies in the middle. */
function padded({ least, most }: Extent): Extent {
  if (most > least) return { least, most };
  const room = Math.abs(most) / 2 || 1;
  return { least: least - room, most: most + room };
}

/** Height at each column: the mean of the points there, between points the straight line; null outside of them. */
function heights(points: ChartSeries["points"], { least, most }: Extent, columns: number): (number | null)[] {
  const columnOf = (x: number) => most === least ? 0 : Math.round((x - least) / (most - least) * (columns - 1));
  const sums = Array.from({ length: columns }, () => ({ sum: 0, count: 0 }));
  for (const { x, y } of points) {
    const at = sums[columnOf(x)]!;
    at.sum += y;
    at.count++;
  }
  const known = sums.map(({ sum, count }) => count === 0 ? null : sum / count);
  let before: number | null = null;
  return known.map((value, i) => {
    if (value !== null) before = i;
    if (value !== null || before === null) return value;
    const after = known.findIndex((other, j) => j > i && other !== null);
    if (after === -1) return null;
    const [from, to] = [known[before] ?? 0, known[after] ?? 0];
    return from + (to - from) * (i - before) / (after - before);
  });
}

/** Row of a height, 0 at the top. */
function rowOf(value: number, { least, most }: Extent, rows: number): number {
  return Math.min(rows - 1, Math.max(0, Math.round((most - value) / (most - least) * (rows - 1))));
}

function letterRows(series: readonly (number | null)[][], y: Extent, columns: number, rows: number): string[] {
  const grid = Array.from({ length: rows }, () => Array<string>(columns).fill(" "));
  series.forEach((line, s) =>
    line.forEach((value, column) => {
      if (value === null) return;
      const row = grid[rowOf(value, y, rows)]!;
      row[column] = series.length > 1 && row[column] === " " ? LETTERS[s]! : "*";
    })
  );
  return grid.map((row) => row.join(""));
}

/** Bits of the dots of a braille character, [4 rows][2 columns]; see https://www.unicode.org/charts/PDF/U2800.pdf. */
const DOTS = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]] as const;

/** @param line a height for each dot column */
function brailleRows(line: readonly (number | null)[], y: Extent, columns: number, rows: number): string[] {
  const grid = Array.from({ length: rows }, () => Array<number>(columns).fill(0));
  let before: number | null = null;
  line.forEach((value, column) => {
    const row: number | null = value === null ? null : rowOf(value, y, rows * 4);
    if (row === null) return before = null;
    for (let dot = Math.min(row, before ?? row); dot <= Math.max(row, before ?? row); dot++) {
      grid[dot >> 2]![column >> 1]! |= DOTS[dot & 3]![column & 1]!;
    }
    before = row;
  });
  return grid.map((row) => row.map((bits) => bits === 0 ? " " : String.fromCodePoint(0x2800 + bits)).join(""));
}

/** About so many round values within the extent. */
function ticksOf({ least, most }: Extent, count: number): number[] {
  const rough = (most - least) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const first = Math.ceil(least / step);
  return Array.from({ length: Math.floor(most / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** Short, and without the digits that floating point adds: "0.3", "1200", "2e-7". */
function tickText(value: number): string {
  return String(Number(value.toPrecision(4)));
}
