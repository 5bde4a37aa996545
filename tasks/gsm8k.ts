// GSM8K (Cobbe et al. 2021, arXiv 2110.14168): the original files, which stand in the data folder or in its folder gsm8k.
//
// The files hold train and test. Validation is carved from train: the rows whose question hashes to 0 modulo 20,
// 383 of 7473. Ids keep the row's number in its file, counted from 0.
// One deviation from Memory-R's released code: its gold is the text after "####" as it stands, so that "1,080" had to
// be met comma for comma; here the gold is canonical, "1080", for the reward as well as for the accuracy.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../harness/base/digest.ts";
import { FailureError, MisuseError } from "../harness/base/errors.ts";
import type { DataFile, Task, TaskItem } from "../harness/contract.ts";
import { type ItemRow, itemsSource, readItemFile } from "./item_file.ts";
import { mathPrompts, paperPrompt } from "./prompts.ts";
import { gradeLayout, gradeLayoutLeniently, layOut, rewardNames } from "./rewards.ts";

const origin = "train.jsonl and test.jsonl of github.com/openai/grade-school-math, folder grade_school_math/data";

const original = {
  host: "github",
  repository: "openai/grade-school-math",
  revision: "3101c7d5072418e28b9008a6636bde82a006892c",
  licence: "MIT",
} as const;

const sources: readonly DataFile[] = [
  {
    ...original,
    path: "gsm8k/train.jsonl",
    source: "grade_school_math/data/train.jsonl",
    sha256: "17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465",
    bytes: 4166206,
    rows: 7473,
  },
  {
    ...original,
    path: "gsm8k/test.jsonl",
    source: "grade_school_math/data/test.jsonl",
    sha256: "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
    bytes: 749738,
    rows: 1319,
  },
];

async function readRows(folder: string, name: "train" | "test"): Promise<{ bytes: Uint8Array; items: TaskItem[] }> {
  const { bytes, rows } = await readItemFile(join(folder, `${name}.jsonl`), origin);
  return { bytes, items: rows.map((row, i) => itemOf(row, `gsm8k-${name}-${`${i}`.padStart(5, "0")}`)) };
}

/** One row `{"question": …, "answer": "… #### 18"}`. */
function itemOf(row: ItemRow, id: string): TaskItem {
  const question = row.text("question").trim();
  const afterMark = row.text("answer").split("####");
  const gold = afterMark.at(-1)!.trim().replaceAll(",", "");
  if (afterMark.length !== 2 || !/^-?\d+(\.\d+)?$/.test(gold)) {
    throw row.refuse('field "answer" must end in "#### " and a number, such as "#### 18"');
  }
  return { id, question, gold, solution: solutionOf(afterMark[0]!) };
}

/** The worked solution in one line, without its calculator annotations: "12*2=<<12*2=24>>24" is "12*2=24". */
function solutionOf(text: string): string {
  return text.replace(/<<[^<>]*>>/g, "").trim().replace(/\s*\n\s*/g, " ");
}

/** Whether a question of train.jsonl is held out for validation. */
function isValidation({ question }: TaskItem): boolean {
  return parseInt(sha256(question).slice(0, 8), 16) % 20 === 0;
}

/** Grade-school word problems written by people, from the original files. */
export const gsm8k: Task = {
  name: "gsm8k",
  version: 1,
  summary: "grade-school word problems of GSM8K, 7473 and 1319",
  rewards: rewardNames,
  sources,
  async load({ dataDir: given }) {
    if (given === null) {
      throw new MisuseError(`Cannot load task gsm8k: no data folder is given; give --data-dir a folder with ${origin}`);
    }
    const inside = join(given, "gsm8k"), dataDir = existsSync(inside) ? inside : given;
    const train = await readRows(dataDir, "train");
    const test = await readRows(dataDir, "test");
    const inTest = new Set(test.items.map(({ question }) => question));
    const shared = train.items.find(({ question }) => inTest.has(question));
    if (shared) {
      throw new FailureError(
        `Cannot use ${join(dataDir, "train.jsonl")}, line ${train.items.indexOf(shared) + 1}: ` +
          `field "question" is a question of test.jsonl; remove it`,
      );
    }
    const splits = {
      train: itemsSource(train.items.filter((item) => !isValidation(item)), "GSM8K"),
      validation: itemsSource(train.items.filter(isValidation), "GSM8K"),
      test: itemsSource(test.items, "GSM8K"),
    };
    if (splits.train.size === 0 || splits.validation.size === 0) {
      throw new FailureError(
        `Cannot use ${join(dataDir, "train.jsonl")}: its ${train.items.length} rows are too few to hold out ` +
          `one in twenty for validation; give --data-dir a folder with ${origin}`,
      );
    }
    return { splits, digest: sha256(sha256(train.bytes), sha256(test.bytes)) };
  },
  prompt: paperPrompt,
  prompts: mathPrompts,
  grade: gradeLayout,
  gradeLeniently: gradeLayoutLeniently,
  answer: (_, answer, reasoning = `The answer is ${answer}.`) => layOut(reasoning, answer),
  defaults: { "rl.maxPromptTokens": 512, "rl.maxCompletionTokens": 200 },
  example: {
    item: {
      id: "gsm8k-example",
      question: "A shop sells 12 pens on Monday and twice as many on Tuesday. How many pens does it sell on both days?",
      gold: "36",
    },
    completion: "<reasoning>\nOn Tuesday 12*2=24, together 12+24=36.\n</reasoning>\n<answer>\n36\n</answer>\n",
  },
};
