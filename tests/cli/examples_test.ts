// Examples of --help, run: of the commands whose own tests do not. `bench` runs with a worker that has no model; `verify`
// and `policy` look at cells that were trained in earnest, in the fewest updates that their examples name.

import { deepEqual, equal, match } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { addBench } from "../../harness/cli/bench.ts";
import { addDoctor } from "../../harness/cli/doctor.ts";
import { addPolicy } from "../../harness/cli/policy.ts";
import { addVerify } from "../../harness/cli/verify.ts";
import { proberOf } from "../fakes/devices.ts";
import { root } from "../sources.ts";
import { captured, examplesOf, helpOf, ran } from "./captured.ts";

type Add = Parameters<typeof ran>[0];

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** The examples of a command, those with a word in `without` left out: they need what is not in the repository. */
function examples(add: Add, ...without: readonly string[]): string[][] {
  const program = new Command();
  add(program, () => {});
  return examplesOf(helpOf(program.commands[0]!)).filter((words) => !words.some((word) => without.includes(word)));
}

const results = join(folder, "results", "trained");
const trained = await captured(
  folder,
  ...["bench", "--arms", "memory-r+", "--seeds", "0,2", "--profile", "smoke", "--out", results],
  ...["--set", "evaluation.testItems=4", "--set", "evaluation.validationItems=4", "--checkpoint-every", "1"],
);
equal(trained.code, 0, trained.stderr);
const evaluation = join(folder, "results", "evaluated");
const inPlace = (word: string) =>
  word.startsWith("results/eval-")
    ? evaluation
    : word.startsWith("results/")
    ? results
    : word.startsWith("baselines/")
    ? fileURLToPath(new URL(word, root))
    : word;

Deno.test("the examples of bench run", async () => {
  const worker = new URL("../fakes/cell_worker.ts", import.meta.url), before = Deno.cwd();
  const withoutModel: Add = (program, done) => addBench(program, done, { worker, probe: proberOf({}) });
  const found = examples(withoutModel, "gsm8k", "--print-config");
  equal(found.length, 7);
  Deno.chdir(folder);
  try {
    for (const words of found) {
      const { code, stdout } = await ran(withoutModel, ...words);
      equal(code, 0, words.join(" "));
      match(stdout, /^Report: {2}\S+report\.html$/m);
    }
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("the examples of doctor run", async () => {
  const found = examples(addDoctor, "gsm8k", "--enable-cuda");
  deepEqual(found.map((words) => words.length), [1, 2, 4, 6, 4]);
  const task = fileURLToPath(new URL("tests/examples/my_task.ts", root));
  for (const words of found) {
    const { code, stdout } = await ran(addDoctor, ...words.map((word) => word === "my_task.ts" ? task : word));
    equal(code, 0, `${words.join(" ")}\n${stdout}`);
  }
});

Deno.test("the examples of verify run", async () => {
  const found = examples(addVerify);
  equal(found.length, 4);
  equal((await captured(folder, "eval", "--items", "3", "--samples", "1", "--out", evaluation)).code, 0);
  for (const words of found) {
    const { code, stdout } = await ran(addVerify, ...words.map(inPlace));
    equal(code, 0, `${words.join(" ")}\n${stdout}`);
    match(stdout, /\n\d+ ok, 0 failed/);
  }
});

Deno.test("the examples of policy run", async () => {
  const [words = [], ...others] = examples(addPolicy);
  equal(others.length, 3); // a cell of the default run's 120 updates, an adapter, and bench going on with what came out
  const out = join(folder, "policies", "mine");
  const args = words.map((word) => word === "policies/mine" ? out : inPlace(word));
  const { code, stdout, stderr } = await captured(folder, ...args);
  equal(code, 0, stdout + stderr);
  equal(existsSync(join(out, "model.safetensors")), true);
});
