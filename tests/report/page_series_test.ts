import { deepEqual, equal, ok } from "node:assert/strict";
import { pointWidth, seriesOf } from "../../harness/report/series.ts";
import { fakeResults } from "../fakes/results.ts";
import { risingStep } from "./page_results.ts";

const [cell] = fakeResults({ scores: { plain: [[1]] } }).cells;
const cellOf = (lengths: readonly number[]) => ({
  ...cell!,
  steps: lengths.map((completionLength, i) => ({ ...risingStep(i + 1), completionLength })),
});

Deno.test("seriesOf() is the mean over seeds at each update, as far as all of them go", () => {
  const series = seriesOf([cellOf([1, 2, 3]), cellOf([3, 6])], ({ completionLength }) => completionLength);
  deepEqual(series, { updates: [1, 2], values: [2, 4] });
});

Deno.test("seriesOf() is null where no step has the number, or none was kept", () => {
  equal(seriesOf([cellOf([1, 2])], ({ kl }) => kl), null);
  equal(seriesOf([{ ...cell!, steps: null }], ({ loss }) => loss), null);
  equal(seriesOf([], ({ loss }) => loss), null);
});

Deno.test("seriesOf() of a long run is the mean of neighbouring updates and loses none", () => {
  const lengths = Array.from({ length: 500 }, (_, i) => (i * 7919) % 101);
  const series = seriesOf([cellOf(lengths)], ({ completionLength }) => completionLength)!;
  const width = pointWidth(500);
  equal(width, 9);
  ok(series.values.length <= 60);
  for (const [i, value] of series.values.entries()) {
    const part = lengths.slice(i * width, (i + 1) * width);
    ok(Math.abs(value - part.reduce((sum, one) => sum + one, 0) / part.length) < 1e-3);
    ok(Math.abs(series.updates[i]! - (i * width + 1 + i * width + part.length) / 2) < 1e-9);
  }
});
