// What the four tasks of competition mathematics have in common. They learn from the same file, the training half of MATH,
// and differ in the file that they are tested on; AIME 2024 and AMC 2023 have no training questions of their own.
//
// --data-dir is a folder with the files at the paths that their sources name here. Left out of the training file: the
// questions of MATH-500 and of the task's own test, by a digest of the question without its spaces; rows whose answer is
// null or empty; and questions of more than 1000 characters, one in a hundred, mostly figures written as programs. Test
// questions are never left out. Validation is carved from what remains: the questions whose digest is 0 modulo 20.

import { join } from "node:path";
import { sha256 } from "../../harness/base/digest.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { Task, TaskItem } from "../../harness/contract.ts";
import { type ItemRow, itemsSource, readItemFile } from "../item_file.ts";
import { mathPrompts, paperPrompt } from "../prompts.ts";
import { layOut } from "../rewards.ts";
import { gradeMath, gradeMathLeniently, mathRewardNames } from "./grade.ts";

/** A file that a task reads, as it was when this was written. What a run read is in its record: `TaskData.digest`. */
export interface SourceFile {
  /** Below --data-dir. */
  readonly path: string;
  readonly origin: string;
  readonly sha256: string;
  readonly licence: string;
  readonly rows: number;
}

/** The training file: questions and answers, no solutions. */
export const trainSource: SourceFile = {
  path: "math/train_deepscaler.json",
  origin: "deepscaler/data/train/math.json of github.com/agentica-project/deepscaler at 95ef74ffee00",
  sha256: "569230b362fd501e1a33d8f29aae3b4b989d32e2b91b07c3f48493528c3bf6d2",
  licence: "MIT",
  rows: 7474,
};

/** MATH-500 (Lightman et al. 2023, arXiv 2305.20050), bit-identical to OpenAI's file. */
export const math500Source: SourceFile = {
  path: "math500/test.jsonl",
  origin: "examples/simplelr_math_eval/data/math500/test.jsonl of github.com/hkust-nlp/simpleRL-reason at cf1c7858bfc1",
  sha256: "35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132",
  licence: "MIT",
  rows: 500,
};

const longestTrainingQuestion = 1000;

/** What a task of this family says of itself. */
export interface MathTask {
  readonly name: string;
  readonly summary: string;
  readonly test: SourceFile;
  /** The gold answer of a test row. */
  readonly goldOf: (row: ItemRow) => string;
  readonly example: { readonly question: string; readonly gold: string; readonly reasoning: string };
  readonly maxPromptTokens?: number;
}

const digestOf = (question: string) => sha256(question.replace(/\s+/g, ""));
const isValidation = ({ question }: TaskItem) => parseInt(digestOf(question).slice(0, 8), 16) % 20 === 0;

/** A task tested on one file and trained on the training half of MATH. */
export function mathTask({ name, summary, test, goldOf, example, maxPromptTokens = 1024 }: MathTask): Task {
  const answer: Task["answer"] = (_, text, reasoning = `The answer is ${text}.`) => layOut(reasoning, text);
  return {
    name,
    version: 1,
    summary,
    rewards: mathRewardNames,
    async load({ dataDir }) {
      if (dataDir === null) {
        const files = [...new Set([trainSource, math500Source, test])].map(named).join(", ");
        throw new MisuseError(
          `Cannot load task ${name}: no data folder is given; give --data-dir a folder with ${files}`,
        );
      }
      const read = (source: SourceFile) => readItemFile(join(dataDir, source.path), named(source));
      const [training, held, asked] = [await read(trainSource), await read(math500Source), await read(test)];
      const items = (rows: readonly ItemRow[], file: string, gold: (row: ItemRow) => string) =>
        rows.map((row, i) => {
          const id = `${name}-${file}-${`${i}`.padStart(5, "0")}`;
          return { id, question: row.text("problem").trim(), gold: gold(row).trim() };
        });
      const tested = items(asked.rows, "test", goldOf);
      const withheld = new Set(
        [...held.rows.map((row) => row.text("problem")), ...tested.map((item) => item.question)].map(digestOf),
      );
      const learned = items(training.rows, "train", (row) => hasNoAnswer(row) ? "" : row.text("answer")).filter(
        ({ question, gold }) =>
          gold !== "" && question.length <= longestTrainingQuestion && !withheld.has(digestOf(question)),
      );
      const splits = {
        train: itemsSource(learned.filter((item) => !isValidation(item)), name),
        validation: itemsSource(learned.filter(isValidation), name),
        test: itemsSource(tested, name),
      };
      if (splits.train.size === 0 || splits.validation.size === 0) {
        throw new FailureError(
          `Cannot use ${join(dataDir, trainSource.path)}: the ${learned.length} of its rows that may be learned from ` +
            `are too few to hold out one in twenty for validation; give --data-dir a folder with ${named(trainSource)}`,
        );
      }
      return { splits, digest: sha256(...[training, held, asked].map(({ bytes }) => sha256(bytes))) };
    },
    prompt: paperPrompt,
    prompts: mathPrompts,
    grade: gradeMath,
    gradeLeniently: gradeMathLeniently,
    answer,
    defaults: { "rl.maxPromptTokens": maxPromptTokens, "rl.maxCompletionTokens": 300 },
    example: {
      item: { id: `${name}-example`, question: example.question, gold: example.gold },
      completion: layOut(example.reasoning, example.gold),
    },
  };
}

const named = ({ path, origin }: SourceFile) => `${path} (${origin})`;

/** The file has a few such rows, among them choices that lost their letter. */
function hasNoAnswer(row: ItemRow): boolean {
  const value = row.value("answer");
  return value === null || value === "";
}

/** A whole number, as text or as a number such as 27.0; without leading zeros. */
export function wholeGold(row: ItemRow): string {
  const value = row.value("answer");
  const text = typeof value === "number" ? `${value}` : row.text("answer").trim();
  if (/^-?\d+$/.test(text)) return `${BigInt(text)}`;
  throw row.refuse(`field "answer" is ${JSON.stringify(value)}, must be a whole number`);
}
