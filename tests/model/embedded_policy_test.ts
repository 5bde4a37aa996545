// The policies that ship with the repository: ordinary folders of at most 8 MB, read as transformers reads them, and of
// the skill that they are meant to have. tests/peers/check_policy.py makes what is compared with, from
// tests/fixtures/policies/chats.json: the first questions of arithmetic's test split.

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256 } from "../../harness/base/digest.ts";
import { stream } from "../../harness/base/prng.ts";
import type { Message } from "../../harness/contract.ts";
import { embeddedPolicies } from "../../harness/experiment/plan.ts";
import { type Policy, readPolicy } from "../../harness/model/policy.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import type { Sampling } from "../../harness/rl/decode_graph.ts";
import { evaluate } from "../../harness/rl/evaluate.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import { arithmetic } from "../../tasks/arithmetic.ts";
import { relativeError } from "../oracles/float64.ts";
import { lastLogits } from "../oracles/last_logits.ts";
import { localRuntime } from "../oracles/onnx.ts";

const FIXTURES = join(import.meta.dirname!, "../fixtures/policies");
const FILES = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
const MOST_BYTES = 8e6;
const GREEDY: Sampling = { greedy: true, temperature: 1, topK: 0, topP: 1 };
/** The shares of held-out problems between which a policy answers right: 64 by greedy decoding, 32 in 16 tries at one. */
const SKILL: Readonly<Record<string, Readonly<Record<"greedy" | "passAt16", readonly [number, number]>>>> = {
  "embedded": { greedy: [0.1, 0.6], passAt16: [0.7, 1] },
  "embedded-cold": { greedy: [0, 0.15], passAt16: [0.1, 0.6] },
};

/** What transformers computed; see tests/peers/check_policy.py. */
interface Fixture {
  readonly weights: Readonly<Record<string, string>>;
  readonly maxNewTokens: number;
  readonly eosTokenIds: readonly number[];
  readonly chats: readonly {
    readonly messages: readonly Message[];
    readonly prompt: string;
    readonly tokens: readonly number[];
    /** The first ones, at the prompt's last position. */
    readonly logits: readonly number[];
    readonly argmax: number;
    readonly completion: readonly number[];
    readonly completionText: string;
    /** Between the likeliest token and the next, the least of the completion. */
    readonly smallestMargin: number;
  }[];
}

const read = (path: string): unknown => JSON.parse(readFileSync(join(FIXTURES, path), "utf8"));
const { splits } = await arithmetic.load({ dataDir: null, level: 2 });

/** Gives a sampler to some work and takes it back. */
async function withSampler<T>({ config, tokenizer }: Policy, work: (sampler: Sampler) => Promise<T>): Promise<T> {
  const runtime = localRuntime(), sampler = new Sampler(runtime, config, tokenizer.eosTokenIds, 256);
  try {
    return await work(sampler);
  } finally {
    await sampler.dispose();
    await runtime.dispose();
  }
}

for (const [name, url] of Object.entries(embeddedPolicies)) {
  const folder = fileURLToPath(url), fixture = read(`${name}.json`) as Fixture;
  const policy = await readPolicy(folder);

  Deno.test(`${name} is a Hugging Face folder of at most 8 MB, and what the fixture was made from`, () => {
    deepStrictEqual(readdirSync(folder).sort(), FILES);
    const bytes = FILES.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    ok(bytes <= MOST_BYTES, `${name} has ${bytes} bytes`);
    for (const [file, digest] of Object.entries(fixture.weights)) {
      strictEqual(sha256(readFileSync(join(folder, file))), digest, `${name}/${file}: make the fixture again`);
    }
    deepStrictEqual(policy.tokenizer.eosTokenIds, fixture.eosTokenIds);
  });

  Deno.test(`${name} is asked arithmetic in the tokens that transformers makes of the chat`, () => {
    deepStrictEqual(fixture.chats.map(({ messages }) => messages), read("chats.json"));
    for (const [i, { messages, prompt, tokens }] of fixture.chats.entries()) {
      deepStrictEqual(messages, arithmetic.prompt(splits.test.item(i)));
      const chat = policy.tokenizer.chat(messages);
      strictEqual(chat.text, prompt);
      deepStrictEqual([...chat.tokens], tokens);
    }
  });

  Deno.test(`${name} has transformers' logits after a prompt`, async () => {
    for (const { tokens, logits, argmax } of fixture.chats) {
      const all = await lastLogits(policy, tokens);
      const error = relativeError(all.subarray(0, logits.length), logits);
      ok(error <= 1e-4, `the logits are off by ${error}`);
      strictEqual(all.indexOf(Math.max(...all)), argmax);
    }
  });

  Deno.test(`${name} completes by greedy decoding as transformers does, token by token`, async () => {
    const prompts = fixture.chats.map(({ tokens }) => Int32Array.from(tokens));
    const options = { group: 1, maxTokens: fixture.maxNewTokens, sampling: GREEDY, random: () => stream(0, "unused") };
    const draws = await withSampler(policy, (s) => s.generate(residentWeights(policy.weights), prompts, options));
    fixture.chats.forEach(({ completion, completionText, smallestMargin }, i) => {
      const { tokens, truncated } = draws[i]![0]!;
      deepStrictEqual([...tokens], completion, `question ${i}, whose closest choice has the margin ${smallestMargin}`);
      strictEqual(policy.tokenizer.decode(tokens), completionText);
      strictEqual(truncated, !fixture.eosTokenIds.includes(completion.at(-1)!));
    });
  });

  Deno.test(`${name} answers as many held-out problems as it is meant to`, async () => {
    const { tokenizer, weights } = policy, common = { split: "validation", items: splits.validation } as const;
    const [greedy, sampled] = await withSampler(policy, async (sampler) => {
      const asker = { task: arithmetic, tokenizer, sampler, maxPromptTokens: 128, maxTokens: 64 };
      const resident = residentWeights(weights), options = { ...common, step: 0, seed: 0, batch: 64 };
      return [
        (await evaluate(asker, resident, { ...options, n: 64, samples: 0 })).record,
        (await evaluate(asker, resident, { ...options, n: 32, samples: 16 })).record,
      ] as const;
    });
    const within = (share: number, [least, most]: readonly [number, number], what: string) =>
      ok(share >= least && share <= most, `${what} is ${share}`);
    within(greedy.accuracy, SKILL[name]!.greedy, "greedy accuracy");
    within(sampled.passAtSamples, SKILL[name]!.passAt16, "pass@16");
    ok(greedy.statuses.truncated === 0 && greedy.statuses.unparseable < 8, "greedy answers end, and have the layout");
  });
}
