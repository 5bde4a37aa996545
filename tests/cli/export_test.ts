// The command: what lands where, what is printed where, what is refused, and the examples of its help. What the files
// hold is asked in tests/report/export_formats_test.ts.

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { addExport } from "../../harness/cli/export.ts";
import { bundleText, toBundle } from "../../harness/records/bundle.ts";
import { fakeResults } from "../fakes/results.ts";
import { examplesOf, helpOf, ran } from "./captured.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const run = (...args: string[]) => ran(addExport, "export", ...args);

/** An experiment of two arms and two seeds, run by a worker without a model. */
const experiment = join(folder, "experiment");
const bench = await new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", fileURLToPath(new URL("../fakes/bench.ts", import.meta.url)), "bench", "--policy", "embedded"]
    .concat("--set", "rl.updates=3", "--arms", "base,grpo", "--seeds", "0-1", "--out", experiment),
}).output();
equal(bench.code, 0, new TextDecoder().decode(bench.stderr));

const bundle = join(folder, "bundle.json");
const fake = fakeResults({ scores: { grpo: [[1, 0]], "memory-r": [[1, 1]] } });
await Deno.writeTextFile(bundle, bundleText(toBundle(fake, { completions: false })));

Deno.test("export --help shows examples, and each of them runs", async () => {
  const program = new Command();
  addExport(program, () => {});
  const examples = examplesOf(helpOf(program.commands[0]!)).map((words) => words.slice(1));
  equal(examples.length, 6);
  for (const [i, words] of examples.entries()) {
    const out = words.indexOf("--out") + 1, target = join(folder, `example-${i}`);
    const args = words.map((word, at) => at === 0 ? experiment : at === out && word !== "-" ? target : word);
    const { code, stdout } = await run(...args);
    equal(code, 0, words.join(" "));
    if (words[out] === "-") ok(stdout.length > 100);
    else ok(existsSync(join(target, ".matchbox-export.json")), words.join(" "));
  }
});

Deno.test("export writes the same bytes again, in place of what it wrote before", async () => {
  const out = join(folder, "again"), { code, stdout } = await run(experiment, "--format", "tensorboard", "--out", out);
  equal(code, 0);
  match(stdout, /^tensorboard +4 files +[\d.]+k?B$/m);
  const read = () =>
    ["base/seed-0", "grpo/seed-1"].map((cell) => {
      const [{ name }] = [...Deno.readDirSync(join(out, cell))] as [Deno.DirEntry];
      return [name, Deno.readFileSync(join(out, cell, name))];
    });
  const before = read();
  equal((await run(experiment, "--format", "tensorboard", "--out", out)).code, 0);
  deepEqual(read(), before);
});

Deno.test("export --out - prints one file to the byte and nothing else", async () => {
  const table = await run(experiment, "--format", "csv", "--out", "-", "--file", "cells.csv");
  await run(experiment, "--format", "csv", "--out", join(folder, "tables"));
  equal(table.stdout, await Deno.readTextFile(join(folder, "tables", "cells.csv")));
  equal(table.stderr, "");
  const samples = await run(experiment, "--format", "jsonl", "--out", "-");
  for (const line of samples.stdout.trimEnd().split("\n")) JSON.parse(line);
});

Deno.test("export --format all leaves out what a bundle without texts lacks and says so; --json lists what is there", async () => {
  const { stdout, stderr } = await run(bundle, "--format", "all", "--out", join(folder, "all"), "--json");
  match(stderr, /^left out: hf-eval-results: .* … give --dataset owner\/name and --dataset-task id$/m);
  match(stderr, /^left out: tensorboard: the steps were not kept … give the folder that bench wrote$/m);
  const { written, unfinished } = JSON.parse(stdout);
  deepEqual(written.map(({ format }: { format: string }) => format), ["csv", "jsonl", "every-eval-ever", "lm-eval"]);
  deepEqual(unfinished, []);
});

Deno.test("export refuses what it cannot do, naming the remedy, and writes nothing", async () => {
  const out = join(folder, "never"),
    refusals: [string[], RegExp][] = [
      [[experiment, "--format", "cvs", "--out", out], /no such format \(did you mean "csv"\?\) … use csv, jsonl, /],
      [[experiment, "--format", "csv", "--out", "-"], /there are 3 files … name one with --file: cells\.csv, eval/],
      [[experiment, "--format", "csv", "--out", "-", "--file", "x"], /there is no file "x" … name one with --file/],
      [[experiment, "--format", "csv", "--out", out, "--file", "x"], /Cannot use --file: it needs --out -/],
      [[experiment, "--format", "all", "--out", "-"], /--out - prints one file/],
      [[experiment, "--format", "jsonl", "--out", "-", "--json"], /both print on standard output/],
      [
        [experiment, "--format", "hf-eval-results", "--out", out],
        /which benchmark of the Hub this is … give --dataset/,
      ],
      [[experiment, "--format", "csv", "--out", out, "--dataset", "../x"], /must be like openai\/gsm8k/],
      [[bundle, "--format", "trackio", "--out", out], /as trackio: the steps were not kept/],
    ];
  for (const [args, message] of refusals) {
    await rejects(run(...args), (error) => error instanceof MisuseError && message.test(error.message), args.join(" "));
  }
  await rejects(run(join(folder, "nothing"), "--format", "csv", "--out", out), FailureError);
  await rejects(run(experiment, "--format", "csv"), CommanderError);
  equal(existsSync(out), false);
});

Deno.test("export --out - refuses to print bytes", async () => {
  const { stdout } = await run(experiment, "--format", "tensorboard", "--out", join(folder, "events"), "--json");
  equal(JSON.parse(stdout).written[0].files, 4);
  const [{ name }] = [...Deno.readDirSync(join(folder, "events", "grpo", "seed-0"))] as [Deno.DirEntry];
  const args = [experiment, "--format", "tensorboard", "--out", "-", "--file", `grpo/seed-0/${name}`];
  await rejects(run(...args), /it is no text … use a folder/);
});
