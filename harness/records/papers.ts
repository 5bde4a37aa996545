// The shape of baselines/papers/*.json: numbers that a paper claims, for a leaderboard to show apart from what was
// measured here. No number stands without its table, the address where it can be looked up, and how it was read.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fileError } from "../base/atomic_file.ts";
import { FailureError } from "../base/errors.ts";
import { readJsonFile } from "../base/json_file.ts";
import { check } from "./store.ts";

const text = () => z.string().min(1).max(2000);
const webAddress = () => z.url({ protocol: /^https?$/ }).max(500);
const handle = () => z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/);

const claimedValue = z.strictObject({
  value: z.number(),
  std: z.number().min(0).optional().describe("standard deviation over seeds, where the paper gives one"),
  note: text().optional().describe("what must be known of this number alone"),
});

const claimedTable = z.strictObject({
  id: handle(),
  title: text(),
  source: z.strictObject({ where: text().describe("table, figure or text of the paper"), url: webAddress() }),
  setting: text().describe("data, budget and what is measured"),
  caveats: z.array(text()),
  columns: z.array(z.strictObject({
    test: text(),
    checkpoint: z.enum(["last", "best"]).nullable(),
    unit: text(),
    evidence: z.array(z.string()).min(1).describe("keys of `evidence`: how these numbers were read"),
  })).min(1),
  rows: z.array(z.strictObject({
    model: text().nullable(),
    arm: text(),
    values: z.array(claimedValue.nullable()).describe("one a column; null: the paper gives none"),
  })).min(1),
}).refine(({ columns, rows }) => rows.every(({ values }) => values.length === columns.length), {
  message: "each row must have one value a column",
});

/** A file of baselines/papers. */
export const paperSchema = z.strictObject({
  version: z.literal(1).describe("of this shape"),
  kind: z.literal("matchbox.paper"),
  id: handle(),
  title: text(),
  authors: z.array(text()).min(1),
  year: z.int().min(1900),
  url: webAddress(),
  edition: text().describe("which version of the paper was read"),
  evidence: z.record(z.string(), text()).describe("how numbers were read, by a short mark"),
  caveats: z.array(text()).min(1).describe("what must be known before any number is used"),
  tables: z.array(claimedTable).min(1),
}).refine(
  ({ evidence, tables }) =>
    tables.every(({ columns }) => columns.every((column) => column.evidence.every((mark) => mark in evidence))),
  { message: "each evidence mark of a column must stand in `evidence`" },
);

/** Read-only through and through. */
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

export type Paper = Frozen<z.output<typeof paperSchema>>;
export type ClaimedTable = Paper["tables"][number];

/** The papers in a folder, by the names of their files. @throws FailureError naming the file and the place in it */
export async function readPapers(folder: string): Promise<Paper[]> {
  const names = await readdir(folder).catch((error) => {
    throw fileError("read", folder, error);
  });
  const papers: Paper[] = [];
  for (const name of names.filter((name) => name.endsWith(".json")).sort()) {
    const path = join(folder, name), paper = check(paperSchema, await readJsonFile(path), path);
    if (`${paper.id}.json` !== name) {
      throw new FailureError(`Cannot read "${path}": id is "${paper.id}" … name the file ${paper.id}.json`);
    }
    papers.push(paper);
  }
  return papers;
}
