// `neighbours`: what the memory of a cell holds near a question. It is read from the cell's newest checkpoint, which has
// the remembered questions as text and vector, and their completions as vectors alone.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { FailureError, MisuseError } from "../../base/errors.ts";
import type { CellResults } from "../../records/results.ts";
import type { CellRecord } from "../../records/schema.ts";
import { newestCheckpoint } from "../../rl/checkpoint.ts";
import { alignColumns } from "../format.ts";
import { armOf, cellOf, type Exploration, wholeNumber } from "./exploration.ts";
import { cosine, type MemoryEntry, nearestEntries, savedMemory } from "./saved_memory.ts";
import { visibleText } from "../../base/visible_text.ts";

/** Whose memory is asked for what. */
export interface NeighbourRequest {
  /** The id of a test question, or any text. */
  readonly question: string;
  /** null: the first that remembers. */
  readonly arm: string | null;
  readonly seed: number | null;
  /** Questions that are shown of each memory. */
  readonly count: number;
}

/** The vector of a text by the embedder that the cell's memory was made with. */
export type EmbedQuestion = (record: CellRecord, text: string) => Promise<Float32Array>;

const SECTION = "arm.memory.";

/** Reads `<question> [arm] [seed] [count=n]`. @throws MisuseError for what is none of these */
export function neighbourRequest([question, ...rest]: readonly string[]): NeighbourRequest {
  if (question === undefined || question.trim() === "") {
    throw new MisuseError(
      'Cannot search a memory: no question is given … give an id, or a text in quotes: "How many …"',
    );
  }
  const counts = rest.filter((word) => word.startsWith("count=")),
    words = rest.filter((word) => !counts.includes(word));
  const seed = words.findIndex((word) => /^\d+$/.test(word)), [arm = null, more] = words.filter((_, i) => i !== seed);
  if (more !== undefined || counts.length > 1) {
    throw new MisuseError(
      `Cannot search a memory: "${visibleText(more ?? counts[1] ?? "", 60)}" is one word too many … ` +
        "put the question in quotes, then name an arm and a seed",
    );
  }
  return {
    question,
    arm,
    seed: seed === -1 ? null : wholeNumber("seed", words[seed] ?? ""),
    count: counts[0] === undefined ? 5 : wholeNumber("count", counts[0].slice("count=".length), 1),
  };
}

/**
 * The nearest questions in each memory of the cell.
 * @throws MisuseError for an arm without a memory, FailureError where no checkpoint was kept or nothing can embed
 */
export async function neighboursText(
  exploration: Exploration,
  { question, arm, seed, count }: NeighbourRequest,
  embed: EmbedQuestion,
): Promise<string> {
  const cell = chooseCell(exploration, arm, seed), { entry, record } = cell;
  const name = `${visibleText(entry.arm)} seed ${entry.seed}`, folder = join(exploration.results.origin, entry.folder);
  const warnings: string[] = [];
  const checkpoint = existsSync(join(folder, "checkpoints"))
    ? await newestCheckpoint(join(folder, "checkpoints"), Infinity, (message) => warnings.push(visibleText(message)))
    : null;
  if (checkpoint === null) {
    throw new FailureError(
      `Cannot look into the memory of ${name}: its checkpoints are not kept here … explore the folder that bench wrote`,
    );
  }
  const memories = Object.entries(checkpoint.sections).filter(([section]) => section.startsWith(SECTION))
    .map(([section, bytes]) => ({ side: section.slice(SECTION.length), entries: savedMemory(bytes) }));
  if (memories.length === 0) {
    throw new MisuseError(
      `Cannot look into the memory of ${name}: this arm remembers no questions … name one that does`,
    );
  }
  const text = textOf(exploration, question);
  const own = memories.flatMap(({ entries }) => entries.find(({ key }) => key === text) ?? [])[0];
  if (!own && record === null) {
    throw new FailureError(`Cannot embed the question: ${name} has no record yet … try later`);
  }
  const query = own?.vector ?? await embed(record!, text);
  const asReleased = record?.config["memory"]?.["key"] === "as-released";
  return [
    ...warnings,
    `Memory of ${name} after ${checkpoint.step} updates, near`,
    `  ${visibleText(text, 400)}`,
    own ? "which is remembered itself." : "which is not remembered; it was embedded for this.",
    ...(asReleased
      ? ["Completions of each two questions are remembered under the first one (memory.key=as-released)."]
      : []),
    ...memories.flatMap(({ side, entries }) => ["", memoryTable(side, entries, query, count)]),
    "",
    "alike: mean cosine of a question's completions with their mean. Their texts are not part of a memory, only vectors.",
  ].join("\n");
}

function memoryTable(side: string, entries: readonly MemoryEntry[], query: Float32Array, count: number): string {
  const completions = entries.reduce((sum, { values }) => sum + values.length, 0);
  const title = `${visibleText(side)}: ${entries.length} questions, ${completions} completions`;
  if (entries.length === 0) return title;
  const rows = nearestEntries(entries, query, count).map(({ entry, cosine }) => [
    `  ${visibleText(entry.key, 100)}`,
    cosine.toFixed(5),
    String(entry.values.length),
    alikeness(entry.values).toFixed(3),
  ]);
  return `${title}\n${alignColumns([["  question", "cosine", "completions", "alike"], ...rows])}`;
}

function alikeness(values: readonly Float32Array[]): number {
  const sum = new Float32Array(values[0]?.length ?? 0);
  for (const value of values) value.forEach((component, i) => sum[i]! += component);
  return values.reduce((total, value) => total + cosine(value, sum), 0) / values.length;
}

function chooseCell(exploration: Exploration, arm: string | null, seed: number | null): CellResults {
  const { cells } = exploration.results;
  if (arm !== null && seed !== null) return cellOf(exploration, armOf(exploration, arm).arm, seed);
  if (arm !== null) {
    const own = cells.filter(({ entry }) => entry.arm === armOf(exploration, arm).arm);
    return own.find(({ entry }) => entry.status === "finished") ?? own[0]!;
  }
  const found = cells.find(({ entry, record }) =>
    (seed === null || entry.seed === seed) && record?.outcome?.embedder != null
  );
  if (found) return found;
  throw new MisuseError("Cannot look into a memory: no finished cell here has one … name an arm that remembers");
}

/** The question with that id, or the words themselves. */
function textOf({ results }: Exploration, question: string): string {
  for (const { answers } of results.cells) {
    const found = answers?.find(({ id }) => id === question);
    if (found) return found.question;
  }
  return question;
}
