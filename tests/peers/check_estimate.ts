// Whether `bench --dry-run` is right: for each case a cell of a few updates, then the estimate of the same, which is told
// the mean length that completions came to, and how memory and seconds of an update compare. Cell and calibration share a
// process and one thread, and their clock is that process's CPU time: so it can be checked on a machine that is not quiet.
// It needs no Python.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { stream } from "../../harness/base/prng.ts";
import { FailureError } from "../../harness/base/errors.ts";
import { alignColumns, byteSize } from "../../harness/cli/format.ts";
import { parseCount } from "../../harness/cli/parse_count.ts";
import { applySettings, defaultConfig, overrideFields } from "../../harness/config_options.ts";
import type { CellEvent, StepRecord } from "../../harness/contract.ts";
import { estimateExperiment } from "../../harness/experiment/estimate.ts";
import { loadArm, loadTask } from "../../harness/experiment/load_files.ts";
import { planExperiment } from "../../harness/experiment/plan.ts";
import { embeddedPolicies, glimpsePolicy } from "../../harness/experiment/policies.ts";
import { parseModelConfig } from "../../harness/model/config.ts";
import { parameterLayout } from "../../harness/model/layout.ts";
import { readPolicy, writePolicy } from "../../harness/model/policy.ts";
import { calibrate } from "../../harness/rl/calibrate.ts";
import { trainCell } from "../../harness/rl/train.ts";

interface Options {
  readonly smollm2?: string;
  readonly dataDir?: string;
  readonly only?: string;
}

interface Case {
  readonly name: string;
  /** Its folder, made where its weights are random; null without the option that names it. */
  readonly policy: (folder: string, options: Options) => Promise<string | null>;
  readonly task: string;
  readonly arm: string;
  readonly settings: readonly string[];
}

const embedded = fileURLToPath(embeddedPolicies["embedded"]!);

/** Random weights of Qwen2.5-0.5B's shape with so many layers, and the embedded policy's tokenizer. */
async function randomQwen(folder: string, layers: number): Promise<string> {
  const text = readFileSync(join(embedded, "config.json"), "utf8"), random = stream(0, "estimate");
  const config = parseModelConfig({
    ...JSON.parse(text),
    ...{ architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", vocab_size: 151936, hidden_size: 896 },
    ...{ num_hidden_layers: layers, num_attention_heads: 14, num_key_value_heads: 2, intermediate_size: 4864 },
    ...{ max_position_embeddings: 32768, rope_theta: 1000000, rms_norm_eps: 1e-6 },
  }, "Qwen2.5-0.5B shape");
  const layout = parameterLayout(config), data = new Float32Array(layout.size);
  const block = Float32Array.from({ length: 2 ** 18 + 1 }, () => 0.02 * random.normal());
  for (let at = 0; at < data.length; at += block.length) data.set(block.subarray(0, data.length - at), at);
  await writePolicy(folder, { config, weights: { layout, data }, companions: embedded }, { dtype: "BF16" });
  return folder;
}

const few = [
  "evaluation.validationItems=4",
  "evaluation.testItems=4",
  "evaluation.every=0",
  "rl.updates=2",
  "rl.warmup=0",
];
const default40 = ["rl.updates=40", "evaluation.every=20", "evaluation.testItems=64"];

const wide = {
  ...{ task: "arithmetic", arm: "grpo" },
  settings: [...few, "rl.questions=2", "rl.completions=4", "rl.maxCompletionTokens=64", "task.level=1"],
};

const CASES: readonly Case[] = [
  { name: "embedded", policy: () => Promise.resolve("embedded"), task: "arithmetic", arm: "grpo", settings: default40 },
  {
    name: "embedded",
    policy: () => Promise.resolve("embedded"),
    task: "arithmetic",
    arm: "memory-r+",
    settings: default40,
  },
  {
    name: "SmolLM2-135M-Instruct",
    policy: (_, { smollm2 }) => Promise.resolve(smollm2 ?? null),
    task: "gsm8k",
    arm: "grpo",
    settings: [...few, "rl.questions=2", "rl.maxCompletionTokens=96"],
  },
  { name: "Qwen2.5-0.5B shape", policy: (folder) => randomQwen(folder, 24), ...wide },
  { name: "Qwen2.5-0.5B, 8 of its layers", policy: (folder) => randomQwen(folder, 8), ...wide },
];

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const off = (ratio: number) => `${ratio >= 1 ? "+" : ""}${(100 * (ratio - 1)).toFixed(0)} %`;

/** Runs a cell, then estimates it. Its process is used for nothing else. */
async function check(
  { name, task: taskName, arm, settings }: Case,
  policy: string,
  { dataDir }: Options,
): Promise<string[]> {
  const cpu = () => process.cpuUsage();
  performance.now = () => (cpu().user + cpu().system) / 1000;
  const task = await loadTask(taskName, null);
  const config = applySettings(overrideFields(defaultConfig, task.defaults, taskName), settings);
  const glimpse = await glimpsePolicy(policy);
  const plan = await planExperiment({
    ...{
      task: taskName,
      dataDir: taskName === "gsm8k" ? dataDir ?? null : null,
      policy,
      arms: [arm],
      seeds: [0],
      config,
    },
    ...{ threads: 1, jobs: 1, find: () => Promise.resolve(glimpse) },
  });
  const [{ spec }] = plan.cells as [typeof plan.cells[number]], events: CellEvent[] = [];
  const cell = {
    ...spec,
    task,
    arm: await loadArm(arm, null),
    policy: await readPolicy(spec.policy),
    checkpoints: null,
  };
  await trainCell(cell, (event) => events.push(event), new AbortController().signal);
  const end = events.at(-1)!;
  if (end.type !== "finished") throw new FailureError(`Cannot check "${name}": its cell ended with ${end.type}`);
  const steps = events.flatMap((event): StepRecord[] => event.type === "step" ? [event.record] : []).slice(1); // sessions
  const rollout = mean(steps.map(({ timing }) => timing.rolloutSeconds));
  const step = rollout + mean(steps.map(({ timing }) => timing.updateSeconds));
  const length = mean(steps.map(({ completionLength }) => completionLength));

  const { arms: [told], calibration } = await estimateExperiment(
    plan,
    glimpse,
    Math.round(length),
    (probe) => calibrate(probe),
  );
  const { stepSeconds, rolloutSeconds, memory: { total } } = told!, { rl } = config;
  return [
    `${name}, ${taskName}, ${arm}, ${rl.questions} x ${rl.completions}`,
    `${length.toFixed(0)} of ${rl.maxCompletionTokens}`,
    ...[byteSize(total), byteSize(end.peakMemoryBytes), off(total / end.peakMemoryBytes)],
    ...[`${stepSeconds.toFixed(2)} (${rolloutSeconds.toFixed(2)}) s`, `${step.toFixed(2)} (${rollout.toFixed(2)}) s`],
    ...[off(stepSeconds / step), `${calibration.toFixed(1)} s`],
  ];
}

/** The same in a process of its own, whose memory is then that of one cell. */
async function checkApart(index: number, options: Options): Promise<string[] | null> {
  const folder = mkdtempSync(join(tmpdir(), "matchbox-estimate-"));
  try {
    const policy = await CASES[index]!.policy(folder, options);
    if (policy === null || (CASES[index]!.task === "gsm8k" && options.dataDir === undefined)) return null;
    const { stdout, code } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", fileURLToPath(import.meta.url), "--case", `${index}`, "--policy", policy, ...Deno.args],
      stderr: "inherit",
    }).output();
    if (code !== 0) throw new FailureError(`Cannot check "${CASES[index]!.name}": its process ended with ${code}`);
    return JSON.parse(new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1)!);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const command = new Command("check_estimate")
  .description("Compares what bench --dry-run says with what a cell of a few updates takes.")
  .option("--smollm2 <folder>", "SmolLM2-135M-Instruct; left out without it")
  .option("--data-dir <folder>", "GSM8K's train.jsonl and test.jsonl")
  .option("--only <text>", "cases whose policy's name holds this")
  .option("--case <n>", "a case, in this process", parseCount("--case", 0))
  .option("--policy <folder>", "its policy")
  .allowExcessArguments(false);

const options = command.parse().opts<Options & { readonly case?: number; readonly policy?: string }>();
if (options.case !== undefined) {
  console.log(JSON.stringify(await check(CASES[options.case]!, options.policy!, options)));
  process.exit(0);
}
const rows: string[][] = [];
for (const [index, { name }] of CASES.entries()) {
  if (options.only !== undefined && !name.includes(options.only)) continue;
  const row = await checkApart(index, options);
  if (!row) continue;
  rows.push(row);
  console.error(row.join(" | "));
}
const head = ["case", "tokens", "memory", "taken", "", "update (rollout)", "taken", "", "measured for"];
console.log(alignColumns([head, [], ...rows]));
process.exit(0);
