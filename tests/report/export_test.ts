// What holds for every format, and the folder that an export is written to.

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { MisuseError } from "../../harness/base/errors.ts";
import { isObject } from "../../harness/base/json_file.ts";
import type { Results } from "../../harness/records/results.ts";
import { csvText } from "../../harness/report/exports/csv_text.ts";
import { folderNames } from "../../harness/report/exports/export_format.ts";
import { formats } from "../../harness/report/exports/formats.ts";
import { writeExport } from "../../harness/report/exports/write_export.ts";
import { exported, exportedResults, filesOf, hostile, parseCsv } from "./exported.ts";

const formatNamed = (name: string) => formats.filter((format) => format.name === name);

/** The same value with the fields of its objects in the opposite order. */
function reordered<T>(value: T): T;
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => reordered(one));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([key, one]) => [key, reordered(one)]));
}

Deno.test("every format gives the same bytes for the same records, whatever the order of their fields", () => {
  for (const format of formats) {
    const source = exported(), first = filesOf(format, source);
    equal(format.lacks(source), null);
    ok(first.size > 0, format.name);
    deepEqual(first, filesOf(format, exported(reordered(exportedResults()))), format.name);
  }
});

Deno.test("every format keeps its files in its folder and names each once, whatever arms and tasks are called", () => {
  const wild = ["../../etc", "A", "a", "x/y\\z", "con:1", "nul", "a:b", "a,b", "..", "", "\u202e", "é".repeat(300)];
  const results = exportedResults(), [{ entry, record, steps, answers }] = results.cells as [Results["cells"][number]];
  const cells = wild.map((arm) => ({
    entry: { ...entry, arm, folder: "../.." },
    record: record && { ...record, arm, policy: "/home/../..", task: { ...record.task, name: "../../t" } },
    steps,
    answers,
  }));
  for (const format of formats) {
    const paths = Array.from(format.files(exported({ ...results, cells })), ({ path }) => path);
    for (const path of paths) {
      ok(path.split("/").every((part) => /^[A-Za-z0-9.][A-Za-z0-9+._=,-]*$/.test(part) && !/^\.\.?$/.test(part)), path);
    }
    equal(new Set(paths.map((path) => path.toLowerCase())).size, paths.length, format.name);
  }
});

Deno.test("folderNames() keeps plain names and tells apart what looks alike", () => {
  deepEqual([...folderNames(["grpo", "memory-r+:order=as-released"]).values()], [
    "grpo",
    "memory-r+,order=as-released",
  ]);
  const names = ["a:b", "a,b", "A,b", "a b", "a_b", ".hidden", "dot."];
  const folders = names.map((name) => folderNames(names).get(name)!);
  equal(new Set(folders.map((folder) => folder.toLowerCase())).size, names.length);
  ok(folders.every((folder) => /^[a-z]/i.test(folder) && !folder.endsWith(".")), folders.join());
});

Deno.test("formats name what they lack: cells, steps, answers, a dataset", () => {
  const results = exportedResults();
  const without = (part: "steps" | "answers") =>
    exported({ ...results, cells: results.cells.map((cell) => ({ ...cell, [part]: null })) });
  const lacking = (source: ReturnType<typeof exported>) =>
    formats.filter((format) => format.lacks(source) !== null).map(({ name }) => name);
  deepEqual(lacking(without("steps")), ["tensorboard", "trackio"]);
  deepEqual(lacking(without("answers")), ["jsonl"]);
  deepEqual(lacking(exported(results, { dataset: null })), ["hf-eval-results"]);
  equal(lacking(exported({ ...results, cells: [] })).length, formats.length - 1); // csv has headers
});

Deno.test("csvText() is read back by the grammar of RFC 4180", () => {
  const row = ["plain", "a,b", 'say "x"', "two\r\nlines", " blank ", "", "semi;colon"];
  const text = csvText(["a", "b", "c", "d", "e", "f", "g"], [row]);
  deepEqual(parseCsv(text)[1], row);
  equal(csvText(["x"], [[1e-7], [-2], [true], [null]]), "x\r\n1e-7\r\n-2\r\ntrue\r\n\r\n");
});

Deno.test("csvText() leaves no text that a spreadsheet takes for a formula, and no control character", () => {
  const texts = [...hostile, "=1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "\uff1d1", "\u0000=1"];
  const fields = parseCsv(csvText(["x"], texts.map((text) => [text]))).slice(1).map(([field]) => field!);
  for (const [i, field] of fields.entries()) {
    ok(!/^\s*[=+\-@\t\r\uff1d]/.test(field), JSON.stringify(field));
    // deno-lint-ignore no-control-regex
    ok(!/[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e]/.test(field) && field.isWellFormed(), JSON.stringify(field));
    ok(field.includes(texts[i]!.slice(-1)), "the text is still there");
  }
  equal(fields[hostile.length], "'=1");
});

async function folder<T>(use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempDir();
  try {
    return await use(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

Deno.test("writeExport() writes one format into the folder, several into folders, and leaves nothing beside it", () =>
  folder(async (path) => {
    const written = await writeExport(join(path, "new", "one"), formatNamed("csv"), exported());
    deepEqual(namesIn(join(path, "new")), ["one"]);
    deepEqual(namesIn(join(path, "new", "one")), [
      ".matchbox-export.json",
      "cells.csv",
      "columns.csv",
      "evaluations.csv",
    ]);
    equal(written[0]?.files, 3);
    await writeExport(join(path, "all"), formats, exported());
    deepEqual(namesIn(join(path, "all")), [".matchbox-export.json", ...formats.map(({ name }) => name)].sort());
  }));

Deno.test("writeExport() takes the place of an export and of an empty folder, and of nothing else", () =>
  folder(async (path) => {
    const target = join(path, "out"), write = (name: string) => writeExport(target, formatNamed(name), exported());
    await Deno.mkdir(target);
    await write("csv");
    await write("jsonl");
    deepEqual(namesIn(target), [".matchbox-export.json", "samples.jsonl"]);
    await Deno.writeTextFile(join(target, "mine.txt"), "mine");
    await rejects(
      write("csv"),
      (error) => error instanceof MisuseError && /"mine.txt", which no export/.test(error.message),
    );
    deepEqual(namesIn(target), [".matchbox-export.json", "mine.txt", "samples.jsonl"]);
    await Deno.remove(join(target, ".matchbox-export.json"));
    await rejects(write("csv"), /it holds files that no export wrote … choose another folder/);
    await rejects(writeExport(join(target, "mine.txt"), formats, exported()), /it is a file/);
    deepEqual(namesIn(path), ["out"]);
  }));

Deno.test("writeExport() leaves what stood there when a format fails", () =>
  folder(async (path) => {
    const target = join(path, "out");
    await writeExport(target, formatNamed("csv"), exported());
    const failing = {
      ...formats[0]!,
      *files() {
        yield { path: "first.txt", content: ["x"] };
        throw new RangeError("broken");
      },
    };
    await rejects(writeExport(target, [failing], exported()), /broken/);
    deepEqual(namesIn(target), [".matchbox-export.json", "cells.csv", "columns.csv", "evaluations.csv"]);
    deepEqual(namesIn(path), ["out"]);
  }));
