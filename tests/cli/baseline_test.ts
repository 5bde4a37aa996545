import { deepEqual, equal, match } from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { addBaseline } from "../../harness/cli/baseline.ts";
import { bundleText, toBundle } from "../../harness/records/bundle.ts";
import { readResults, type Results } from "../../harness/records/results.ts";
import { changeResults, gateResults, mapCells } from "../report/gate_results.ts";
import { captured, examplesOf } from "./captured.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
mkdirSync(join(folder, "results"));
const baseline = (...args: string[]) => captured(folder, "baseline", ...args);
const keep = (name: string, results: Results) =>
  writeFileSync(join(folder, name), bundleText(toBundle(results, { completions: false })));
const smoke = (results: Results): Results => ({
  ...results,
  experiment: { ...results.experiment, profile: "smoke", command: ["bench", "--profile", "smoke", "--out", "here"] },
});
keep("results/smoke", smoke(gateResults({ base: [9, 9], grpo: [40, 42] })));
keep("results/next", smoke(gateResults({ grpo: [50, 52], mine: [1, 2] })));
const file = join(folder, "baselines/arithmetic/smoke.json");

Deno.test("baseline accept keeps finished results in one file without completions, and shows what changes", async () => {
  const first = await baseline("accept", "results/smoke");
  deepEqual([first.code, first.stderr], [0, ""]);
  match(first.stdout, /^grpo +2 +64\.1 % +62\.5 % to 65\.6 %$/m);
  match(first.stdout, /^baselines\/arithmetic\/smoke\.json is new$/m);
  match(first.stdout, /^Accepted 4 cells as baselines\/arithmetic\/smoke\.json \(0\.\d\d MB\)$/m);
  const kept = await readResults(file);
  equal(kept.cells.every(({ answers }) => answers?.length === 64 && answers.every(({ said }) => said === null)), true);
  deepEqual(kept.experiment.command, ["bench", "--profile", "smoke"]);
  deepEqual(readdirSync(join(folder, "baselines/arithmetic")), ["smoke.json"], "no temporary file is left");

  match((await baseline("accept", "results/smoke", "--dry-run")).stdout, /says the same already/);
  const before = readFileSync(file, "utf8"), dry = await baseline("accept", "results/next", "--dry-run");
  match(dry.stdout, /^ {2}arm base: gone$/m);
  match(dry.stdout, /^ {2}arm grpo: 64\.1 % -> 79\.7 % \(\+15\.6\)$/m);
  match(dry.stdout, /^ {2}arm mine: new, 2 seeds, 2\.3 %$/m);
  match(dry.stdout, /^ {2}digests: 2 of 2 cells are no longer the same bytes$/m);
  match(dry.stdout, /^Nothing was written/m);
  equal(readFileSync(file, "utf8"), before);
  equal((await baseline("accept", "results/next")).code, 0);
  equal(readFileSync(file, "utf8") === before, false);
});

Deno.test("baseline accept tells other versions, machines and settings", async () => {
  const old = gateResults({ grpo: [40, 42] });
  const other = changeResults(old, { environment: { cpu: "Other", gitCommit: "feedbeef00" } });
  const rl = { ...old.experiment.config["rl"], learningRate: 0.5 };
  keep("old.json", smoke(old));
  keep(
    "moved.json",
    smoke({ ...other, experiment: { ...other.experiment, config: { ...old.experiment.config, rl } } }),
  );
  const { stdout } = await baseline("accept", "moved.json", "--as", "old.json", "--dry-run");
  match(stdout, /^ {2}matchbox: 0\.3\.0 at 01234567 -> 0\.3\.0 at feedbeef$/m);
  match(stdout, /^ {2}machine: Quick 9000 x64, .* -> Other x64, /m);
  match(stdout, /^ {2}rl\.learningRate: 0\.000002 -> 0\.5$/m);
});

Deno.test("baseline accept refuses what is unfinished, unmatched, or no file's name", async () => {
  const whole = gateResults({ grpo: [40, 42] });
  const cases: [string, Results, RegExp][] = [
    [
      "unfinished",
      mapCells(
        whole,
        (cell) =>
          cell.entry.seed === 1
            ? { ...cell, entry: { ...cell.entry, status: "pending", digest: null }, record: null, answers: null }
            : cell,
      ),
      /1 of its 2 cells are not finished, e\.g\. grpo seed 1: pending … run its command again/,
    ],
    [
      "unmatched",
      changeResults(whole, {
        outcome: (outcome, _, seed) => ({ ...outcome, match: { ...outcome.match, items: `${seed}`.repeat(64) } }),
      }),
      /its cells are not matched \(grpo seed 1 and grpo seed 0 differ in evaluated questions\)/,
    ],
    ["bare", mapCells(whole, (cell) => ({ ...cell, answers: null })), /answers of its cells were not kept/],
    [
      "named",
      { ...whole, experiment: { ...whole.experiment, profile: "../up" } },
      /Cannot name the baseline of "named\.json" by itself: "\.\.\/up" is no plain name … give --as/,
    ],
  ];
  for (const [name, results, message] of cases) {
    keep(`${name}.json`, results);
    const { code, stderr } = await baseline("accept", `${name}.json`);
    equal(code, 2, name);
    match(stderr, message);
  }
  deepEqual((await baseline("accept", "nowhere")).code, 1);
  const { code, stderr } = await baseline("accept", "results/smoke", "--as", "results/smoke/in");
  equal(code, 1);
  match(stderr, /Cannot write to "results\/smoke"/);
});

Deno.test("baseline accept names the file after a policy of one's own", async () => {
  const whole = gateResults({ grpo: [40] });
  keep("own.json", { ...whole, experiment: { ...whole.experiment, policy: "/some/where/tiny-1" } });
  equal((await baseline("accept", "own.json")).code, 0);
  equal(existsSync(join(folder, "baselines/arithmetic/quick-tiny-1.json")), true);
});

Deno.test("the examples of baseline's help run", async () => {
  const program = new Command();
  addBaseline(program);
  const codes = [];
  for (const command of program.commands[0]!.commands) {
    let help = "";
    command.configureOutput({ writeOut: (text) => help += text }).outputHelp();
    for (const example of examplesOf(help)) {
      const { code, stderr } = await captured(folder, ...example);
      codes.push(code);
      equal(stderr, "");
    }
  }
  deepEqual(codes, [0, 0, 0, 0]);
  equal(statSync(join(folder, "baselines/arithmetic/mine.json")).isFile(), true);
});
