// An experiment's records in one file, to be committed, sent and published: plan, experiment and every cell's record as
// they were stored, the questions once, and each cell's answers as one letter a question, or with their texts. Steps and
// checkpoints stay behind; their digests are in the records. The digest covers the whole file, so that a bundle is its
// own identity; what older versions stored stays as it was, because digests were taken of it.

import { z } from "zod";
import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import { readJsonFile } from "../base/json_file.ts";
import type { EvaluationRecord, GradeStatus, Outcome, SampleRecord } from "../contract.ts";
import { checkFit, ifOlder } from "./fit.ts";
import { checkPlan, planSchema } from "./plan_schema.ts";
import type { Answer, CellResults, Results } from "./results.ts";
import { cellRecordSchema, experimentSchema, SCHEMA_VERSION } from "./schema.ts";
import { checkCellRecord, checkExperiment, checkStored, recordLine, storedDigest } from "./store.ts";

const letters = { correct: "c", wrong: "w", unparseable: "u", truncated: "t", timeout: "o" } as const satisfies Record<
  GradeStatus,
  string
>;
const statusOf: ReadonlyMap<string, GradeStatus> = new Map([
  ["c", "correct"],
  ["w", "wrong"],
  ["u", "unparseable"],
  ["t", "truncated"],
  ["o", "timeout"],
]);
/** The cell was not asked this question. */
const NOT_ASKED = "-";

const statuses = z.string().regex(/^[cwuto-]*$/);
const said = z.strictObject({
  completion: z.string(),
  extracted: z.string().nullable(),
  rewards: z.record(z.string(), z.number()),
  tokens: z.int().min(0),
});

function bundleOf<P extends z.ZodType, E extends z.ZodType, R extends z.ZodType>(plan: P, experiment: E, record: R) {
  return z.strictObject({
    schemaVersion: z.literal(SCHEMA_VERSION),
    kind: z.literal("matchbox.bundle"),
    digest: z.string().regex(/^[0-9a-f]{64}$/).describe("SHA-256 of the canonical JSON (RFC 8785) of all the rest"),
    plan: plan.nullable().describe("plan.json as it was stored; null for an experiment of schema version 1"),
    experiment: experiment.describe("experiment.json, but for --out in its command"),
    items: z.array(z.strictObject({ id: z.string(), question: z.string(), gold: z.string() }))
      .describe("the questions of the final evaluation, each once"),
    cells: z.array(z.strictObject({
      record: record.nullable().describe("record.json as it was stored; null for a cell that has not begun"),
      statuses: statuses.nullable().describe(
        "of the greedy answers, a letter for each item: c correct, w wrong, u unparseable, t truncated, o timeout, - not " +
          "asked; " +
          "null: not kept, or the cell has not finished",
      ),
      sampled: z.array(statuses).describe("the same for sample 1, 2 … of those drawn at temperature 1"),
      said: z.array(z.array(said.nullable())).nullable()
        .describe("the texts, for the greedy answers and each sample, an entry for each item; null: left out"),
    })).describe("in the order of experiment.cells"),
  });
}

const older = (kind: string) =>
  z.looseObject({ schemaVersion: z.int().min(1).lt(SCHEMA_VERSION), kind: z.literal(kind) });

/** A bundle's file, with its parts: for the JSON Schema. */
export const bundleSchema = bundleOf(
  z.union([planSchema, older("matchbox.plan")]),
  experimentSchema,
  z.union([cellRecordSchema, older("matchbox.cell")]),
);

/** The same without looking into plan, experiment and records: their own readers do. */
const part = z.record(z.string(), z.unknown());
const envelopeSchema = bundleOf(part, part, part);

/** A bundle. Its parts are as they were stored; {@linkcode fromBundle} reads them. */
export type Bundle = z.output<typeof envelopeSchema>;
type BundleCell = Bundle["cells"][number];
type Item = Bundle["items"][number];

/** What to keep. */
export interface BundleOptions {
  /** Whether to keep what the answers say. */
  readonly completions: boolean;
}

/**
 * The results as a bundle.
 * @throws MisuseError where completions are asked for and some were not kept, FailureError where cells were asked
 *   questions that cannot stand in one list
 */
export function toBundle(results: Results, { completions }: BundleOptions): Bundle {
  const { plan, storedPlan, experiment } = results, items = itemsOf(results);
  const content = {
    schemaVersion: SCHEMA_VERSION,
    kind: "matchbox.bundle",
    plan: plan && { ...(storedPlan ?? plan) },
    experiment: { ...experiment, command: withoutFolder(experiment.command) },
    items,
    cells: results.cells.map((cell) => bundleCell(cell, items, completions, results.origin)),
  } as const;
  return { ...content, digest: sha256(canonicalJson(content)) };
}

/** The command without `--out`: where the results lay means nothing to others. */
function withoutFolder(command: readonly string[]): string[] {
  return command.filter((word, i) => !/^--out(=|$)/.test(word) && command[i - 1] !== "--out");
}

function itemsOf({ cells, origin }: Results): Item[] {
  const items = new Map<string, Item>();
  for (const { id, question, gold } of cells.flatMap(({ answers }) => answers ?? [])) {
    const known = items.get(id);
    if (!known) items.set(id, { id, question, gold });
    else if (known.question !== question || known.gold !== gold) {
      throw new FailureError(`Cannot bundle "${origin}": question "${id}" is not the same in all cells`);
    }
  }
  return [...items.values()];
}

function bundleCell(cell: CellResults, items: readonly Item[], completions: boolean, origin: string): BundleCell {
  const { record, storedRecord, answers, entry: { arm, seed } } = cell;
  const kept = { record: record && { ...(storedRecord ?? record) } };
  if (answers === null) return { ...kept, statuses: null, sampled: [], said: null };

  const found = new Map(answers.map((answer) => [`${answer.sample} ${answer.id}`, answer]));
  const most = answers.reduce((most, { sample }) => Math.max(most, sample), 0);
  const drawn = Math.min(most, answers.length); // a number without an answer is found out below
  const rows = Array.from({ length: drawn + 1 }, (_, sample) => items.map(({ id }) => found.get(`${sample} ${id}`)));
  const [greedy = "", ...sampled] = rows.map((row) => row.map((one) => one ? letters[one.status] : NOT_ASKED).join(""));
  if (completions && answers.some((answer) => answer.said === null)) {
    throw new MisuseError(`Cannot keep the completions of "${origin}": those of ${arm} seed ${seed} were left out`);
  }
  const said = completions ? rows.map((row) => row.map((answer) => answer?.said ?? null)) : null;
  const bundled = { ...kept, statuses: greedy, sampled, said };
  const names = (list: readonly Answer[]) => list.map(({ sample, id }) => `${sample} ${id}`).join("\n");
  if (names(answersOf(bundled, items)) === names(answers)) return bundled;
  throw new FailureError(
    `Cannot bundle "${origin}": ${arm} seed ${seed} asks its questions in another order, or twice`,
  );
}

/** The answers in the order of samples.jsonl: the greedy ones, then those drawn, question by question. */
function answersOf({ statuses, sampled, said }: BundleCell, items: readonly Item[]): Answer[] {
  const rows = [statuses ?? "", ...sampled];
  const answer = (sample: number, place: number): Answer[] => {
    const status = statusOf.get(rows[sample]?.[place] ?? NOT_ASKED);
    return status ? [{ ...items[place]!, sample, status, said: said?.[sample]?.[place] ?? null }] : [];
  };
  return [
    ...items.flatMap((_, place) => answer(0, place)),
    ...items.flatMap((_, place) => sampled.flatMap((_, row) => answer(row + 1, place))),
  ];
}

/** The bundle as the text of its file: a question a line and a cell a line; equal bundles are equal bytes. */
export function bundleText({ schemaVersion, kind, digest, plan, experiment, items, cells }: Bundle): string {
  const lines = (values: readonly unknown[]) =>
    values.length === 0 ? "[]" : `[\n${values.map((value) => canonicalJson(value)).join(",\n")}\n]`;
  return `{
"kind":${canonicalJson(kind)},
"schemaVersion":${schemaVersion},
"digest":${canonicalJson(digest)},
"plan":${canonicalJson(plan)},
"experiment":${canonicalJson(experiment)},
"items":${lines(items)},
"cells":${lines(cells)}
}
`;
}

/** A bundle's file. @throws FailureError if it is missing, malformed, of an unknown version, or its digest does not hold */
export async function readBundle(path: string): Promise<Bundle> {
  const value = await readJsonFile(path);
  const bundle = checkStored("matchbox.bundle", envelopeSchema, value, path), { digest, ...rest } = value;
  if (digest === storedDigest(rest, path)) return bundle;
  throw new FailureError(`Cannot trust "${path}": digest does not fit what the bundle says … restore the file`);
}

/**
 * What a bundle says: every digest in it is taken again.
 * @param origin where the bundle is from, for messages
 * @throws FailureError naming the part that is damaged or does not fit
 */
export function fromBundle(bundle: Bundle, origin: string): Results {
  const { items } = bundle;
  const plan = bundle.plan && checkPlan(bundle.plan, `${origin}, plan`);
  const experiment = checkExperiment(bundle.experiment, `${origin}, experiment`);
  if (bundle.cells.length !== experiment.cells.length) {
    throw new FailureError(
      `Cannot trust "${origin}": it has ${bundle.cells.length} cells, its experiment ${experiment.cells.length}`,
    );
  }
  if (new Set(items.map(({ id }) => id)).size < items.length) {
    throw new FailureError(`Cannot trust "${origin}": it has a question twice`);
  }
  const cells = experiment.cells.map((entry, i): CellResults => {
    const cell = bundle.cells[i]!, place = `${origin}, cells.${i}`;
    const record = cell.record && checkCellRecord(cell.record, `${place}.record`);
    const answers = cell.statuses === null ? null : checkAnswers(cell, items, record?.outcome ?? null, place);
    return { entry, record, ...ifOlder("storedRecord", cell.record), steps: null, answers };
  });
  return checkFit({ origin, plan, ...ifOlder("storedPlan", bundle.plan), experiment, cells });
}

/** The cell's answers, if they are those that its outcome counts and, where there are texts, has the digest of. */
function checkAnswers(cell: BundleCell, items: readonly Item[], outcome: Outcome | null, place: string): Answer[] {
  const rows = [cell.statuses ?? "", ...cell.sampled], answers = answersOf(cell, items);
  const refuse = (what: string) => new FailureError(`Cannot trust "${place}": ${what} … restore the file`);
  if (rows.some((row) => row.length !== items.length)) throw refuse(`statuses must have ${items.length} letters`);
  if (cell.said) {
    const fits = cell.said.length === rows.length &&
      cell.said.every((row, sample) =>
        row.length === items.length && row.every((one, i) => (one === null) === (rows[sample]![i] === NOT_ASKED))
      );
    if (!fits) throw refuse("said must have a text for each answer");
  }
  if (outcome === null) throw refuse("it has answers and has not finished");
  if (!countsFit(rows, outcome)) throw refuse("statuses are not those that the outcome counts");
  if (cell.said && sha256(sampleLines(answers)) !== outcome.samples) {
    throw refuse("its answers do not have the digest that its outcome names");
  }
  return answers;
}

/** Whether the last evaluations on test questions, greedy and drawn, have as many of each status as there are letters. */
function countsFit([greedy = "", ...sampled]: readonly string[], { evaluations }: Outcome): boolean {
  const fits = (letters: string, mode: EvaluationRecord["mode"]) => {
    const last = evaluations.findLast((one) => one.split === "test" && one.mode === mode);
    if (!last) return letters === "";
    return [...statusOf].every(([letter, status]) => letters.split(letter).length - 1 === (last.statuses[status] ?? 0));
  };
  return fits(greedy, "greedy") && (sampled.length === 0 || fits(sampled.join(""), "sample"));
}

/** The lines of samples.jsonl that the answers came from. @throws TypeError for an answer whose text was left out */
export function sampleLines(answers: readonly Answer[]): string {
  return answers.map(({ said, ...answer }) => {
    if (!said) throw new TypeError(`Cannot write the sample of "${answer.id}": its text was left out`);
    return recordLine({ ...answer, split: "test", ...said } satisfies SampleRecord);
  }).join("");
}
