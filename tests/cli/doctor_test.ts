// The command: its table, its JSON, its exit codes. What each check finds is asked in tests/rl/self_test_test.ts.

import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { isObject, parseJson } from "../../harness/base/json_file.ts";
import { main } from "../../harness/cli/main.ts";

/** Runs `doctor` in this process. */
async function doctor(...args: string[]) {
  const { log, error } = console, printed = { stdout: "", stderr: "" };
  console.log = (text: unknown) => printed.stdout += `${text}\n`;
  console.error = (text: unknown) => printed.stderr += `${text}\n`;
  try {
    return { code: await main(["doctor", ...args]), ...printed };
  } finally {
    Object.assign(console, { log, error });
  }
}

const few = ["--items", "8", "--questions", "8"];

Deno.test("doctor finds all well with the embedded policy on arithmetic: ten checks, exit code 0", async () => {
  const { code, stdout, stderr } = await doctor(...few);
  equal(code, 0, stdout + stderr);
  equal(stderr, "");
  equal(stdout.match(/^\S.* {2}ok {2,}\S/gm)?.length, 10);
  match(stdout, /^prompts fit +ok +longest \d+ of 128 tokens$/m);
  match(stdout, /^end of sequence exists +ok +\d+ "<\|end\|>"$/m);
  match(stdout, /^rewards differ +ok +\d+\.\d % of 8 groups without variance$/m);
});

Deno.test("doctor names what is wrong and the remedy, exit code 1, and skips answers to prompts that do not fit", async () => {
  const { code, stdout } = await doctor(...few, "--set", "rl.maxPromptTokens=20", "--set=task.level=3");
  equal(code, 1);
  match(stdout, /^prompts fit +problem +longest \d+ of 20 tokens$/m);
  match(stdout, /^prompts fit:\n {2}Cannot ask "arithmetic-\w+": .* raise it with --set rl\.maxPromptTokens=\d+$/m);
  doesNotMatch(stdout, /completions end/);
});

Deno.test("doctor --json ends in the checks as JSON and leaves standard output to them", async () => {
  const { code, stdout, stderr } = await doctor("arithmetic", "--no-policy", "--json", ...few);
  equal(code, 0);
  const value = parseJson(stdout, "standard output");
  equal(isObject(value) && Array.isArray(value.checks) && value.checks.length, 4);
  deepEqual(isObject(value) && [value.ok, value.task, value.policy], [true, "arithmetic", null]);
  match(stderr, /^worked example +ok/m);
});

Deno.test("doctor takes a task from a file, and shows no more than three of its many problems", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "my_task.ts");
  const url = (path: string) => new URL(`../../${path}`, import.meta.url);
  await Deno.writeTextFile(
    file,
    `import { defineTask } from "${url("tasks/define_task.ts")}";
     import { arithmetic } from "${url("tasks/arithmetic.ts")}";
     export const task = defineTask({
       ...arithmetic,
       name: "generous",
       grade: (item, text, cut) => ({ ...arithmetic.grade(item, text, cut), ...(text === "" ? { status: "correct" as const } : {}) }),
     });`,
  );
  try {
    const { code, stdout } = await doctor("--task-file", file, "--no-policy", ...few);
    equal(code, 1);
    match(stdout, /^no answer is wrong +problem +24 items$/m);
    match(stdout, /^no answer is wrong:\n( {2}Cannot pay for "[^\n]*\n){3} {2}and 21 more$/m);
    const named = await doctor("other", "--task-file", file, "--no-policy");
    equal(named.code, 2);
    match(named.stderr, /Cannot find task "other": ".*my_task\.ts" exports generous/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("doctor refuses what it cannot use with exit code 2", async () => {
  for (
    const [args, message] of [
      [["arithmatic"], /task "arithmatic".*did you mean "arithmetic"/],
      [["--policy", "embeded"], /policy "embeded".*did you mean "embedded"/],
      [["--set", "rl.maxPromptToken=3"], /did you mean "rl\.maxPromptTokens"/],
      [["--items", "0"], /--items 0/],
    ] as const
  ) {
    const { code, stderr } = await doctor(...args);
    equal(code, 2, stderr);
    match(stderr, message);
  }
});

Deno.test("doctor says offline what data to fetch and where to put them", async () => {
  const offline = { HF_HUB_OFFLINE: "1", MATCHBOX_CACHE: await Deno.makeTempDir() }, before = Deno.env.toObject();
  for (const [name, value] of Object.entries(offline)) Deno.env.set(name, value);
  try {
    const { code, stderr } = await doctor("gsm8k", "--no-policy");
    equal(code, 2);
    match(
      stderr,
      /Cannot find the data of task gsm8k: HF_HUB_OFFLINE is set … unset it, or put there grade_school_math/,
    );
    match(
      stderr,
      /train\.jsonl of github\.com\/openai\/grade-school-math at 3101c7d50724 as .*gsm8k.train\.jsonl, .*--data-dir/,
    );
  } finally {
    for (const name of Object.keys(offline)) {
      if (before[name] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[name]!);
    }
  }
});

Deno.test("doctor asks by --prompt and grades by --grading, and refuses names that are not there", async () => {
  const plain = await doctor("arithmetic", ...few, "--prompt", "plain", "--grading", "lenient");
  match(plain.stdout, /^gold answers are right +ok/m);
  const wrong = await doctor("arithmetic", ...few, "--prompt", "plane");
  equal(wrong.code, 2);
  match(wrong.stderr, /Cannot use --prompt plane: the prompts of task "arithmetic" are paper, plain, direct, think/);
  equal((await doctor("arithmetic", ...few, "--grading", "lax")).code, 2);
});
