// GSM8K (Cobbe et al. 2021, arXiv 2110.14168): the real files, from a folder of the user's; nothing is downloaded.
//
// The files hold train and test. Validation is carved from train: the rows whose question hashes to 0 modulo 20,
// 383 of 7473. Ids keep the row's number in its file, counted from 0.
// One deviation from Memory-R's released code: its gold is the text after "####" as it stands, so that "1,080" had to
// be met comma for comma; here the gold is canonical, "1080", for the reward as well as for the accuracy.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../harness/base/digest.ts";
import { FailureError, MisuseError } from "../harness/base/errors.ts";
import type { ItemSource, Task, TaskItem } from "../harness/contract.ts";
import { gradeLayout, layOut, layoutPrompt, rewardNames } from "./rewards.ts";

const origin = "train.jsonl and test.jsonl of github.com/openai/grade-school-math, folder grade_school_math/data";

async function readRows(folder: string, name: "train" | "test"): Promise<{ bytes: Uint8Array; items: TaskItem[] }> {
  const path = join(folder, `${name}.jsonl`);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const missing = error.code === "ENOENT", Refusal = missing ? MisuseError : FailureError;
    const cause = missing ? "it does not exist" : error.message;
    throw new Refusal(`Cannot read ${path}: ${cause}; give --data-dir a folder with ${origin}`);
  });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FailureError(`Cannot read ${path}: it is not UTF-8 text; fetch it again: ${origin}`);
  }
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  const items = lines.map((line, i) =>
    parseRow(line, `${path}, line ${i + 1}`, `gsm8k-${name}-${`${i}`.padStart(5, "0")}`)
  );
  return { bytes, items };
}

/** One row `{"question": …, "answer": "… #### 18"}`. @param where file and line, for the message. */
function parseRow(line: string, where: string, id: string): TaskItem {
  const refuse = (what: string) => new FailureError(`Cannot use ${where}: ${what}`);
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    throw refuse(line.trim() === "" ? "the line is empty; remove it" : "it is not JSON; correct or remove the line");
  }
  const fields = new Map<string, unknown>(Object.entries(Object(row)));
  const text = (field: string): string => {
    const value = fields.get(field);
    if (typeof value === "string" && value.trim() !== "") return value;
    throw refuse(`field "${field}" is ${JSON.stringify(value) ?? "missing"}, must be a text that is not empty`);
  };
  const question = text("question").trim();
  const afterMark = text("answer").split("####");
  const gold = afterMark.at(-1)!.trim().replaceAll(",", "");
  if (afterMark.length !== 2 || !/^-?\d+(\.\d+)?$/.test(gold)) {
    throw refuse('field "answer" must end in "#### " and a number, such as "#### 18"');
  }
  return { id, question, gold };
}

function sourceOf(items: readonly TaskItem[]): ItemSource {
  return {
    size: items.length,
    item(index) {
      const item = items[index];
      if (item) return item;
      throw new RangeError(`Cannot read a GSM8K item: index ${index} must be an integer in [0, ${items.length})`);
    },
  };
}

/** Whether a question of train.jsonl is held out for validation. */
function isValidation({ question }: TaskItem): boolean {
  return parseInt(sha256(question).slice(0, 8), 16) % 20 === 0;
}

/** Grade-school word problems written by people, from the original files. */
export const gsm8k: Task = {
  name: "gsm8k",
  version: 1,
  summary: "grade-school word problems of GSM8K; needs --data-dir with train.jsonl and test.jsonl",
  rewards: rewardNames,
  async load({ dataDir }) {
    if (dataDir === null) {
      throw new MisuseError(`Cannot load task gsm8k: no data folder is given; give --data-dir a folder with ${origin}`);
    }
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
      train: sourceOf(train.items.filter((item) => !isValidation(item))),
      validation: sourceOf(train.items.filter(isValidation)),
      test: sourceOf(test.items),
    };
    if (splits.train.size === 0 || splits.validation.size === 0) {
      throw new FailureError(
        `Cannot use ${join(dataDir, "train.jsonl")}: its ${train.items.length} rows are too few to hold out ` +
          `one in twenty for validation; give --data-dir a folder with ${origin}`,
      );
    }
    return { splits, digest: sha256(sha256(train.bytes), sha256(test.bytes)) };
  },
  prompt: ({ question }) => [{ role: "system", content: layoutPrompt }, { role: "user", content: question }],
  grade: gradeLayout,
  answer: (_, answer) => layOut(`The answer is ${answer}.`, answer),
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
