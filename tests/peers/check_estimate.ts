// Whether `bench --dry-run` is right: for each case a cell of a few updates, then the estimate of the same, which is told
// the mean length that completions came to, and how memory and seconds of an update compare. Cell and calibration share a
// process and one thread, and their clock is that process's CPU time: so it can be checked on a machine that is not quiet.
// It needs no Python.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  readonly taken?: string;
}

interface Case {
  readonly name: string;
  /** Its folder, made where its weights are random; null without the option that names it. */
  readonly policy: (folder: string, options: Options) => Promise<string | null>;
  readonly task: string;
  readonly arm: string;
  /** Of the adapter; 0 trains the weights. */
  readonly rank: number;
  readonly settings: readonly string[];
}

/** What a cell took: bytes, seconds of an update and of its rollouts, tokens of a completion. */
interface Taken {
  readonly memory: number;
  readonly step: number;
  readonly rollout: number;
  readonly tokens: number;
}

const embedded = fileURLToPath(embeddedPolicies["embedded"]!);

/** Random weights of a shape, and the embedded policy's tokenizer. */
const random = (name: string, fields: Readonly<Record<string, unknown>>) => async (folder: string): Promise<string> => {
  const text = readFileSync(join(embedded, "config.json"), "utf8"), noise = stream(0, "estimate");
  const config = parseModelConfig({ ...JSON.parse(text), ...fields }, name);
  const layout = parameterLayout(config), data = new Float32Array(layout.size);
  const block = Float32Array.from({ length: 2 ** 18 + 1 }, () => 0.02 * noise.normal());
  for (let at = 0; at < data.length; at += block.length) data.set(block.subarray(0, data.length - at), at);
  await writePolicy(folder, { config, weights: { layout, data }, companions: embedded }, { dtype: "BF16" });
  return folder;
};

const qwen2 = { architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", rope_theta: 1000000, rms_norm_eps: 1e-6 };
const qwen = (layers: number) => ({
  ...{ ...qwen2, vocab_size: 151936, hidden_size: 896, num_hidden_layers: layers, num_attention_heads: 14 },
  ...{ num_key_value_heads: 2, intermediate_size: 4864, max_position_embeddings: 32768 },
});
/** 5 million parameters, a small model for Matchbox; and 28 million, a large one. */
const small = {
  ...{ ...qwen2, vocab_size: 2048, hidden_size: 256, num_hidden_layers: 6, num_attention_heads: 4 },
  ...{ num_key_value_heads: 2, intermediate_size: 704 },
};
const middling = {
  ...{ vocab_size: 8192, hidden_size: 512, num_hidden_layers: 8, num_attention_heads: 8 },
  ...{ num_key_value_heads: 4, intermediate_size: 1408 },
};

const few = [
  "evaluation.validationItems=4",
  "evaluation.testItems=4",
  "evaluation.every=0",
  "rl.updates=2",
  "rl.warmup=0",
];
const default40 = ["rl.updates=40", "evaluation.every=20", "evaluation.testItems=64"];

const learning = { ...{ task: "arithmetic", arm: "grpo", rank: 0 }, settings: default40 };
const narrow = {
  ...{ task: "arithmetic", arm: "grpo" },
  settings: [...few, "rl.questions=4", "rl.maxCompletionTokens=64"],
};
const narrow20 = {
  ...narrow,
  settings: narrow.settings.map((setting) => setting === "rl.updates=2" ? "rl.updates=20" : setting),
};
const wide = {
  ...{ task: "arithmetic", arm: "grpo" },
  settings: [...few, "rl.questions=2", "rl.completions=4", "rl.maxCompletionTokens=64", "task.level=1"],
};
const real = {
  policy: (_: string, { smollm2 }: Options) => Promise.resolve(smollm2 ?? null),
  ...{ task: "gsm8k", arm: "grpo" },
  settings: [...few, "rl.questions=2", "rl.maxCompletionTokens=96"],
};
const ours = () => Promise.resolve("embedded");

const CASES: readonly Case[] = [
  { name: "embedded", policy: ours, ...learning },
  { name: "embedded", policy: ours, ...learning, arm: "memory-r+" },
  { name: "embedded", policy: ours, ...learning, rank: 8 },
  ...[0, 8].map((rank) => ({ name: "5M Qwen2", policy: random("small", small), rank, ...narrow20 })),
  ...[0, 16].map((rank) => ({ name: "28M Llama", policy: random("middling", middling), rank, ...narrow })),
  ...[0, 16].map((rank) => ({ name: "SmolLM2-135M-Instruct", rank, ...real })),
  ...[0, 16].map((rank) => ({ name: "Qwen2.5-0.5B, 8 of its layers", policy: random("8", qwen(8)), rank, ...wide })),
  ...[16, 0].map((rank) => ({ name: "Qwen2.5-0.5B shape", policy: random("24", qwen(24)), rank, ...wide })),
];

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const off = (ratio: number) => `${ratio >= 1 ? "+" : ""}${(100 * (ratio - 1)).toFixed(0)} %`;

async function planOf({ task: taskName, arm, rank, settings }: Case, policy: string, { dataDir }: Options) {
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
    ...{ adapter: rank > 0 ? { rank } : null, threads: 1, jobs: 1, find: () => Promise.resolve(glimpse) },
  });
  return { plan, glimpse, task };
}

/** Runs a cell. Its process is used for nothing else. */
async function take(of: Case, policy: string, options: Options): Promise<Taken> {
  const { plan, task } = await planOf(of, policy, options), { spec } = plan.cells[0]!, events: CellEvent[] = [];
  const arm = await loadArm(of.arm, null);
  const cell = { ...spec, task, arm, policy: await readPolicy(spec.policy), checkpoints: null };
  await trainCell(cell, (event) => events.push(event), new AbortController().signal);
  const end = events.at(-1)!;
  if (end.type !== "finished") throw new FailureError(`Cannot check "${of.name}": its cell ended with ${end.type}`);
  const steps = events.flatMap((event): StepRecord[] => event.type === "step" ? [event.record] : []).slice(1); // sessions
  const rollout = mean(steps.map(({ timing }) => timing.rolloutSeconds));
  const step = rollout + mean(steps.map(({ timing }) => timing.updateSeconds));
  const tokens = mean(steps.map(({ completionLength }) => completionLength));
  return { memory: end.peakMemoryBytes, step, rollout, tokens };
}

/** Estimates what was taken. */
async function tell(of: Case, policy: string, options: Options, taken: Taken): Promise<string[]> {
  const { plan, glimpse } = await planOf(of, policy, options), { rl } = plan.config;
  const { arms: [told], calibration } = await estimateExperiment(
    plan,
    glimpse,
    Math.round(taken.tokens),
    (probe) => calibrate(probe),
  );
  const { stepSeconds, rolloutSeconds, memory: { total } } = told!, time = (seconds: number) => seconds.toPrecision(3);
  return [
    `${of.name}, ${of.task}, ${of.arm}${of.rank > 0 ? `, LoRA ${of.rank}` : ""}, ${rl.questions} x ${rl.completions}`,
    `${taken.tokens.toFixed(0)} of ${rl.maxCompletionTokens}`,
    ...[byteSize(total), byteSize(taken.memory), off(total / taken.memory)],
    ...[`${time(stepSeconds)} (${time(rolloutSeconds)}) s`, `${time(taken.step)} (${time(taken.rollout)}) s`],
    ...[off(stepSeconds / taken.step), `${calibration.toFixed(1)} s`],
  ];
}

/** Both in processes of their own, so that a cell's memory is its process's. */
async function checkApart(index: number, options: Options, kept: Record<string, Taken>): Promise<string[] | null> {
  const folder = mkdtempSync(join(tmpdir(), "matchbox-estimate-"));
  try {
    const of = CASES[index]!, policy = await of.policy(folder, options);
    if (policy === null || (of.task === "gsm8k" && options.dataDir === undefined)) return null;
    const apart = async (...more: string[]) => {
      const { stdout, code } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", fileURLToPath(import.meta.url), "--case", `${index}`, "--policy", policy]
          .concat(more, Deno.args),
        stderr: "inherit",
      }).output();
      if (code !== 0) throw new FailureError(`Cannot check "${of.name}": its process ended with ${code}`);
      return JSON.parse(new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1)!);
    };
    const taken = kept[`${index}`] ??= await apart();
    if (options.taken !== undefined) writeFileSync(options.taken, JSON.stringify(kept));
    return await apart("--tell", JSON.stringify(taken));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const command = new Command("check_estimate")
  .description("Compares what bench --dry-run says with what a cell of a few updates takes.")
  .option("--smollm2 <folder>", "SmolLM2-135M-Instruct; left out without it")
  .option("--data-dir <folder>", "GSM8K's train.jsonl and test.jsonl")
  .option("--only <text>", "cases whose policy's name holds this")
  .option("--taken <file>", "what cells took: written to it, and read from it where it holds a case already")
  .option("--case <n>", "a case, in this process", parseCount("--case", 0))
  .option("--policy <folder>", "its policy")
  .option("--tell <json>", "estimate it: this is what it took")
  .allowExcessArguments(false);

const options = command.parse().opts<Options & { readonly case?: number; readonly policy?: string; tell?: string }>();
if (options.case !== undefined) {
  const of = CASES[options.case]!, cpu = () => process.cpuUsage();
  performance.now = () => (cpu().user + cpu().system) / 1000;
  const taken = options.tell === undefined ? null : JSON.parse(options.tell) as Taken;
  const found = taken ? tell(of, options.policy!, options, taken) : take(of, options.policy!, options);
  console.log(JSON.stringify(await found));
  process.exit(0);
}
const known = options.taken !== undefined && existsSync(options.taken);
const kept: Record<string, Taken> = known ? JSON.parse(readFileSync(options.taken, "utf8")) : {};
const rows: string[][] = [];
for (const [index, { name }] of CASES.entries()) {
  if (options.only !== undefined && !name.includes(options.only)) continue;
  const row = await checkApart(index, options, kept);
  if (!row) continue;
  rows.push(row);
  console.error(row.join(" | "));
}
const head = ["case", "tokens", "memory", "taken", "", "update (rollout)", "taken", "", "measured for"];
console.log(alignColumns([head, [], ...rows]));
process.exit(0);
