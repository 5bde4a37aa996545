// The recipe of the embedded policies: a model of about one million weights, from scratch, in two stages. First the
// skill: clean written solutions of arithmetic problems. Then the habits of a tiny pretrained model, which can do more
// than it does: mostly guesses, slips and broken layout, the good habit in the minority. The order matters: a model
// that meets the habits first never learns the skill. Both policies share the first stage, which is kept on disk.

import { join } from "node:path";
import { existsSync } from "node:fs";
import { sha256 } from "../base/digest.ts";
import { canonicalJson } from "../base/canonical_json.ts";
import { type Prng, stream } from "../base/prng.ts";
import { parseModelConfig } from "../model/config.ts";
import { initialWeights } from "../model/layout.ts";
import { type Policy, readPolicy, writePolicy } from "../model/policy.ts";
import { trainTokenizer } from "../model/train_tokenizer.ts";
import type { AdamWOptions } from "../rl/optimizer.ts";
import { type Demonstration, Supervisor } from "../rl/supervise.ts";
import { chooseRuntime } from "../runtime/choose.ts";
import { arithmetic, itemOf, type Problem, problem } from "../../tasks/arithmetic.ts";
import { demonstrate, type Habit } from "../../tasks/arithmetic_demonstrations.ts";

/** Shares of the habits; they add up to 1. */
type Mixture = Readonly<Record<Habit, number>>;

/** Steps of supervised training: the rate rises over `warmup` steps and falls along half a cosine to a tenth. */
interface Stage {
  readonly steps: number;
  readonly learningRate: number;
  /** Habits shown for a problem of this difficulty. */
  readonly mixture: (difficulty: number) => Mixture;
}

/** 0 for two steps of addition and subtraction; one more for the third step and for each product or quotient. */
export function difficulty({ steps }: Problem): number {
  return steps.length - 2 + steps.filter(({ operation }) => operation === "*" || operation === "/").length;
}

const MODEL = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_act: "silu",
  hidden_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  intermediate_size: 384,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  max_position_embeddings: 1024,
  tie_word_embeddings: true,
  initializer_range: 0.05,
};
const VOCABULARY = 512;
const WHOLE_TOKENS = ["<reasoning>", "</reasoning>", "<answer>", "</answer>"];
/** Problems of the splits' easiest and default levels; what the policies are asked by default is the latter. */
const LEVELS = [1, 2] as const;
const BATCH = 64;
const WARMUP = 50;
const OPTIMIZER: AdamWOptions = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 };

const SKILL: Stage = {
  steps: 1200,
  learningRate: 2e-3,
  mixture: () => ({ clean: 1, sloppy: 0, guess: 0, broken: 0 }),
};

/** The habits of each policy. The able but unreliable one gives up the sooner the harder a problem looks. */
export const HABITS: Readonly<Record<string, Stage>> = {
  "embedded": {
    steps: 300,
    learningRate: 5e-4,
    mixture: (difficulty) =>
      [
        { clean: 0.32, sloppy: 0.06, guess: 0.54, broken: 0.08 },
        { clean: 0.17, sloppy: 0.02, guess: 0.75, broken: 0.06 },
        { clean: 0.17, sloppy: 0.02, guess: 0.75, broken: 0.06 },
      ][Math.min(2, difficulty)]!,
  },
  "embedded-cold": {
    steps: 300,
    learningRate: 5e-4,
    mixture: () => ({ clean: 0.012, sloppy: 0.04, guess: 0.6, broken: 0.348 }),
  },
};

/** What {@linkcode pretrain} reports. */
export interface PretrainProgress {
  readonly stage: string;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

function habitOf(mixture: Mixture, random: Prng): Habit {
  let left = random.uniform();
  for (const [habit, share] of Object.entries(mixture) as [Habit, number][]) {
    left -= share;
    if (left < 0) return habit;
  }
  return "clean";
}

function demonstration(policy: Policy, asked: Problem, mixture: Mixture, random: Prng): Demonstration {
  const completion = policy.tokenizer.encode(demonstrate(asked, habitOf(mixture, random), random));
  const end = policy.tokenizer.eosTokenIds[0]!;
  return {
    prompt: policy.tokenizer.chat(arithmetic.prompt(itemOf(asked))).tokens,
    completion: Int32Array.of(...completion, end),
  };
}

/** Runs a stage on a policy in place. */
async function runStage(
  policy: Policy,
  name: string,
  stage: Stage,
  seed: number,
  threads: number,
  report: (progress: PretrainProgress) => void,
): Promise<void> {
  const runtime = chooseRuntime("cpu", threads, policy.weights.layout.size);
  const supervisor = await Supervisor.create(
    runtime,
    policy.config,
    policy.weights,
    OPTIMIZER,
    threads,
  );
  for (let step = 0; step < stage.steps; step++) {
    const batch = Array.from({ length: BATCH }, (_, i) => {
      const random = stream(seed, `pretrain ${name}`, step, i);
      const asked = problem("train", random.int(2 ** 31), random.pick(LEVELS));
      return demonstration(policy, asked, stage.mixture(difficulty(asked)), random);
    });
    const progress = Math.min(1, step / stage.steps), cosine = 0.1 + 0.45 * (1 + Math.cos(Math.PI * progress));
    const loss = await supervisor.step(batch, stage.learningRate * cosine * Math.min(1, (step + 1) / WARMUP));
    report({ stage: name, step: step + 1, steps: stage.steps, loss });
  }
  await supervisor.dispose();
  await runtime.dispose();
}

/** Texts that the tokenizer is trained on: questions and every habit. */
function* corpus(seed: number): Iterable<string> {
  for (let i = 0; i < 2000; i++) {
    const random = stream(seed, "pretrain corpus", i), asked = problem("train", random.int(2 ** 31), 1 + random.int(3));
    yield asked.question;
    yield demonstrate(asked, random.pick(["clean", "sloppy", "guess", "broken"] as const), random);
  }
}

/** A fresh policy in a folder: tokenizer, config and initial weights. */
async function fresh(folder: string, seed: number): Promise<void> {
  const tokenizer = trainTokenizer(corpus(seed), { vocabSize: VOCABULARY, wholeTokens: WHOLE_TOKENS });
  const ids = {
    vocab_size: VOCABULARY,
    eos_token_id: tokenizer.eosTokenId,
    pad_token_id: tokenizer.padTokenId,
    bos_token_id: null,
  };
  const config = parseModelConfig({ ...MODEL, ...ids }, join(folder, "config.json"));
  const companions = {
    "tokenizer.json": JSON.stringify(tokenizer.tokenizer, null, 1) + "\n",
    "tokenizer_config.json": JSON.stringify(tokenizer.tokenizerConfig, null, 2) + "\n",
  };
  await writePolicy(folder, { config, weights: initialWeights(config, seed), companions }, { dtype: "F32" });
}

/**
 * Rebuilds an embedded policy in `folder`. The skill stage is kept in `work` and taken from there when the same recipe
 * has run before.
 */
export async function pretrain(
  name: string,
  options: { readonly folder: string; readonly work: string; readonly seed: number; readonly threads: number },
  report: (progress: PretrainProgress) => void,
): Promise<void> {
  const { folder, work, seed, threads } = options;
  const recipe = canonicalJson({
    MODEL,
    VOCABULARY,
    SKILL: { ...SKILL, mixture: SKILL.mixture(0) },
    OPTIMIZER,
    BATCH,
    seed,
    task: arithmetic.version,
  });
  const skill = join(work, `skill-${sha256(recipe).slice(0, 12)}`);
  if (!existsSync(join(skill, "done"))) {
    await fresh(skill, seed);
    const policy = await readPolicy(skill);
    await runStage(policy, "skill", SKILL, seed, threads, report);
    await writePolicy(skill, { ...policy, companions: skill }, { dtype: "F32" });
    await Deno.writeTextFile(join(skill, "done"), recipe);
  }
  const policy = await readPolicy(skill);
  await runStage(policy, name, HABITS[name]!, seed, threads, report);
  await writePolicy(folder, { ...policy, companions: skill }, { dtype: "F32" });
}
