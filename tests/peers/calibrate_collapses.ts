// Where the thresholds of harness/rl/collapse.ts come from: how often its rules fire on healthy training, and on collapses
// that were planted by rewarding something else than answers. A healthy cell is plain GRPO whose correctness rises by
// at least 0.1; one that does not learn is counted apart. Minutes a cell; what has run is kept and not run again,
// so that other thresholds (--set collapse.entropy=0.2) are judged at once.
//
//   deno run -A tests/peers/calibrate_collapses.ts --seeds 10 --only healthy

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { sha256 } from "../../harness/base/digest.ts";
import { alignColumns } from "../../harness/cli/format.ts";
import { parseCount } from "../../harness/cli/parse_count.ts";
import { applySettings, defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import type { Arm, Collapse, Completion, RolloutGroup, StepRecord } from "../../harness/contract.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { collapseSample, findCollapses } from "../../harness/rl/collapse.ts";
import { trainCell } from "../../harness/rl/train.ts";
import { tasks } from "../../tasks/registry.ts";

/** What a completion is paid for instead of its answer. */
type Pay = (completion: Completion, group: RolloutGroup, i: number) => number;

interface Case {
  readonly name: string;
  readonly policy: "embedded" | "embedded-cold";
  /** As text: part of the name. */
  readonly rate: string;
  readonly updates: number;
  /** Null: the task's rewards. */
  readonly pay: Pay | null;
  /** What should be found; null: nothing. */
  readonly planted: Collapse["kind"] | "any" | null;
}

const fixedText = "<reasoning>\nlet me think\n</reasoning>\n<answer>\n12\n</answer>\n";

/** Characters that a text shares with the fixed one at its beginning. */
function shared(text: string): number {
  let n = 0;
  while (n < fixedText.length && text[n] === fixedText[n]) n++;
  return n;
}

const pays: Readonly<Record<string, { readonly pay: Pay; readonly planted: Collapse["kind"] }>> = {
  "layout": {
    pay: (_, { grades }, i) => grades[i]!.rewards.slice(1).reduce((a, b) => a + b, 0),
    planted: "reward-mode",
  },
  "short": { pay: ({ tokens }) => -tokens.length, planted: "length-short" },
  "long": { pay: ({ tokens }) => tokens.length, planted: "length-cap" },
  "one text": { pay: ({ text }) => shared(text), planted: "diversity" },
  // Without the fine for right answers, this teaches the embedded policy arithmetic: its clean habit is its surest.
  "certain and wrong": {
    pay: ({ probabilities }, { grades }, i) =>
      probabilities.reduce((sum, p) => sum + Math.log(p), 0) / probabilities.length - 5 * grades[i]!.rewards[0]!,
    planted: "entropy",
  },
};

const cases: readonly Case[] = [
  ...([["embedded", "2e-6"], ["embedded", "1e-5"], ["embedded-cold", "1e-4"]] as const).map(([policy, rate]): Case => (
    { name: `healthy, ${policy}, ${rate}`, policy, rate, updates: 120, pay: null, planted: null }
  )),
  ...Object.entries(pays).flatMap(([name, { pay, planted }]) =>
    (["embedded", "embedded-cold"] as const).map((policy): Case => (
      { name: `${name}, ${policy}, 1e-4`, policy, rate: "1e-4", updates: 120, pay, planted }
    ))
  ),
  ...([["embedded", "1e-3"], ["embedded", "3e-3"], ["embedded-cold", "1e-3"]] as const).map(([policy, rate]): Case => (
    { name: `high rate, ${policy}, ${rate}`, policy, rate, updates: 120, pay: null, planted: "any" }
  )),
];

const task = tasks[0]!, [correctness = "", ...others] = task.rewards;

/** The step records of a cell: from its file, or by running it. */
async function stepsOf(one: Case, seed: number, folder: string, threads: number): Promise<StepRecord[]> {
  const path = join(folder, `${one.name.replaceAll(/[^a-z0-9.-]+/g, "-")}-seed-${seed}.jsonl`);
  if (!existsSync(path)) {
    const lines: string[] = [];
    await run(one, seed, threads, (record) => lines.push(JSON.stringify(record) + "\n"));
    writeFileSync(`${path}.tmp`, lines.join(""));
    renameSync(`${path}.tmp`, path);
  }
  return readFileSync(path, "utf8").split("\n").filter(Boolean).map((line): StepRecord => JSON.parse(line));
}

async function run(
  { name, policy, rate, updates, pay }: Case,
  seed: number,
  threads: number,
  take: (record: StepRecord) => void,
): Promise<void> {
  const own = pay ? { correctnessWeight: 0, formatWeight: 0 } : {};
  const config = overrideConfig(defaultConfig, {
    rl: { updates, learningRate: Number(rate), ...own },
    evaluation: { every: 0, validationItems: 1, testItems: 1 },
  }, name);
  const paid = (group: RolloutGroup) => group.completions.map((completion, i) => pay?.(completion, group, i) ?? 0);
  const shaper: NonNullable<Arm["shaper"]> = () => ({
    shape: ({ groups }) =>
      Promise.resolve(groups.map((group) => [{ name: "planted", raw: paid(group), values: paid(group) }])),
  });
  const arm: Arm = { name, summary: name, trains: true, overrides: {}, ...(pay ? { shaper } : {}) };
  const folder = fileURLToPath(new URL(`../../harness/model/${policy}/`, import.meta.url));
  await trainCell(
    {
      task,
      taskOptions: { dataDir: null, level: config.task.level },
      policy: await readPolicy(folder),
      arm,
      seed,
      config,
      device: "cpu",
      threads,
      matched: { config: sha256(""), places: 1 },
      checkpoints: null,
      resumeAt: 0,
      validationOnly: true,
    },
    (event) => event.type === "step" && take(event.record),
    new AbortController().signal,
  );
}

const { out, seeds, only, threads, set } = new Command("calibrate_collapses")
  .option("--out <folder>", "where step records are kept", join("results", "collapses"))
  .option("--seeds <n>", "cells of each case", parseCount("--seeds"), 3)
  .option("--only <text>", "cases whose name contains it", "")
  .option("--threads <n>", "threads", parseCount("--threads"), 1)
  .option("--set <key=value>", "a threshold; repeatable", (value, all: string[]) => [...all, value], [])
  .parse(Deno.args, { from: "user" }).opts();

const limits = applySettings(defaultConfig, set).collapse;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
mkdirSync(out, { recursive: true });
const rows: string[][] = [];
for (const one of cases.filter(({ name }) => name.includes(only))) {
  const found: string[] = [];
  let cells = 0, learned = 0, flagged = 0, asPlanted = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const steps = await stepsOf(one, seed, out, threads).catch((error) => {
      console.error(`${one.name}, seed ${seed}: ${error.message}`); // a policy that has gone to pieces
      return [];
    });
    if (steps.length < limits.window) continue;
    const right = steps.map(({ rewards }) => rewards[correctness]!.mean);
    const learns = mean(right.slice(-limits.window)) >= mean(right.slice(0, limits.window)) + 0.1;
    const collapses = findCollapses(steps.map((step) => collapseSample(step, correctness, others)), limits);
    cells++;
    if (learns) learned++;
    if (collapses.length > 0 && (one.planted !== null || learns)) flagged++;
    if (collapses.some(({ kind }) => kind === one.planted || one.planted === "any")) asPlanted++;
    found.push(collapses.map(({ kind, step }) => `${kind} ${step}`).join(" + ") || (learns ? "-" : "- (not learned)"));
    console.error(`${one.name}, seed ${seed}: ${found.at(-1)}`);
  }
  const asked = one.planted === null ? `${flagged} of ${learned} that learn` : `${asPlanted} of ${cells}`;
  rows.push([one.name, one.planted ?? "nothing", asked, found.join(", ")]);
}
console.log(alignColumns([["case", "planted", "found", "kind and update, by seed"], [], ...rows], 4));
