// The chart in characters: where dots and letters lie, by hand.

import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { type ChartOptions, type ChartSeries, textChart } from "../../../harness/cli/explore/text_chart.ts";

const options: ChartOptions = { width: 30, height: 5, unicode: false, xName: "updates" };
const line = (name: string, ...ys: number[]): ChartSeries => ({ name, points: ys.map((y, x) => ({ x, y })) });

/** The drawing area alone. */
const area = (text: string, height = 5) =>
  text.split("\n").slice(0, height).map((row) => row.replace(/^.*?[|+│┤]/, ""));

Deno.test("textChart() draws a rising line from the lower left to the upper right", () => {
  const rows = area(textChart([line("a", 0, 1, 2, 3, 4)], options));
  const firsts = rows.map((row) => row.search(/\S/)), lasts = rows.map((row) => row.trimEnd().length);
  deepEqual([...firsts].sort((a, b) => b - a), firsts, "each row begins further right than the one below");
  equal(rows[4]?.[0], "*");
  equal(rows[0]?.trimEnd().at(-1), "*");
  equal(Math.max(...lasts), lasts[0]);
});

Deno.test("textChart() has round ticks at their heights, the ends of x, and the legend", () => {
  const text = textChart([line("rise", 0, 1, 2, 3, 4)], options), lines = text.split("\n");
  deepEqual(lines.slice(0, 5).map((row) => row.slice(0, 3)), ["4 +", "3 +", "2 +", "1 +", "0 +"]);
  match(lines[5] ?? "", /^ {2}\+-+$/);
  match(lines[6] ?? "", /^ {3}0 +updates +4$/);
  match(lines[7] ?? "", /rise$/);
  ok(lines.every((row) => row.length <= 30), text);
  match(text, /^[ -~\n]*$/, "ASCII alone");
});

Deno.test("textChart() of several gives each a letter, and * where they meet", () => {
  const text = textChart([line("one", 0, 4), line("two", 4, 0), line("none")], options), rows = area(text);
  equal(rows[0]?.[0], "b");
  equal(rows[4]?.[0], "a");
  equal(rows[0]?.trimEnd().at(-1), "a");
  equal(rows[4]?.trimEnd().at(-1), "b");
  ok(rows[2]?.includes("*"));
  match(text, /a one\n.*b two\n.*c none \(nothing to draw\)$/);
});

Deno.test("textChart() draws one series in braille where Unicode is at hand", () => {
  const flat = area(textChart([line("a", 1, 1)], { ...options, unicode: true }));
  const drawn = flat.filter((row) => row.trim() !== "");
  equal(drawn.length, 1, "a flat line is one row, in the middle");
  equal(flat.indexOf(drawn[0] ?? ""), 2);
  ok(/^[\u2801-\u28ff]+$/.test(drawn[0]?.trimEnd() ?? ""));
  equal(new Set(drawn[0]?.trimEnd()).size, 1, "each character has the same two dots");
  const rising = area(textChart([line("a", 0, 1)], { ...options, unicode: true }));
  equal((rising[4]?.codePointAt(0) ?? 0) & 0x40, 0x40, "the lowest left dot");
  equal((rising[0]?.trimEnd().at(-1)?.codePointAt(0) ?? 0) & 0x08, 0x08, "the highest right dot");
});

Deno.test("textChart() averages points that share a column, and bridges columns without one", () => {
  const many: ChartSeries = { name: "m", points: Array.from({ length: 1000 }, (_, x) => ({ x, y: x % 2 })) };
  const rows = area(textChart([many, line("x", 0)], options));
  match(rows[2] ?? "", /^a{20,}$/, "the mean of 0 and 1 lies in the middle");
  const gaps = area(textChart([{ name: "g", points: [{ x: 0, y: 1 }, { x: 100, y: 1 }] }], options));
  ok((gaps[2]?.trimEnd() ?? "").match(/^\*+$/));
});

Deno.test("textChart() draws a single point, and values of any size", () => {
  equal(area(textChart([line("p", 7)], options))[2]?.trimEnd(), "*");
  for (const scale of [1e-9, 1e12, -3]) {
    const text = textChart([line("s", 0, scale, 2 * scale)], options);
    equal(area(text).filter((row) => row.includes("*")).length, 5, text);
  }
  throws(() => textChart([line("e")], options), RangeError);
});
