import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { addCompare } from "../../harness/cli/compare.ts";
import { bundleText, toBundle } from "../../harness/records/bundle.ts";
import type { Results } from "../../harness/records/results.ts";
import { root } from "../sources.ts";
import { gateResults } from "../report/gate_results.ts";
import { captured, examplesOf } from "./captured.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const keep = (name: string, results: Results) =>
  writeFileSync(join(folder, name), bundleText(toBundle(results, { completions: false })));
const compare = (...args: string[]) => captured(folder, "compare", ...args);

mkdirSync(join(folder, "results"));
mkdirSync(join(folder, "baselines/arithmetic"), { recursive: true });
mkdirSync(join(folder, "old"));
mkdirSync(join(folder, "new"));
const seeds = { grpo: [40, 42, 44, 41] };
for (const name of ["baselines/arithmetic/quick.json", "baselines/arithmetic/smoke.json", "results/candidate"]) {
  keep(name, gateResults(seeds));
}
keep("worse.json", gateResults({ grpo: [10, 12, 14, 11] }));
keep("near.json", gateResults({ grpo: [41, 40, 45, 42] }));
keep("other.json", gateResults({ other: [1, 2] }));
const fixture = (name: string) => fileURLToPath(new URL(`tests/fixtures/foreign/${name}`, root));
for (const [side, day] of [["old", "2026-06-11T09-12-44.120355"], ["new", "2026-06-12T10-01-02.000001"]]) {
  const from = fixture(`lm_eval_${side}/samples_gsm8k_${day}.jsonl`);
  await copyFile(from, join(folder, `${side}/samples_gsm8k.jsonl`));
  await copyFile(fixture(`inspect_${side}.json`), join(folder, `${side}.json`));
}
const baseline = ["--baseline", "baselines/arithmetic/quick.json"];

Deno.test("compare says its verdict by its exit code", async () => {
  for (
    const [candidate, code, verdict] of [
      ["results/candidate", 0, "pass (the same bytes)"],
      ["worse.json", 1, "regress"],
      ["near.json", 3, "underpowered"],
      ["other.json", 4, "not comparable"],
    ] as const
  ) {
    const { code: found, stdout, stderr } = await compare(candidate, ...baseline);
    deepEqual([found, stderr], [code, ""], candidate);
    match(stdout, new RegExp(`^Verdict: ${verdict.replace(/[()]/g, "\\$&")}`, "m"));
  }
});

Deno.test("compare takes margin and tier", async () => {
  equal((await compare("worse.json", ...baseline, "--margin", "60")).code, 0);
  equal((await compare("near.json", ...baseline, "--margin", "12.5")).code, 0);
  const exact = await compare("near.json", ...baseline, "--tier", "exact");
  equal(exact.code, 1);
  match(exact.stdout, /^Verdict: regress \(no longer the same bytes\)$/m);
});

Deno.test("compare prints JSON in one line, and writes a file", async () => {
  const { code, stdout } = await compare("worse.json", ...baseline, "--format", "json");
  const { verdict, exitCode, candidate } = JSON.parse(stdout);
  deepEqual([code, verdict, exitCode, candidate.origin], [1, "regress", 1, "worse.json"]);
  equal(stdout.trimEnd().split("\n").length, 1);
  const written = await compare("worse.json", ...baseline, "--format=junit", "--out", "gate.xml");
  deepEqual([written.code, written.stdout], [1, ""]);
  match(readFileSync(join(folder, "gate.xml"), "utf8"), /^<\?xml[^]*<failure [^]*<\/testsuites>\n$/);
});

Deno.test("compare reads what other tools wrote", async () => {
  const { code, stdout } = await compare("new.json", "--baseline", "old.json");
  equal(code, 1);
  match(stdout, /^sums +regress/m);
  match(stdout, /training seeds are not in these files/);
  const folders = await compare("new", "--baseline", "old", "--metric", "exact_match,flexible-extract");
  match(folders.stdout, /^gsm8k +underpowered +100\.0 +93\.8 /m);
});

Deno.test("compare refuses what is wrong, with exit code 2 and no stack", async () => {
  const damaged = readFileSync(join(folder, "worse.json"), "utf8").replace("question 1", "question X");
  writeFileSync(join(folder, "damaged.json"), damaged);
  for (
    const [args, message] of [
      [["worse.json"], /Cannot compare: with what/],
      [baseline, /Cannot compare: what/],
      [["nowhere", ...baseline], /Cannot read "nowhere": /],
      [["damaged.json", ...baseline], /Cannot trust "damaged\.json": digest does not fit/],
      [["worse.json", ...baseline, "--tier", "exat"], /--tier exat: .* \(did you mean "exact"\?\)/],
      [["worse.json", ...baseline, "--format", "xml"], /the formats are text, markdown, json, junit/],
      [["worse.json", ...baseline, "--margin", "-1"], /Cannot use --margin -1/],
      [["worse.json", ...baseline, "--margin", "two"], /Cannot use --margin two/],
      [["worse.json", ...baseline, "--metric", "acc"], /Cannot use --metric/],
      [["worse.json", "--baseline", "old.json"], /"old\.json" holds samples of inspect_ai, "worse\.json" does not/],
      [["new.json", "--baseline", "old.json", "--tier", "exact"], /have no digests/],
      [["new", "--baseline", "old"], /several scores … .*exact_match,flexible-extract, exact_match,strict-match/],
      [["worse.json", ...baseline, "--calibrate"], /it looks at the baseline alone/],
      [[...baseline, "--calibrate", "--format", "json"], /it is text/],
      [["worse.json", ...baseline, "--out", "no/such/folder"], /Cannot write "no\/such\/folder"/],
    ] as const
  ) {
    const { code, stdout, stderr } = await compare(...args);
    equal(code, 2, args.join(" "));
    match(stderr, message);
    doesNotMatch(stderr + stdout, /^\s+at /m);
  }
});

Deno.test("compare --calibrate shows false alarms and what is found, the same for the same seed", async () => {
  const args = ["--calibrate", ...baseline, "--trials", "40"];
  const { code, stdout } = await compare(...args);
  equal(code, 0);
  match(stdout, /^40 trials, margin 2\.0 %/);
  match(stdout, /^grpo +2 +64 +0\.0 % +\d+\.\d % +\d+\.\d %$/m);
  match(stdout, /false alarm in 0\.0 % of the trials/);
  match(stdout, /^16\.0 % +40 +\d+\.\d % /m);
  equal((await compare(...args)).stdout, stdout);
  equal((await compare(...args, "--seed", "1")).stdout === stdout, false);
});

Deno.test("the examples of compare's help run", async () => {
  const program = new Command();
  addCompare(program, () => {});
  let help = "";
  program.commands[0]!.configureOutput({ writeOut: (text) => help += text }).outputHelp();
  const examples = examplesOf(help);
  equal(examples.length, 6);
  const codes = [];
  for (const example of examples) codes.push((await captured(folder, ...example)).code);
  deepEqual(codes, [0, 0, 0, 0, 1, 1]);
  equal(existsSync(join(folder, "gate.xml")), true);
});
