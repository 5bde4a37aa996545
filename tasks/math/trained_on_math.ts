// The four tasks that learn from the training half of MATH, and differ in the file that they are tested on: AIME 2024 and
// AMC 2023 have no training questions of their own. The questions of MATH-500 are withheld from all of them.

import { join } from "node:path";
import { sha256 } from "../../harness/base/digest.ts";
import type { DataFile, Task } from "../../harness/contract.ts";
import { namedFile } from "../data_file.ts";
import { type ItemRow, readItemFile } from "../item_file.ts";
import { itemOf, type MathTask, mathTask } from "./math_task.ts";

/** The training file: questions and answers, no solutions. */
export const trainSource: DataFile = {
  path: "math/train_deepscaler.json",
  host: "github",
  repository: "agentica-project/deepscaler",
  revision: "95ef74ffee001cce89463f2d61dfdce1d03576c1",
  source: "deepscaler/data/train/math.json",
  sha256: "569230b362fd501e1a33d8f29aae3b4b989d32e2b91b07c3f48493528c3bf6d2",
  bytes: 2385902,
  rows: 7474,
  licence: "MIT",
};

/** MATH-500 (Lightman et al. 2023, arXiv 2305.20050), bit-identical to OpenAI's file. */
export const math500Source: DataFile = {
  path: "math500/test.jsonl",
  host: "github",
  repository: "hkust-nlp/simpleRL-reason",
  revision: "cf1c7858bfc145a27aa733e75d930d34f0d318a6",
  source: "examples/simplelr_math_eval/data/math500/test.jsonl",
  sha256: "35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132",
  bytes: 446564,
  rows: 500,
  licence: "MIT",
};

/** What such a task says of itself. */
export interface MathTrained extends Omit<MathTask, "sources" | "read" | "drawn"> {
  readonly test: DataFile;
  /** The gold answer of a test row. */
  readonly goldOf: (row: ItemRow) => string;
}

/** A task tested on one file and trained on the training half of MATH. */
export function trainedOnMath({ test, goldOf, ...about }: MathTrained): Task {
  const sources = [...new Set([trainSource, math500Source, test])];
  return mathTask({
    ...about,
    sources: [trainSource, ...sources.slice(1)],
    async read(dataDir) {
      const open = (source: DataFile) => readItemFile(join(dataDir, source.path), namedFile(source));
      const [training, held, asked] = [await open(trainSource), await open(math500Source), await open(test)];
      return {
        learned: training.rows.map((row, i) => itemOf(about.name, "train", i, row, answerOf(row))),
        tested: asked.rows.map((row, i) => itemOf(about.name, "test", i, row, goldOf(row))),
        withheld: held.rows.map((row) => row.text("problem")),
        digests: [training, held, asked].map(({ bytes }) => sha256(bytes)),
      };
    },
  });
}

/** Of a training row; the file has a few without one, among them choices that lost their letter. */
function answerOf(row: ItemRow): string {
  const value = row.value("answer");
  return value === null || value === "" ? "" : row.text("answer");
}
