// CSV that trackio's import_csv takes: a "step" column, a "timestamp" column, and metrics. trackio cuts a column's name
// to ten letters, digits and slashes, so names here have no more; columns.csv says what each stands for. A file is named
// after its cell, because trackio names a run after the file.
// Source: https://github.com/gradio-app/trackio, trackio/imports.py and utils.simplify_column_names (0.43.0)

import { cellScalars } from "./cell_scalars.ts";
import { csvText } from "./csv_text.ts";
import { type ExportFormat, lacksSteps } from "./export_format.ts";

/** <arm>/seed-<seed>/<arm>-seed-<seed>.csv, and columns.csv */
export const trackio: ExportFormat = {
  name: "trackio",
  summary: "CSV files for trackio's import_csv, a folder a cell; columns.csv says what the short names stand for",
  lacks: lacksSteps,
  *files({ cells }) {
    const tags = new Set(cells.flatMap((cell) => cellScalars(cell).flatMap(({ scalars }) => Object.keys(scalars))));
    const columns = shortNames([...tags].sort());
    yield {
      path: "columns.csv",
      content: [csvText(["column", "tag"], [...columns].map(([tag, name]) => [name, tag]))],
    };
    for (const cell of cells) {
      const rows = cellScalars(cell).map(({ step, seconds, scalars }) => [
        step,
        new Date(1000 * seconds).toISOString(),
        ...Array.from(columns.keys(), (tag) => scalars[tag] ?? null),
      ]);
      yield {
        path: `${cell.folder}/${cell.folder.replace("/", "-")}.csv`,
        content: [csvText(["step", "timestamp", ...columns.values()], rows)],
      };
    }
  },
};

/** What is written shorter, in this order. */
const abbreviations: readonly (readonly [RegExp, string])[] = [
  [/^train\/rewardStd\//, "std/"],
  [/^train\/reward\//, "r/"],
  [/^train\/gauge\/(memory\.)?/, "g/"],
  [/^train\/tokens\//, "used/"],
  [/^train\/discarded\//, "cast/"],
  [/^train\//, ""],
  [/^timing\//, "s/"],
  [/^test\/greedy\//, "t/"],
  [/^test\/sample\//, "ts/"],
  [/^validation\/greedy\//, "v/"],
  [/^validation\/sample\//, "vs/"],
  [/\/reward\//, "r/"],
  [/\/status\//, "a/"],
  [/completionLength/, "length"],
  [/TokensPerSecond/, "Rate"],
  [/Seconds/, "Sec"],
  [/zeroVariance/, "flat"],
  [/gradient/, "grad"],
  [/learning/, "learn"],
  [/samplerTrainerGap/, "gap"],
  [/truncatedShare/, "cut"],
];

/** Columns of at most ten letters, digits and slashes, each once, by tag. */
function shortNames(tags: readonly string[]): Map<string, string> {
  const taken = new Set(["step", "timestamp"]);
  return new Map(tags.map((tag) => {
    const brief = abbreviations.reduce((text, [long, short]) => text.replace(long, short), tag);
    const whole = brief.replaceAll(/[^A-Za-z0-9/]/g, "");
    let name = whole.slice(0, 10);
    for (let i = 2; taken.has(name.toLowerCase()) || name === ""; i++) name = whole.slice(0, 10 - String(i).length) + i;
    taken.add(name.toLowerCase());
    return [tag, name];
  }));
}
