// A real policy, SmolLM2-135M-Instruct, by Matchbox and by transformers in float32: token ids of GSM8K's whole test file,
// as prompts and as bare texts, and greedy completions of its first questions, token by token. Where two completions
// part, the logits of both tokens tell a tie from a fault. It takes any policy folder; it measures no speed.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Command } from "commander";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { stream } from "../../harness/base/prng.ts";
import { alignColumns } from "../../harness/cli/format.ts";
import { parseCount } from "../../harness/cli/parse_count.ts";
import { type Policy, readPolicy } from "../../harness/model/policy.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { runLength } from "../../harness/rl/run_shapes.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
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
  /** The two likeliest tokens of each choice with their logits. */
  readonly choices: readonly (readonly [token: number, logit: number])[][];
}

/** Token ids of chats as prompts, and of texts. */
interface TokenIds {
  readonly chats: readonly (readonly number[])[];
  readonly texts: readonly (readonly number[])[];
}

/** Runs check_policy.py with these values in files; it has ended before this process loads the model. */
function askTransformers(
  command: "check" | "token_ids",
  { python, policy }: Options,
  files: Readonly<Record<string, unknown>>,
  ...more: readonly string[]
): unknown {
  const folder = mkdtempSync(join(tmpdir(), "matchbox-")), script = join(import.meta.dirname!, "check_policy.py");
  try {
    const given = Object.entries(files).flatMap(([flag, value]) => {
      const file = join(folder, `${flag}.json`);
      writeFileSync(file, JSON.stringify(value));
      return [`--${flag}`, file];
    });
    const output = execFileSync(python, [script, command, policy, ...given, ...more], {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
      stdio: ["ignore", "pipe", "inherit"],
    });
    return JSON.parse(output);
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

/** Rows of the test file, and the answers as they stand in it, which the task does not keep. */
async function readTest(dataDir: string) {
  const { test } = (await gsm8k.load({ dataDir, level: 1 })).splits;
  const items = Array.from({ length: test.size }, (_, i) => test.item(i));
  const lines = readFileSync(join(dataDir, "test.jsonl"), "utf8").trimEnd().split("\n");
  const texts = lines.flatMap((line) => {
    const { question, answer } = JSON.parse(line) as { question: string; answer: string };
    return [question, answer];
  });
  return { items, texts };
}

/** Compares token ids of the whole test file. @returns whether all agree */
async function compareTokenIds(options: Options): Promise<boolean> {
  const { items, texts } = await readTest(options.dataDir), chats = items.map((item) => gsm8k.prompt(item));
  const theirs = askTransformers("token_ids", options, { chats, texts }) as TokenIds;
  const { tokenizer } = await readPolicy(options.policy);
  const ours: TokenIds = {
    chats: chats.map((chat) => [...tokenizer.chat(chat).tokens]),
    texts: texts.map((text) => [...tokenizer.encode(text)]),
  };
  const agree = (["chats", "texts"] as const).map((kind) => {
    const parting = ours[kind].flatMap((ids, i) => ids.join() === theirs[kind][i]!.join() ? [] : [i]);
    const tokens = ours[kind].reduce((sum, ids) => sum + ids.length, 0);
    const of = kind === "chats" ? "prompts" : "questions and answers", count = ours[kind].length;
    console.log(`Token ids: ${count - parting.length} of ${count} ${of} agree (${tokens} tokens)`);
    for (const i of parting.slice(0, 5)) console.log(`  ${kind} ${i}: ${ours[kind][i]} | ${theirs[kind][i]}`);
    return parting.length === 0;
  });
  return agree.every(Boolean);
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

/** Prints the comparison. @returns whether every completion agrees but for ties */
async function compareCompletions(options: Options): Promise<boolean> {
  const items = (await readTest(options.dataDir)).items.slice(0, options.prompts);
  const chats = items.map((item) => gsm8k.prompt(item));
  const told = askTransformers("check", options, { chats }, "--new-tokens", `${options.tokens}`);
  const { chats: references } = told as { chats: Reference[] };
  const policy = await readPolicy(options.policy);
  const prompts = chats.map((chat) => policy.tokenizer.chat(chat).tokens);
  const completions = await complete(policy, prompts, options);

  const rows: string[][] = [], partings: string[] = [];
  let agreeing = 0, tied = 0, agreed = 0, total = 0;
  for (const [i, reference] of references.entries()) {
    const { tokens, logits, completion, smallestMargin } = reference, prompt = prompts[i]!, ours = completions[i]!;
    const samePrompt = prompt.join() === tokens.join();
    const length = Math.max(ours.length, completion.length);
    const parting = Array.from({ length }, (_, t) => t).find((t) => ours[t] !== completion[t]) ?? length;
    const first = await lastLogits(policy, prompt, options.threads);
    const error = relativeError(first.subarray(0, logits.length), logits);
    agreed += parting;
    total += length;
    const { id } = items[i]!, same = samePrompt && parting === length;
    if (same) agreeing++;
    else {
      const { words, tie } = await describeParting(policy, prompt, ours, reference, parting, options);
      partings.push(`${id}, token ${parting}: ${words}`);
      if (samePrompt && tie) tied++;
    }
    rows.push([
      id,
      `${prompt.length}${samePrompt ? "" : ` (transformers: ${tokens.length})`}`,
      error.toExponential(1),
      `${parting} of ${length}`,
      smallestMargin.toPrecision(3),
    ]);
  }
  const head = ["question", "prompt tokens", "logits off by", "tokens alike", "closest choice"];
  console.log(`\n${alignColumns([head, [], ...rows])}\n`);
  for (const words of partings) console.log(words);
  const ties = tied > 0 ? `, ${tied} part at a tie` : "";
  console.log(`${agreeing} of ${references.length} completions agree${ties}; ${agreed} of ${total} tokens alike`);
  return agreeing + tied === references.length;
}

/** A choice between logits nearer than this is a tie: float32 sums in another order differ by as much. */
const TIE = 1e-3;

/** The logits of the two tokens at which the completions part, by both, and whether that is a tie for both. */
async function describeParting(
  policy: Policy,
  prompt: Int32Array,
  ours: readonly number[],
  { completion, choices }: Reference,
  at: number,
  { threads }: Options,
): Promise<{ words: string; tie: boolean }> {
  const [a, b] = [ours[at], completion[at]];
  if (a === undefined || b === undefined) return { words: "one of them has ended", tie: false };
  const logits = await lastLogits(policy, [...prompt, ...ours.slice(0, at)], threads);
  const theirs = new Map(choices[at]), other = theirs.get(a);
  const said = (name: string, ofA: number | undefined, ofB: number | undefined) =>
    `${name} ${ofA?.toFixed(5) ?? "less than both of its first"} and ${ofB?.toFixed(5)}`;
  const margins = [logits[a]! - logits[b]!, (theirs.get(b) ?? 0) - (other ?? -Infinity)];
  const text = (token: number) => JSON.stringify(policy.tokenizer.decode([token], { keepSpecial: true }));
  return {
    words: `${text(a)} against ${text(b)}: ${said("Matchbox", logits[a], logits[b])}, ` +
      `${said("transformers", other, theirs.get(b))}`,
    tie: margins.every((margin) => Math.abs(margin) < TIE),
  };
}

const command = new Command("check_smollm2")
  .description(
    "Compares token ids and greedy completions of a policy by Matchbox and by transformers on GSM8K's test file.",
  )
  .requiredOption("--policy <folder>", "SmolLM2-135M-Instruct, or another Hugging Face folder")
  .requiredOption("--data-dir <folder>", "GSM8K's train.jsonl and test.jsonl")
  .option("--python <path>", "Python interpreter with tests/peers/requirements.txt installed", "python3")
  .option("--prompts <n>", "questions, from the first", parseCount("--prompts"), 32)
  .option("--tokens <n>", "length of the completions", parseCount("--tokens"), 200)
  .option("--threads <n>", "threads of Matchbox", parseCount("--threads"), availableParallelism())
  .allowExcessArguments(false);

try {
  const options = command.parse().opts<Options>();
  const same = [await compareTokenIds(options), await compareCompletions(options)];
  process.exitCode = same.every(Boolean) ? 0 : 1;
} catch (error) {
  if (!(error instanceof MisuseError) && !(error instanceof FailureError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = error instanceof MisuseError ? 2 : 1;
}
