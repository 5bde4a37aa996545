import process from "node:process";
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256 } from "../../harness/base/digest.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { ItemSource, TaskItem } from "../../harness/contract.ts";
import { selfTestTask } from "../../harness/rl/self_test.ts";
import { aimo } from "../../tasks/aimo.ts";
import { digestOf, mathTask } from "../../tasks/math/math_task.ts";
import { testTask } from "../conformance/task_conformance.ts";

const parquet = fileURLToPath(new URL("../fixtures/parquet/snappy.parquet", import.meta.url));
const numina: { problem: string; solution: string }[] = JSON.parse(
  readFileSync(fileURLToPath(new URL("../fixtures/parquet/rows.json", import.meta.url)), "utf8"),
);
const aime = (year: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ problem: `AIME ${year} ${i}?`, answer: `0${i}`, year: `${year}` }));
const files: Readonly<Record<string, string>> = {
  "math500/test.jsonl": JSON.stringify({ problem: numina[3]!.problem.replace(/ /g, "  "), answer: "1" }) + "\n",
  "aimo-validation-aime/aime_1983_2023.json": JSON.stringify([...aime(2021, 3), ...aime(2022, 2), ...aime(2023, 2)]),
  "aimo-validation-aime/aime_2024.json": JSON.stringify([
    ...aime(2024, 2),
    { problem: numina[5]!.problem, answer: "5", year: "2024" },
  ]),
  "aimo-validation-amc/amc.json": JSON.stringify([{ problem: "AMC?", answer: 142.0 }]),
};

async function withFolder<T>(
  changes: Readonly<Record<string, string | Uint8Array>>,
  check: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "matchbox-aimo-")), place = join(folder, aimo.sources![0]!.path);
  try {
    mkdirSync(dirname(place), { recursive: true });
    copyFileSync(parquet, place);
    for (const [path, content] of Object.entries({ ...files, ...changes })) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    return await check(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const load = (changes: Readonly<Record<string, string>> = {}) =>
  withFolder(changes, (dataDir) => aimo.load({ dataDir, level: 2 }));
const all = (source: ItemSource) => Array.from({ length: source.size }, (_, i) => source.item(i));

testTask(aimo, "aimo", () => load());

Deno.test("aimo: the reward self-test finds nothing in its items", async () => {
  deepEqual(selfTestTask(aimo, await load(), 256), []);
});

Deno.test("aimo.load() learns from rows with a box, each question once, none of its test or of MATH-500", async () => {
  const { splits } = await load(), learned = [...all(splits.train), ...all(splits.validation)];
  const right = numina.flatMap(({ problem, solution }, i) =>
    solution.includes("\\boxed") && i !== 3 && i !== 5 && i < 150 ? [problem] : []
  );
  deepEqual(learned.map(({ question }) => question).sort(), right.sort());
  equal(learned.find(({ id }) => id === "aimo-train-00001")?.gold, "\\frac{1}{2}");
});

Deno.test("aimo.load() asks the AIME of 2022 to 2024, then the AMC, with whole numbers as gold", async () => {
  const test = all((await load()).splits.test);
  deepEqual(test.map(({ question }) => question).slice(0, 2), ["AIME 2022 0?", "AIME 2022 1?"]);
  deepEqual(test.map(({ gold }) => gold), ["0", "1", "0", "1", "0", "1", "5", "142"]);
  deepEqual(test.map(({ id }) => id).slice(-2), ["aimo-aime-00006", "aimo-amc-00000"]);
});

Deno.test("aimo.load() refuses a malformed row by file, row and field, and a missing file by name", async () => {
  const refused = (changes: Readonly<Record<string, string>>, kind: typeof FailureError, what: string) =>
    rejects(load(changes), (error: unknown) => {
      ok(error instanceof kind && error.message.includes(what), `${error}`);
      return true;
    });
  const amc = "aimo-validation-amc/amc.json", aime24 = "aimo-validation-aime/aime_2024.json";
  await refused(
    { [amc]: '[{"problem":"a?","answer":1},{"problem":"b?","answer":1.5}]' },
    FailureError,
    `${amc}, row 2: field "answer" is 1.5`,
  );
  await refused(
    { [aime24]: '[{"problem":"a?","answer":"1"}]' },
    FailureError,
    `${aime24}, row 1: field "year" is missing`,
  );
  await refused({ [aime24]: '[{"problem":"a?","answer":"1","year":"new"}]' }, FailureError, 'field "year" is "new"');
  await refused({ [aimo.sources![0]!.path]: "no parquet" }, FailureError, "it is no whole Parquet file");
  await rejects(
    aimo.load({ dataDir: "/nowhere", level: 2 }),
    (error: unknown) =>
      error instanceof MisuseError &&
      /numina-math-tir.*huggingface\.co\/datasets\/AI-MO\/NuminaMath-TIR at 77a91d7b/.test(error.message),
  );
});

Deno.test("mathTask() draws the same questions whatever rows stand beside them, and keeps their order", async () => {
  const items = Array.from(
    { length: 300 },
    (_, i): TaskItem => ({ id: `i-${i}`, question: `Question ${i}?`, gold: "1" }),
  );
  const task = (learned: readonly TaskItem[]) =>
    mathTask({
      name: "some",
      summary: "some",
      sources: aimo.sources as [NonNullable<typeof aimo.sources>[number]],
      read: () => Promise.resolve({ learned, tested: [items[0]!], withheld: [items[1]!.question], digests: [] }),
      drawn: 100,
      example: { question: "?", gold: "1", reasoning: "" },
    });
  const drawn = async (learned: readonly TaskItem[]) => {
    const { splits } = await task(learned).load({ dataDir: ".", level: 2 });
    return [...all(splits.train), ...all(splits.validation)];
  };
  const usual = await drawn(items), place = new Map(items.map((item, i) => [item, i]));
  equal(usual.length, 100);
  ok(usual.every(({ question }) => question !== items[0]!.question && question !== items[1]!.question));
  const { splits: { train } } = await task(items).load({ dataDir: ".", level: 2 });
  deepEqual(
    all(train).map((item) => place.get(item)!),
    all(train).map((item) => place.get(item)!).sort((a, b) => a - b),
  );
  const ranks = items.slice(2).map(({ question }) => sha256(`drawn ${digestOf(question)}`)).sort();
  ok(usual.every(({ question }) => sha256(`drawn ${digestOf(question)}`) <= ranks[99]!));
  deepEqual(new Set(await drawn(items.toReversed())), new Set(usual));
});

const real = process.env["MATCHBOX_DATA_ALL"] ?? join(import.meta.dirname!, "../../../shared/data");
Deno.test({
  name:
    "aimo.load() reads the real tests, 90 of AIME and 83 of AMC (needs MATCHBOX_DATA_ALL, a folder with aimo-validation-*)",
  ignore: !existsSync(join(real, "aimo-validation-amc/amc.json")),
  fn: async () => {
    const read = (path: string) => readFileSync(join(real, path));
    const own = Object.keys(files).map((path) => [path, read(path)] as const);
    for (const [path, bytes] of own) {
      const said = aimo.sources!.find((source) => source.path === path)!;
      deepEqual([sha256(bytes), bytes.length], [said.sha256, said.bytes], path);
    }
    const { splits: { test } } = await withFolder(
      Object.fromEntries(own),
      (dataDir) => aimo.load({ dataDir, level: 2 }),
    );
    equal(test.size, 173);
    const derived: { problem: string }[] = JSON.parse(`${read("aimo-validation-aime/aimo_validation_aime_90.json")}`);
    deepEqual(
      all(test).slice(0, 90).map(({ question }) => question).sort(),
      derived.map(({ problem }) => problem.trim()).sort(),
    );
    deepEqual(selfTestTask(aimo, await load(), 256), []);
  },
});
