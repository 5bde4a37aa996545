import { ok, rejects, strictEqual } from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { gsm8k } from "../../tasks/gsm8k.ts";
import { testTask } from "../conformance/task_conformance.ts";
import { NEEDS_DATA, realData } from "../real_data.ts";

const row = (question: string, gold: string) => JSON.stringify({ question, answer: `Some work.\n#### ${gold}` });
const rows = (name: string, count: number) =>
  Array.from(
    { length: count },
    (_, i) => row(`How many are ${i} and ${i} in ${name}?`, (2 * i).toLocaleString("en-US")),
  );
const fileOf = (lines: readonly string[]) => lines.join("\n") + "\n";

/** Runs a check with a folder of synthetic files, some of them replaced; null leaves one out. */
async function withFolder<T>(
  files: Readonly<Partial<Record<"train" | "test", string | Uint8Array | null>>>,
  check: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "matchbox-gsm8k-"));
  try {
    const { train, test } = { train: fileOf(rows("train", 600)), test: fileOf(rows("test", 50)), ...files };
    if (train !== null) writeFileSync(join(folder, "train.jsonl"), train);
    if (test !== null) writeFileSync(join(folder, "test.jsonl"), test);
    return await check(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const load = (dataDir: string) => gsm8k.load({ dataDir, level: 2 });

testTask(gsm8k, "gsm8k", () => withFolder({}, load));

Deno.test("gsm8k.load() holds one training row in twenty out for validation and keeps row numbers in ids", async () => {
  const { splits } = await withFolder({}, load);
  strictEqual(splits.train.size + splits.validation.size, 600);
  ok(splits.validation.size > 15 && splits.validation.size < 45, `${splits.validation.size}`);
  strictEqual(splits.test.item(7).id, "gsm8k-test-00007");
  for (const split of ["train", "validation"] as const) {
    const { id, question } = splits[split].item(3);
    ok(question.startsWith(`How many are ${Number(id.slice("gsm8k-train-".length))} `), id);
  }
});

Deno.test("gsm8k.load() removes the commas of a gold answer", async () => {
  const { splits } = await withFolder({ test: fileOf([row("q", "1,575,000"), row("r", "-2.5")]) }, load);
  strictEqual(splits.test.item(0).gold, "1575000");
  strictEqual(splits.test.item(1).gold, "-2.5");
});

Deno.test("gsm8k.load() reads files with Windows line ends and without a last line break alike", async () => {
  const { splits } = await withFolder({ test: rows("test", 3).join("\r\n") }, load);
  strictEqual(splits.test.size, 3);
});

Deno.test("gsm8k.load() changes its digest with any byte of either file", async () => {
  const digests = [
    await withFolder({}, load),
    await withFolder({ test: fileOf(rows("test", 51)) }, load),
    await withFolder({ train: fileOf(rows("train", 601)) }, load),
  ].map(({ digest }) => digest);
  strictEqual(new Set(digests).size, 3);
});

Deno.test("gsm8k.load() without a folder says which files it needs, whence they come and which flag names them", async () => {
  await rejects(gsm8k.load({ dataDir: null, level: 2 }), (error: Error) => {
    ok(error instanceof MisuseError);
    for (const part of ["--data-dir", "train.jsonl", "test.jsonl", "openai/grade-school-math"]) {
      ok(error.message.includes(part), error.message);
    }
    return true;
  });
});

Deno.test("gsm8k.load() names the missing file", async () => {
  for (const name of ["train", "test"] as const) {
    await withFolder(
      { [name]: null },
      (folder) =>
        rejects(
          load(folder),
          (error: Error) =>
            error instanceof MisuseError && error.message.includes(join(folder, `${name}.jsonl`)) &&
            error.message.includes("does not exist") && error.message.includes("--data-dir"),
        ),
    );
  }
});

Deno.test("gsm8k.load() refuses a malformed row by file, line and field", async () => {
  const cases: readonly [string, string][] = [
    ["{", "it is not JSON"],
    ["", "the line is empty"],
    ["null", 'field "question" is missing'],
    ["[1]", 'field "question" is missing'],
    ['{"question": 5, "answer": "#### 1"}', 'field "question" is 5'],
    ['{"question": " ", "answer": "#### 1"}', 'field "question" is " "'],
    ['{"question": "q"}', 'field "answer" is missing'],
    ['{"question": "q", "answer": "18"}', 'field "answer" must end in'],
    ['{"question": "q", "answer": "#### many"}', 'field "answer" must end in'],
    ['{"question": "q", "answer": "#### "}', 'field "answer" must end in'],
    ['{"question": "q", "answer": "#### 1 #### 2"}', 'field "answer" must end in'],
  ];
  for (const [line, message] of cases) {
    await withFolder(
      { test: fileOf([row("a", "1"), line, row("b", "2")]) },
      (folder) =>
        rejects(load(folder), (error: Error) => {
          ok(error instanceof FailureError);
          ok(error.message.includes(`${join(folder, "test.jsonl")}, line 2: ${message}`), error.message);
          return true;
        }),
    );
  }
});

Deno.test("gsm8k.load() refuses files that are empty, not text, too short, or share a question", async () => {
  const cases: readonly [Parameters<typeof withFolder>[0], RegExp][] = [
    [{ test: "" }, /test\.jsonl, line 1: the line is empty/],
    [{ train: Uint8Array.of(0xff, 0xfe, 0x00) }, /train\.jsonl: it is not UTF-8/],
    [{ train: fileOf([row("a", "1")]) }, /train\.jsonl: its 1 rows are too few/],
    [{ test: fileOf(rows("train", 3)) }, /train\.jsonl, line 1: field "question" is a question of test\.jsonl/],
  ];
  for (const [files, message] of cases) {
    await withFolder(
      files,
      (folder) => rejects(load(folder), (error: Error) => error instanceof FailureError && message.test(error.message)),
    );
  }
});

const realFolder = join(realData, "gsm8k");
Deno.test({
  name: `gsm8k.load() reads the real files: 7473 and 1319 rows (${NEEDS_DATA})`,
  ignore: !existsSync(join(realFolder, "train.jsonl")),
  fn: async () => {
    const { splits } = await load(realFolder);
    strictEqual(splits.train.size + splits.validation.size, 7473);
    strictEqual(splits.validation.size, 383);
    strictEqual(splits.test.size, 1319);
    strictEqual(splits.test.item(0).gold, "18");
  },
});
