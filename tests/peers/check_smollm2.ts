// Greedy completions of a real policy, SmolLM2-135M-Instruct, by Matchbox's sampler and by transformers in float32: the
// same GSM8K questions, token by token. Where the two part, the margin tells a tie from a fault: how far, in logits, the
// chosen token was ahead of the other's choice. It takes any policy folder; it measures no speed.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Command } from "commander";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { stream } from "../../harness/base/prng.ts";
import { alignColumns } from "../../harness/cli/format.ts";
import { parseCount } from "../../harness/cli/parse_count.ts";
import type { Message } from "../../harness/contract.ts";
import { type Policy, readPolicy } from "../../harness/model/policy.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { runLength, Sampler } from "../../harness/rl/sampler.ts";
import { chooseRuntime } from "../../harness/runtime/choose.ts";
import { gsm8k } from "../../tasks/gsm8k.ts";
import { relativeError } from "../oracles/float64.ts";
import { lastLogits } from "../oracles/last_logits.ts";

interface Options {
  readonly policy: string;
  readonly dataDir: string;
  readonly python: string;
  readonly prompts: number;
  readonly tokens: number;
  readonly threads: number;
}

/** What check_policy.py says of a chat. */
interface Reference {
  readonly tokens: readonly number[];
  /** The first ones, at the prompt's last position. */
  readonly logits: readonly number[];
  readonly completion: readonly number[];
  /** Between the likeliest token and the next, the least of the completion. */
  readonly smallestMargin: number;
}

/** transformers' side, in a process that has ended before this one loads the model. */
function askTransformers({ python, policy, tokens }: Options, chats: readonly (readonly Message[])[]): Reference[] {
  const folder = mkdtempSync(join(tmpdir(), "matchbox-")), file = join(folder, "chats.json");
  const script = join(import.meta.dirname!, "check_policy.py");
  try {
    writeFileSync(file, JSON.stringify(chats));
    const args = [script, "check", policy, "--chats", file, "--new-tokens", `${tokens}`];
    const output = execFileSync(python, args, {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
      stdio: ["ignore", "pipe", "inherit"],
    });
    return (JSON.parse(output) as { chats: Reference[] }).chats;
  } catch (error) {
    throw new FailureError(
      `Cannot ask transformers: "${python} ${script}" failed (${
        error instanceof Error ? error.message : error
      }) … name an interpreter that has tests/peers/requirements.txt with --python`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Matchbox's completions, all prompts side by side. */
async function complete({ config, weights, tokenizer }: Policy, prompts: readonly Int32Array[], options: Options) {
  const runtime = chooseRuntime("cpu", options.threads, weights.layout.size);
  const longest = Math.max(...prompts.map(({ length }) => length));
  const sampler = new Sampler(runtime, config, tokenizer.eosTokenIds, runLength(longest, options.tokens));
  try {
    const draws = await sampler.generate(residentWeights(weights), prompts, {
      group: 1,
      maxTokens: options.tokens,
      sampling: { greedy: true, temperature: 1, topK: 0, topP: 1 },
      random: () => stream(0, "unused"),
    });
    return draws.map(([draw]) => [...draw!.tokens]);
  } finally {
    await sampler.dispose();
    await runtime.dispose();
  }
}

/** Prints the comparison. @returns whether every completion agrees */
async function compare(options: Options): Promise<boolean> {
  const { test } = (await gsm8k.load({ dataDir: options.dataDir, level: 1 })).splits;
  const items = Array.from({ length: Math.min(options.prompts, test.size) }, (_, i) => test.item(i));
  const chats = items.map((item) => gsm8k.prompt(item));
  const references = askTransformers(options, chats);
  const policy = await readPolicy(options.policy);
  const prompts = chats.map((chat) => policy.tokenizer.chat(chat).tokens);
  const completions = await complete(policy, prompts, options);

  const rows: string[][] = [];
  let agreeing = 0, agreed = 0, total = 0;
  for (const [i, { tokens, logits, completion, smallestMargin }] of references.entries()) {
    const prompt = prompts[i]!, ours = completions[i]!;
    const samePrompt = prompt.length === tokens.length && tokens.every((token, t) => token === prompt[t]);
    const length = Math.max(ours.length, completion.length);
    const parting = Array.from({ length }, (_, t) => t).find((t) => ours[t] !== completion[t]) ?? length;
    const first = await lastLogits(policy, prompt, options.threads);
    const error = relativeError(first.subarray(0, logits.length), logits);
    agreed += parting;
    total += length;
    if (samePrompt && parting === length) agreeing++;
    const margin = parting < length ? await partingMargin(policy, prompt, ours, completion, parting, options) : "";
    rows.push([
      items[i]!.id,
      `${prompt.length}${samePrompt ? "" : ` (transformers: ${tokens.length})`}`,
      error.toExponential(1),
      `${parting} of ${length}`,
      smallestMargin.toPrecision(3),
      margin,
    ]);
  }
  const head = [
    "question",
    "prompt tokens",
    "logits off by",
    "tokens alike",
    "closest choice",
    "margin where they part",
  ];
  console.log(alignColumns([head, [], ...rows]));
  console.log(`\n${agreeing} of ${references.length} completions agree, ${agreed} of ${total} tokens`);
  return agreeing === references.length;
}

/** How far Matchbox's token is ahead of transformers' at the place where they part, by Matchbox's logits. */
async function partingMargin(
  policy: Policy,
  prompt: Int32Array,
  ours: readonly number[],
  theirs: readonly number[],
  at: number,
  { threads }: Options,
): Promise<string> {
  const [chosen, other] = [ours[at], theirs[at]];
  if (chosen === undefined || other === undefined) return "one of them has ended";
  const logits = await lastLogits(policy, [...prompt, ...ours.slice(0, at)], threads);
  return (logits[chosen]! - logits[other]!).toPrecision(3);
}

const command = new Command("check_smollm2")
  .description("Compares greedy completions of a policy by Matchbox and by transformers on GSM8K's test questions.")
  .requiredOption("--policy <folder>", "SmolLM2-135M-Instruct, or another Hugging Face folder")
  .requiredOption("--data-dir <folder>", "GSM8K's train.jsonl and test.jsonl")
  .option("--python <path>", "Python interpreter with tests/peers/requirements.txt installed", "python3")
  .option("--prompts <n>", "questions, from the first", parseCount("--prompts"), 8)
  .option("--tokens <n>", "length of the completions", parseCount("--tokens"), 48)
  .option("--threads <n>", "threads of Matchbox", parseCount("--threads"), availableParallelism())
  .allowExcessArguments(false);

try {
  process.exitCode = await compare(command.parse().opts<Options>()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof MisuseError) && !(error instanceof FailureError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = error instanceof MisuseError ? 2 : 1;
}
