import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sha256 } from "../../harness/base/digest.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { Task } from "../../harness/contract.ts";
import { selfTestTask } from "../../harness/rl/self_test.ts";
import { aime24 } from "../../tasks/aime24.ts";
import { amc23 } from "../../tasks/amc23.ts";
import { math } from "../../tasks/math.ts";
import { math500 } from "../../tasks/math500.ts";
import { math500Source, trainSource } from "../../tasks/math/trained_on_math.ts";
import { testTask } from "../conformance/task_conformance.ts";
import { NEEDS_DATA, realData } from "../real_data.ts";

const golds = [
  "7",
  "\\frac{1}{2}",
  "3\\sqrt{13}",
  "\\left( 3, \\frac{\\pi}{2} \\right)",
  "(3,4]",
  "\\text{east}",
  "\\$18.90",
  "x=5",
  "52_8",
  "1 \\pm \\sqrt{19}",
  "\\begin{pmatrix} 1 \\\\ -2 \\end{pmatrix}",
  "90^\\circ",
  "80\\%",
  "5.4 \\text{ cents}",
];

interface Files {
  readonly [path: string]: string | Uint8Array | null;
}

const train = (count: number, name = "Train") =>
  Array.from({ length: count }, (_, i) => ({
    problem: `${name} question $x^{${i}}$?`,
    answer: golds[i % golds.length]!,
    difficulty: 1,
  }));
const lines = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).join("\n") + "\n";
const files: Files = {
  "math/train_deepscaler.json": JSON.stringify(train(200)),
  "math500/test.jsonl": lines(train(14, "Held")),
  "math/test_5000.jsonl": lines(
    train(14, "Test").map(({ problem, answer }) => ({
      problem,
      solution: `So it is $\\boxed{${answer}}.$`,
    })),
  ),
  "aime24/test.jsonl": lines([{ problem: "A?", answer: "025" }, { problem: "B?", answer: "204" }]),
  "amc23/test.jsonl": lines([{ problem: "C?", answer: 27.0 }, { problem: "D?", answer: -1 }]),
};

async function withFolder<T>(changes: Files, check: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "matchbox-math-"));
  try {
    for (const [path, content] of Object.entries({ ...files, ...changes })) {
      if (content === null) continue;
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    return await check(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const all: readonly Task[] = [math, math500, aime24, amc23];
const load = (task: Task, changes: Files = {}) => withFolder(changes, (dataDir) => task.load({ dataDir, level: 2 }));

for (const task of all) {
  testTask(task, task.name, () => load(task));

  Deno.test(`${task.name}: the reward self-test finds nothing in its items`, async () => {
    deepEqual(selfTestTask(task, await load(task), 256), []);
  });

  Deno.test(`${task.name}.load() without a folder names the files and whence they come`, async () => {
    await rejects(task.load({ dataDir: null, level: 2 }), (error: Error) => {
      ok(error instanceof MisuseError);
      for (const part of ["--data-dir", trainSource.path, math500Source.path, "github.com"]) {
        ok(error.message.includes(part), error.message);
      }
      return true;
    });
  });
}

Deno.test("mathTask() learns from no question of MATH-500 nor of its own test, whatever their spaces", async () => {
  const rows = train(200);
  const changes = {
    "math500/test.jsonl": lines([{ problem: `${rows[3]!.problem.replace(" ", "  ")}\n`, answer: "1" }]),
    "amc23/test.jsonl": lines([{ problem: rows[5]!.problem, answer: 2 }]),
  };
  const idsOf = async (task: Task) => {
    const { splits: { train, validation } } = await load(task, changes);
    const sources = [train, validation].flatMap((source) =>
      Array.from({ length: source.size }, (_, i) => source.item(i).id)
    );
    return new Set(sources);
  };
  const [amc, aime] = [await idsOf(amc23), await idsOf(aime24)];
  deepEqual([amc.size, aime.size], [198, 199]);
  deepEqual([3, 5].map((i) => amc.has(`amc23-train-0000${i}`)), [false, false]);
  deepEqual([3, 5].map((i) => aime.has(`aime24-train-0000${i}`)), [false, true]);
});

Deno.test("mathTask() leaves out training rows without an answer or with a very long question, and keeps row numbers", async () => {
  const rows = [...train(200), { problem: "q?", answer: null }, { problem: "r?", answer: "" }];
  rows.push({ problem: "s".repeat(1001), answer: "1", difficulty: 1 });
  const { splits } = await load(math500, { "math/train_deepscaler.json": JSON.stringify(rows) });
  equal(splits.train.size + splits.validation.size, 200);
  ok(splits.validation.size > 2 && splits.validation.size < 30, `${splits.validation.size}`);
  const { id, question } = splits.train.item(50);
  equal(question, `Train question $x^{${Number(id.slice("math500-train-".length))}}$?`);
});

Deno.test("whole numbers of AIME and AMC lose zeros in front and after the point; math takes the box of the solution", async () => {
  equal((await load(aime24)).splits.test.item(0).gold, "25");
  equal((await load(amc23)).splits.test.item(0).gold, "27");
  equal((await load(math)).splits.test.item(1).gold, "\\frac{1}{2}");
});

Deno.test("mathTask() changes its digest with any byte of each file that it reads", async () => {
  const changed = (path: string) => ({ [path]: `${files[path]} ` });
  const digests = [
    await load(math, {}),
    await load(math, changed("math/train_deepscaler.json")),
    await load(math, { "math500/test.jsonl": lines(train(13, "Held")) }),
    await load(math, { "math/test_5000.jsonl": lines([{ problem: "q", solution: "\\boxed{1}" }]) }),
  ].map(({ digest }) => digest);
  equal(new Set(digests).size, 4);
});

Deno.test("mathTask() refuses a missing or malformed file by name, row and field", async () => {
  const cases: readonly (readonly [Task, Files, typeof FailureError | typeof MisuseError, RegExp])[] = [
    [math500, { "math500/test.jsonl": null }, MisuseError, /math500\/test\.jsonl: it does not exist; give --data-dir/],
    [aime24, { "math/train_deepscaler.json": null }, MisuseError, /train_deepscaler\.json: it does not exist/],
    [math500, { "math500/test.jsonl": "{\n" }, FailureError, /math500\/test\.jsonl, line 1: it is not JSON/],
    [math500, { "math500/test.jsonl": '{"problem": "q"}' }, FailureError, /line 1: field "answer" is missing/],
    [math500, { "math500/test.jsonl": '{"answer": "1"}' }, FailureError, /line 1: field "problem" is missing/],
    [
      math,
      { "math/test_5000.jsonl": '{"problem": "q", "solution": "7"}' },
      FailureError,
      /"solution" must have .*boxed/,
    ],
    [
      aime24,
      { "aime24/test.jsonl": '{"problem": "q", "answer": "half"}' },
      FailureError,
      /"answer" is "half", must be a/,
    ],
    [
      amc23,
      { "amc23/test.jsonl": '{"problem": "q", "answer": 0.5}' },
      FailureError,
      /"answer" is 0.5, must be a whole/,
    ],
    [amc23, { "math/train_deepscaler.json": "{}" }, FailureError, /it is no JSON list of rows/],
    [amc23, { "math/train_deepscaler.json": "[" }, FailureError, /it is not JSON; fetch it again/],
    [
      amc23,
      { "math/train_deepscaler.json": '[{"problem": "q", "answer": 5}]' },
      FailureError,
      /row 1: field "answer" is 5/,
    ],
    [amc23, { "math/train_deepscaler.json": "[]" }, FailureError, /the 0 of its rows .* are too few/],
    [amc23, { "amc23/test.jsonl": Uint8Array.of(0xff, 0xfe) }, FailureError, /is not UTF-8/],
  ];
  for (const [task, changes, kind, message] of cases) {
    await rejects(load(task, changes), (error: Error) => {
      ok(error instanceof kind && message.test(error.message), `${error.name}: ${error.message}`);
      return true;
    });
  }
});

Deno.test({
  name: "the real files load, every item passes the reward self-test, and the documented digests are theirs " +
    `(${NEEDS_DATA})`,
  ignore: !existsSync(join(realData, trainSource.path)),
  fn: async () => {
    for (const source of [trainSource, math500Source]) {
      equal(sha256(readFileSync(join(realData, source.path))), source.sha256, source.path);
    }
    const sizes: Record<string, number> = {};
    for (const task of all) {
      const data = await task.load({ dataDir: realData, level: 2 });
      sizes[task.name] = data.splits.test.size;
      equal(data.splits.train.size + data.splits.validation.size, task === math ? 7382 : 7384, task.name);
      deepEqual(selfTestTask(task, data, task === math ? Infinity : 500), []);
    }
    deepEqual(sizes, { math: 5000, math500: 500, aime24: 30, amc23: 40 });
  },
});
