// Whether `bench --dry-run` is right: for each case an experiment of a few updates, then the estimate of the same, which
// is told the mean length that completions came to, and how memory and seconds of an update compare. The two take turns,
// because a machine is not always as fast. It needs no Python.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { FailureError } from "../../harness/base/errors.ts";
import { alignColumns, byteSize } from "../../harness/cli/format.ts";
import { parseCount } from "../../harness/cli/parse_count.ts";
import type { Estimate } from "../../harness/experiment/estimate.ts";
import { embeddedPolicies } from "../../harness/experiment/policies.ts";
import type { StepRecord } from "../../harness/contract.ts";
import { parseModelConfig } from "../../harness/model/config.ts";
import { initialWeights } from "../../harness/model/layout.ts";
import { writePolicy } from "../../harness/model/policy.ts";
import type { CellRecord } from "../../harness/records/schema.ts";

interface Options {
  readonly smollm2?: string;
  readonly dataDir?: string;
  readonly only?: string;
  readonly updates: number;
  readonly rounds: number;
}

interface Case {
  readonly name: string;
  /** Folder of the policy, made in a temporary one where its weights are random. */
  readonly policy: (folder: string, options: Options) => Promise<string | null>;
  readonly task: readonly string[];
  readonly settings: readonly string[];
  readonly more: readonly string[];
}

const embedded = fileURLToPath(embeddedPolicies["embedded"]!);

/** A policy with random weights of a shape, and the tokenizer of the embedded one. */
async function randomPolicy(folder: string, shape: Record<string, unknown>): Promise<string> {
  const text = readFileSync(join(embedded, "config.json"), "utf8");
  const raw: Record<string, unknown> = { ...JSON.parse(text), ...shape };
  const config = parseModelConfig(raw, "config.json");
  await writePolicy(folder, { config, weights: initialWeights(config, 0), companions: embedded }, { dtype: "BF16" });
  return folder;
}

const qwen = {
  ...{ architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", vocab_size: 151936, hidden_size: 896 },
  ...{ num_hidden_layers: 24, num_attention_heads: 14, num_key_value_heads: 2, intermediate_size: 4864 },
  ...{ max_position_embeddings: 32768, rope_theta: 1000000, rms_norm_eps: 1e-6, initializer_range: 0.02 },
};
const few = ["evaluation.validationItems=4", "evaluation.testItems=4", "evaluation.every=0", "rl.warmup=0"];

const CASES: readonly Case[] = [
  {
    name: "embedded, arithmetic, defaults",
    policy: () => Promise.resolve("embedded"),
    task: ["arithmetic"],
    settings: ["evaluation.validationItems=64", "evaluation.testItems=64", "evaluation.every=0"],
    more: ["--arms=grpo,memory-r+", "--jobs=2", "--threads=1"],
  },
  {
    name: "SmolLM2-135M-Instruct, gsm8k, 2 x 8 x 64",
    policy: (_, { smollm2 }) => Promise.resolve(smollm2 ?? null),
    task: ["gsm8k"],
    settings: [...few, "rl.questions=2", "rl.maxCompletionTokens=64"],
    more: ["--arms=grpo", "--jobs=1"],
  },
  {
    name: "Qwen2.5-0.5B shape, arithmetic, 2 x 4 x 48",
    policy: (folder) => randomPolicy(folder, qwen),
    task: ["arithmetic"],
    settings: [...few, "rl.questions=2", "rl.completions=4", "rl.maxCompletionTokens=48", "rl.maxPromptTokens=128"],
    more: ["--arms=grpo", "--jobs=1"],
  },
];

/** Runs `bench` and returns the last line of its standard output. */
async function bench(args: readonly string[]): Promise<unknown> {
  const program = fileURLToPath(new URL("../../harness/cli/main.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, "bench", ...args, "--json"],
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await child.output(), text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code !== 0) throw new FailureError(`Cannot run bench ${args.join(" ")}:\n${text(stderr).slice(-2000)}`);
  return JSON.parse(text(stdout).trimEnd().split("\n").at(-1)!);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const ratio = (value: number) => `${value >= 1 ? "+" : ""}${(100 * (value - 1)).toFixed(0)} %`;

/** Steps of a cell; the first, which makes the sessions, counts where it is the only one. */
function stepsOf(cell: string): Pick<StepRecord, "completionLength" | "timing">[] {
  const lines = readFileSync(join(cell, "steps.jsonl"), "utf8").trimEnd().split("\n");
  const steps = lines.map((line) => JSON.parse(line) as StepRecord);
  return steps.length > 1 ? steps.slice(1) : steps;
}

async function check(one: Case, options: Options): Promise<string[][]> {
  const folder = mkdtempSync(join(tmpdir(), "matchbox-estimate-")), rows: string[][] = [];
  try {
    const policy = await one.policy(join(folder, "policy"), options);
    if (policy === null || (one.task[0] === "gsm8k" && options.dataDir === undefined)) return [];
    const data = one.task[0] === "gsm8k" ? [`--data-dir=${options.dataDir}`] : [];
    const settings = [...one.settings, `rl.updates=${options.updates}`].map((setting) => `--set=${setting}`);
    const args = [...one.task, `--policy=${policy}`, "--seeds=0", ...data, ...settings, ...one.more];
    for (let round = 0; round < options.rounds; round++) {
      const out = join(folder, `out-${round}`);
      await bench([...args, `--out=${out}`]);
      const lengths = [...Deno.readDirSync(out)].filter(({ isDirectory }) => isDirectory).flatMap(({ name }) =>
        stepsOf(join(out, name, "seed-0")).map(({ completionLength }) => completionLength)
      );
      const expected = [`--expect-tokens=${Math.round(mean(lengths))}`];
      const estimate = await bench([...args, "--dry-run", ...expected]) as Estimate;
      for (const { arm, stepSeconds, rolloutSeconds, memory } of estimate.arms) {
        const cell = join(out, arm, "seed-0");
        const { peakMemoryBytes } = JSON.parse(readFileSync(join(cell, "record.json"), "utf8")) as CellRecord;
        const steps = stepsOf(cell);
        const rollout = mean(steps.map(({ timing }) => timing.rolloutSeconds));
        const step = rollout + mean(steps.map(({ timing }) => timing.updateSeconds));
        rows.push([
          `${one.name}, ${arm}`,
          `${mean(steps.map(({ completionLength }) => completionLength)).toFixed(0)} of ${estimate.completionTokens}`,
          byteSize(memory.total),
          byteSize(peakMemoryBytes!),
          ratio(memory.total / peakMemoryBytes!),
          `${stepSeconds.toFixed(2)} (${rolloutSeconds.toFixed(2)}) s`,
          `${step.toFixed(2)} (${rollout.toFixed(2)}) s`,
          ratio(stepSeconds / step),
          `${estimate.calibration.toFixed(0)} s`,
        ]);
        console.error(rows.at(-1)!.join(" | "));
      }
      rmSync(out, { recursive: true });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return rows;
}

const command = new Command("check_estimate")
  .description("Compares what bench --dry-run says with what a run of a few updates takes.")
  .option("--smollm2 <folder>", "SmolLM2-135M-Instruct; left out without it")
  .option("--data-dir <folder>", "GSM8K's train.jsonl and test.jsonl")
  .option("--only <text>", "cases whose name holds this")
  .option("--updates <n>", "updates of a run", parseCount("--updates"), 3)
  .option("--rounds <n>", "estimates and runs in turn", parseCount("--rounds"), 1)
  .allowExcessArguments(false);

const options = command.parse().opts<Options>(), rows: string[][] = [];
for (const one of CASES) {
  if (options.only === undefined || one.name.includes(options.only)) rows.push(...await check(one, options));
}
const head = ["case", "tokens", "memory", "taken", "", "update (rollout)", "taken", "", "measured for"];
console.log(alignColumns([head, [], ...rows]));
process.exit(0);
