// Mathematics as in the paper's AI-MO runs: 2,000 rows of NuminaMath-TIR are learned from. Tested are the two validation
// sets of AI-MO, whose answers are whole numbers: the AIME of 2022 to 2024 (90 questions) and the AMC 12 of 2022 and 2023
// (83), as they stand in DeepScaleR's files. Which 2,000 rows the paper drew is not known: ours are those whose digests
// come first, with an answer in a box, each question once, and none of the test or of MATH-500, on which the paper
// evaluates as well. Copyright of the contests' problems is with the Mathematical Association of America.
//
// NuminaMath-TIR is pinned by its commit, its digest is the one that the Hub lists for it: the file was not at hand when
// this was written. What a run read is in its plan, as the digest of the data. AMC 2023 is part of the test of the task amc23, and AIME 2024 is aime24's:
// their results are not independent of these.

import { join } from "node:path";
import { sha256 } from "../harness/base/digest.ts";
import type { DataFile, Task } from "../harness/contract.ts";
import { namedFile } from "./data_file.ts";
import { type ItemRow, readItemFile } from "./item_file.ts";
import { lastBoxed } from "./math/extract.ts";
import { digestOf, itemOf, mathTask, wholeGold } from "./math/math_task.ts";
import { math500Source, trainSource } from "./math/trained_on_math.ts";
import { readParquetFile } from "./parquet_file.ts";

const deepscaler = {
  host: "github",
  repository: trainSource.repository,
  revision: trainSource.revision,
  licence: "MIT (carrier); problems (c) MAA",
} as const;

const numina: DataFile = {
  path: "numina-math-tir/train-00000-of-00001.parquet",
  host: "hub",
  repository: "AI-MO/NuminaMath-TIR",
  revision: "77a91d7b7a1a98ac4b1beb7d86c09d156b935dcd",
  source: "data/train-00000-of-00001.parquet",
  sha256: null,
  bytes: null,
  rows: null,
  licence: "Apache-2.0",
};

const aimeUntil2023: DataFile = {
  ...deepscaler,
  path: "aimo-validation-aime/aime_1983_2023.json",
  source: "deepscaler/data/train/aime.json",
  sha256: "78f1b9bae6d00794b43e79a5842917f7ef4e355d9b705743c61f255f3c7c5d49",
  bytes: 1289048,
  rows: 975,
};

const aime2024: DataFile = {
  ...deepscaler,
  path: "aimo-validation-aime/aime_2024.json",
  source: "deepscaler/data/test/aime.json",
  sha256: "03fd341fee10fb71cf906be4eb3042081f314c4d16077489e41f9375085d20d2",
  bytes: 38011,
  rows: 30,
};

const amc: DataFile = {
  ...deepscaler,
  path: "aimo-validation-amc/amc.json",
  source: "deepscaler/data/test/amc.json",
  sha256: "2666a217cb566efb77ebfce61841d5d8855d4b4be89633b29df3a43dcfd942dd",
  bytes: 38170,
  rows: 83,
};

/** As many as the paper's runs drew. */
const DRAWN = 2000;
const firstYear = 2022;

/** Hard competition problems, trained on easier ones. */
export const aimo: Task = mathTask({
  name: "aimo",
  summary: "AI-MO's validation sets, 90 of AIME and 83 of AMC 12, trained on 2000 rows of NuminaMath-TIR",
  sources: [numina, math500Source, aimeUntil2023, aime2024, amc],
  drawn: DRAWN,
  async read(dataDir) {
    const open = (source: DataFile) => readItemFile(join(dataDir, source.path), namedFile(source));
    const training = await readParquetFile(join(dataDir, numina.path), ["problem", "solution"], namedFile(numina));
    const held = await open(math500Source), asked = [await open(aimeUntil2023), await open(aime2024), await open(amc)];
    const [until2023 = [], in2024 = [], inAmc = []] = asked.map(({ rows }) => rows);
    const aime = [...until2023, ...in2024].filter((row) => yearOf(row) >= firstYear);
    const met = new Set<string>();
    return {
      learned: training.rows.map((row, i) => itemOf("aimo", "train", i, row, lastBoxed(row.text("solution")) ?? ""))
        .filter(({ question }) => !met.has(digestOf(question)) && met.add(digestOf(question))),
      tested: [
        ...aime.map((row, i) => itemOf("aimo", "aime", i, row, wholeGold(row))),
        ...inAmc.map((row, i) => itemOf("aimo", "amc", i, row, wholeGold(row))),
      ],
      withheld: held.rows.map((row) => row.text("problem")),
      digests: [training.digest, ...[held, ...asked].map(({ bytes }) => sha256(bytes))],
    };
  },
  example: {
    question: "Find the number of positive divisors of $360$ that are even.",
    gold: "18",
    reasoning: "360=2^3*3^2*5: three choices for 2, three for 3 and two for 5 make 18.",
  },
});

function yearOf(row: ItemRow): number {
  const value = row.value("year"), year = Number(value ?? NaN);
  if (Number.isInteger(year)) return year;
  throw row.refuse(`field "year" is ${JSON.stringify(value) ?? "missing"}, must be a year`);
}
