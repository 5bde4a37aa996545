// What the tasks of competition mathematics have in common: how they ask and grade, and what of a training file may be
// learned from. Left out of it: the test questions and those that a task withholds beside them, by a digest of the question
// without its spaces; rows without an answer; and questions of more than 1000 characters, mostly figures written as
// programs. Test questions are never left out. Validation is carved from what remains: the questions whose digest is 0
// modulo 20.

import { join } from "node:path";
import { sha256 } from "../../harness/base/digest.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { DataFile, Task, TaskItem } from "../../harness/contract.ts";
import { namedFile } from "../data_file.ts";
import { type ItemRow, itemsSource } from "../item_file.ts";
import { mathPrompts, paperPrompt } from "../prompts.ts";
import { layOut } from "../rewards.ts";
import { gradeMath, gradeMathLeniently, mathRewardNames } from "./grade.ts";

const longestTrainingQuestion = 1000;

/** What stands in a task's files. */
export interface MathQuestions {
  /** Training questions as they come; without an answer, their gold is empty. */
  readonly learned: readonly TaskItem[];
  readonly tested: readonly TaskItem[];
  /** Questions that must not be learned from, beside the tested ones. */
  readonly withheld: readonly string[];
  /** SHA-256 of each file. */
  readonly digests: readonly string[];
}

/** What a task of this family says of itself. */
export interface MathTask {
  readonly name: string;
  readonly summary: string;
  /** Its files, that which is learned from first. */
  readonly sources: readonly [DataFile, ...DataFile[]];
  read(dataDir: string): Promise<MathQuestions>;
  /** So many of the questions that may be learned from, drawn once and for all; all, if it is left out. */
  readonly drawn?: number;
  readonly example: { readonly question: string; readonly gold: string; readonly reasoning: string };
  readonly maxPromptTokens?: number;
}

/** What makes two questions the same, however they are set. */
export const digestOf = (question: string) => sha256(question.replace(/\s+/g, ""));
const isValidation = ({ question }: TaskItem) => parseInt(digestOf(question).slice(0, 8), 16) % 20 === 0;

/** A task of this family. */
export function mathTask(
  { name, summary, sources, read, drawn = Infinity, example, maxPromptTokens = 1024 }: MathTask,
): Task {
  return {
    name,
    version: 1,
    summary,
    rewards: mathRewardNames,
    sources,
    async load({ dataDir }) {
      if (dataDir === null) {
        const files = sources.map(namedFile).join(", ");
        throw new MisuseError(
          `Cannot load task ${name}: no data folder is given; give --data-dir a folder with ${files}`,
        );
      }
      const { learned, tested, withheld, digests } = await read(dataDir);
      const barred = new Set([...withheld, ...tested.map(({ question }) => question)].map(digestOf));
      const usable = draw(
        learned.filter(({ question, gold }) =>
          gold !== "" && question.length <= longestTrainingQuestion && !barred.has(digestOf(question))
        ),
        drawn,
      );
      const splits = {
        train: itemsSource(usable.filter((item) => !isValidation(item)), name),
        validation: itemsSource(usable.filter(isValidation), name),
        test: itemsSource(tested, name),
      };
      if (splits.train.size === 0 || splits.validation.size === 0) {
        throw new FailureError(
          `Cannot use ${
            join(dataDir, sources[0].path)
          }: the ${usable.length} of its rows that may be learned from are ` +
            `too few to hold out one in twenty for validation; give --data-dir a folder with ${namedFile(sources[0])}`,
        );
      }
      return { splits, digest: sha256(...digests) };
    },
    prompt: paperPrompt,
    prompts: mathPrompts,
    grade: gradeMath,
    gradeLeniently: gradeMathLeniently,
    answer: (_, text, reasoning = `The answer is ${text}.`) => layOut(reasoning, text),
    defaults: { "rl.maxPromptTokens": maxPromptTokens, "rl.maxCompletionTokens": 300 },
    example: {
      item: { id: `${name}-example`, question: example.question, gold: example.gold },
      completion: layOut(example.reasoning, example.gold),
    },
  };
}

/** The n whose digests come first, in the order of the file: the same whatever rows stand beside them. */
function draw(items: readonly TaskItem[], n: number): readonly TaskItem[] {
  if (items.length <= n) return items;
  const rank = new Map(items.map((item) => [item, sha256(`drawn ${digestOf(item.question)}`)]));
  const last = [...rank.values()].sort()[n - 1]!;
  return items.filter((item) => rank.get(item)! <= last);
}

/** The row as an item. @param place its number in its file, from 0 */
export function itemOf(task: string, file: string, place: number, row: ItemRow, gold: string): TaskItem {
  const id = `${task}-${file}-${`${place}`.padStart(5, "0")}`;
  return { id, question: row.text("problem").trim(), gold: gold.trim() };
}

/** A whole number, as text or as a number such as 27.0; without leading zeros. */
export function wholeGold(row: ItemRow): string {
  const value = row.value("answer");
  const text = typeof value === "number" ? `${value}` : row.text("answer").trim();
  if (/^-?\d+$/.test(text)) return `${BigInt(text)}`;
  throw row.refuse(`field "answer" is ${JSON.stringify(value)}, must be a whole number`);
}
