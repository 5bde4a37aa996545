// What a sample is, and what it may depend on: its prompt, its own random numbers and the weights. Nothing else, to the
// bit. And the probability that the sampler reports is the one that a full forward of the trainer computes, to the bit.

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { Prng, stream } from "../../harness/base/prng.ts";
import type { Sampling } from "../../harness/rl/decode_graph.ts";
import type { Draws } from "../../harness/rl/generation.ts";
import {
  type Drawing,
  EXACT,
  generate,
  type Policy,
  POLICY_NAMES,
  randomPrompts,
  score,
  smallPolicy,
} from "./small_policies.ts";

/** Around the boundaries of the padding buckets of 16. */
const LENGTHS = [3, 15, 16, 17, 9, 40];

/** Draws of some prompts, with the streams that they have among all prompts. */
const drawn = (policy: Policy, which: readonly number[], drawing: Drawing): Promise<Draws[][]> => {
  const prompts = randomPrompts(policy, LENGTHS);
  const random = (prompt: number, sample: number) => stream(4, "rollout", 0, which[prompt], sample);
  return generate(policy, which.map((i) => prompts[i]!), { ...drawing, random });
};
const ALL = LENGTHS.map((_, i) => i);

/** The first place where two lists of draws differ, as text; null where they do not. */
function difference(one: readonly (readonly Draws[])[], other: readonly (readonly Draws[])[]): string | null {
  for (const [p, samples] of one.entries()) {
    for (const [s, { tokens, probabilities, truncated }] of samples.entries()) {
      const there = other[p]![s]!;
      if (tokens.join() !== there.tokens.join() || truncated !== there.truncated) {
        return `tokens of ${p}.${s}: ${tokens} and ${there.tokens}`;
      }
      const t = probabilities.findIndex((x, i) => Math.abs(x - there.probabilities[i]!) > EXACT * x);
      if (t >= 0) return `probability of token ${t} of ${p}.${s}: ${probabilities[t]} and ${there.probabilities[t]}`;
    }
  }
  return null;
}

/** The same draws with probabilities from elsewhere. */
const withProbabilities = (draws: readonly (readonly Draws[])[], probabilities: readonly (readonly Float32Array[])[]) =>
  draws.map((samples, p) => samples.map((draw, s) => ({ ...draw, probabilities: probabilities[p]![s]! })));

for (const name of POLICY_NAMES) {
  const policy = smallPolicy(name);

  Deno.test(`Sampler draws the same whatever runs beside it: ${name}`, async () => {
    const all = await drawn(policy, ALL, { group: 8 });
    const lengths = new Set(all.flat().map(({ tokens }) => tokens.length));
    ok(lengths.size > 8, "samples must end at many different places, so that rows are dropped");
    const same = async (label: string, which: readonly number[], drawing: Drawing) => {
      const expected = which.map((i) => all[i]!.slice(0, drawing.group));
      strictEqual(difference(await drawn(policy, which, drawing), expected), null, label);
    };
    await same("order of prompts", ALL.toReversed(), { group: 8 });
    await same("one prompt, padded to 16", [0], { group: 8 });
    await same("one prompt, padded to 48 by a longer one", [0, 5], { group: 8 });
    await same("two prompts", [2, 3], { group: 8 });
    await same("a group of 4", ALL, { group: 4 });
    await same("a group of 3", ALL, { group: 3 });
    await same("a group of 1", ALL, { group: 1 });
    await same("one row alone", [3], { group: 1 });
  });

  Deno.test(`Sampler draws the same when most rows have ended and were dropped: ${name}`, async () => {
    const drawing = { group: 8, maxTokens: 80, endTokens: [3, 7, 11, 21] }, all = await drawn(policy, ALL, drawing);
    const late = all.map((samples) => samples.filter(({ tokens }) => tokens.length > 25).length);
    ok(Math.max(...late) > 0 && Math.max(...late) <= 4, `${late} rows a prompt run on: groups must shrink`);
    for (const prompt of ALL) strictEqual(difference(await drawn(policy, [prompt], drawing), [all[prompt]!]), null);
    strictEqual(difference(await drawn(policy, ALL.toReversed(), drawing), all.toReversed()), null);
  });

  Deno.test(`Sampler reports the probabilities that the trainer computes: ${name}`, async () => {
    for (const [which, group] of [[ALL, 8], [[5], 1], [[1, 4], 4], [[2, 3], 1]] as const) {
      const prompts = which.map((i) => randomPrompts(policy, LENGTHS)[i]!);
      const draws = await drawn(policy, which, { group });
      strictEqual(difference(draws, withProbabilities(draws, await score(policy, prompts, draws))), null);
      strictEqual(
        difference(
          draws,
          withProbabilities(draws, await score(policy, prompts, draws, { promptLength: 64, length: 48 })),
        ),
        null,
        "padded further",
      );
    }
  });

  Deno.test(`Sampler and trainer agree under temperature, top-k and top-p: ${name}`, async () => {
    for (
      const sampling of [{ temperature: 0.6 }, { temperature: 1.7, topK: 5 }, { topP: 0.8 }, {
        temperature: 1.3,
        topK: 10,
        topP: 0.7,
      }]
    ) {
      const prompts = randomPrompts(policy, LENGTHS), draws = await drawn(policy, ALL, { group: 2, sampling });
      const scored = await score(policy, prompts, draws, { temperature: sampling.temperature ?? 1 });
      strictEqual(difference(draws, withProbabilities(draws, scored)), null);
    }
  });
}

Deno.test("Sampler reports the trainer's probabilities where key and value are narrow against the hidden size", async () => {
  // One product for query, key and value would sum 128 terms at a time, one for 36 keys alone all 144 at once.
  for (const name of ["Qwen2", "Qwen3"] as const) {
    const policy = smallPolicy(name, { hidden_size: 144 }), prompts = randomPrompts(policy, [5, 18]);
    const draws = await generate(policy, prompts, { group: 4, maxTokens: 12 });
    strictEqual(difference(draws, withProbabilities(draws, await score(policy, prompts, draws))), null, name);
  }
});

Deno.test("Sampler draws the same with one worker, with two, and in this thread", async () => {
  const policy = smallPolicy("MHA"), drawing = { group: 8, maxTokens: 16 };
  const here = await drawn(policy, ALL, drawing);
  for (const workers of [1, 2]) strictEqual(difference(await drawn(policy, ALL, { ...drawing, workers }), here), null);
});

Deno.test("Sampler stops a row behind an end-of-sequence token, whichever of several, and says so", async () => {
  const policy = smallPolicy("GQA"), endTokens = [3, 11, 30];
  const draws = (await drawn(policy, ALL, { group: 8, endTokens })).flat();
  for (const { tokens, truncated, probabilities } of draws) {
    strictEqual(probabilities.length, tokens.length);
    const end = tokens.findIndex((token) => endTokens.includes(token));
    strictEqual(end, truncated ? -1 : tokens.length - 1);
    if (truncated) strictEqual(tokens.length, 32);
  }
  const seen = new Set(draws.filter(({ truncated }) => !truncated).map(({ tokens }) => tokens.at(-1)));
  deepStrictEqual([...seen].sort((a, b) => a! - b!), endTokens, "each end token must have occurred");
  ok(draws.some(({ truncated }) => truncated) && draws.some(({ tokens }) => tokens.length === 1));
});

Deno.test("Sampler keeps to the length cap: a shorter one cuts the same samples", async () => {
  const policy = smallPolicy("Qwen2"), long = await drawn(policy, ALL, { group: 4, maxTokens: 60 });
  ok(long.flat().some(({ tokens }) => tokens.length > 48), "several segments must have run");
  for (const maxTokens of [1, 2, 24, 25, 26, 49]) {
    const cut = long.map((samples) =>
      samples.map((draw) => ({
        ...draw,
        tokens: draw.tokens.slice(0, maxTokens),
        probabilities: draw.probabilities.slice(0, maxTokens),
        truncated: draw.truncated || draw.tokens.length > maxTokens,
      }))
    );
    strictEqual(difference(await drawn(policy, ALL, { group: 4, maxTokens }), cut), null, `${maxTokens} tokens`);
  }
});

/** The distribution of the token after a text, in float64 from the trainer's probabilities of every token. */
async function distribution(policy: Policy, text: Int32Array, temperature: number): Promise<number[]> {
  const { vocabSize } = policy.config;
  const each = Array.from(
    { length: vocabSize },
    (_, token): Draws => ({
      tokens: Int32Array.of(token),
      probabilities: Float32Array.of(1),
      kept: null,
      truncated: true,
    }),
  );
  return (await score(policy, [text], [each], { temperature }))[0]!.map((row) => row[0]!);
}

/** The tokens that top-k and then top-p leave, by sorting. */
function naiveSupport(probabilities: readonly number[], { topK, topP }: Pick<Sampling, "topK" | "topP">): Set<number> {
  const order = probabilities.map((_, token) => token).sort((a, b) => probabilities[b]! - probabilities[a]!);
  const most = topK > 0 ? order.slice(0, topK) : order;
  const total = most.reduce((sum, token) => sum + probabilities[token]!, 0);
  const kept = new Set<number>();
  let mass = 0;
  for (const token of most) {
    if (mass >= topP * total) break;
    kept.add(token);
    mass += probabilities[token]!;
  }
  return kept;
}

for (
  const limits of [{ topK: 4, topP: 1 }, { topK: 0, topP: 0.75 }, { topK: 6, topP: 0.6 }, { topK: 100, topP: 1 }, {
    topK: 1,
    topP: 1,
  }, { topK: 0, topP: 0.001 }]
) {
  Deno.test(`Sampler keeps what a naive top-k of ${limits.topK} and top-p of ${limits.topP} keep, and renormalises`, async () => {
    const policy = smallPolicy("MHA"), prompts = randomPrompts(policy, [5, 12]), temperature = 1.4;
    const draws = await generate(policy, prompts, {
      group: 3,
      maxTokens: 4,
      sampling: { ...limits, temperature },
      endTokens: [39],
    });
    for (const [p, samples] of draws.entries()) {
      for (const { tokens, probabilities, kept } of samples) {
        for (const [t, token] of tokens.entries()) {
          const full = await distribution(policy, Int32Array.of(...prompts[p]!, ...tokens.slice(0, t)), temperature);
          const support = naiveSupport(full, limits);
          deepStrictEqual(
            kept![t]!.reduce<number[]>((ids, flag, id) => flag ? [...ids, id] : ids, []),
            [...support].sort((a, b) => a - b),
          );
          const mass = [...support].reduce((sum, id) => sum + full[id]!, 0);
          ok(support.has(token) && Math.abs(probabilities[t]! - full[token]! / mass) < 1e-5);
        }
      }
    }
  });
}

Deno.test("Sampler, greedy, takes the likeliest token and reports its probability at temperature 1", async () => {
  const policy = smallPolicy("GQA"), prompts = randomPrompts(policy, [4, 18]);
  const [first, second] = await generate(policy, prompts, {
    group: 1,
    maxTokens: 5,
    sampling: { greedy: true, temperature: 3 },
    endTokens: [39],
  });
  for (const [p, { tokens, probabilities, kept }] of [first![0]!, second![0]!].entries()) {
    strictEqual(kept, null);
    for (const [t, token] of tokens.entries()) {
      const full = await distribution(policy, Int32Array.of(...prompts[p]!, ...tokens.slice(0, t)), 1);
      strictEqual(token, full.indexOf(Math.max(...full)));
      ok(Math.abs(probabilities[t]! - full[token]!) < 1e-6); // read as one text, not as prompt and completion
    }
  }
});

Deno.test("Sampler draws tokens as often as their probabilities say (chi-square, fixed seed)", async () => {
  const policy = smallPolicy("MHA"), prompt = randomPrompts(policy, [6])[0]!, group = 32, batches = 32;
  for (const sampling of [{}, { temperature: 0.7, topK: 12 }]) {
    const full = await distribution(policy, prompt, sampling.temperature ?? 1);
    const support = naiveSupport(full, { topK: sampling.topK ?? 0, topP: 1 }),
      mass = [...support].reduce((sum, id) => sum + full[id]!, 0);
    const counts = new Float64Array(policy.config.vocabSize), repeated = Array.from({ length: batches }, () => prompt);
    const draws = await generate(policy, repeated, {
      group,
      maxTokens: 1,
      sampling,
      random: (p, s) => stream(8, "rollout", 0, p, s),
    });
    for (const { tokens } of draws.flat()) counts[tokens[0]!]!++;
    // Tokens expected fewer than 5 times share a cell; 0.999 quantile of chi-square by Wilson and Hilferty.
    let statistic = 0, cells = 0, restSeen = 0, restExpected = 0;
    counts.forEach((seen, token) => {
      const expected = support.has(token) ? full[token]! / mass * group * batches : 0;
      if (expected < 5) {
        restSeen += seen;
        restExpected += expected;
        return;
      }
      statistic += (seen - expected) ** 2 / expected;
      cells++;
    });
    if (restExpected > 0) statistic += (restSeen - restExpected) ** 2 / restExpected;
    else strictEqual(restSeen, 0);
    const freedom = cells - (restExpected > 0 ? 0 : 1), spread = 2 / (9 * freedom);
    ok(
      statistic < freedom * (1 - spread + 3.09 * Math.sqrt(spread)) ** 3,
      `chi-square ${statistic} with ${freedom} degrees of freedom`,
    );
    ok(cells >= 8);
  }
});

Deno.test("Sampler draws tokens of its support at both ends of the uniform numbers", async () => {
  class Constant extends Prng {
    constructor(private readonly value: number) {
      super([0, 0], [0, 0, 0]);
    }
    override uniform(): number {
      return this.value;
    }
  }
  const policy = smallPolicy("MHA"), prompts = randomPrompts(policy, [6, 9]);
  for (const [value, end] of [[0, 0], [1 - 2 ** -23, -1]] as const) {
    const draws = await generate(policy, prompts, {
      group: 2,
      maxTokens: 6,
      sampling: { topK: 3 },
      random: () => new Constant(value),
    });
    for (const { tokens, kept } of draws.flat()) {
      tokens.forEach((token, t) => {
        const support = [...kept![t]!].flatMap((flag, id) => flag ? [id] : []);
        strictEqual(token, support.at(end), "the first token of the support for 0, the last one for almost 1");
      });
    }
  }
});

Deno.test("Sampler draws other tokens for another seed, and for another sample of the same prompt", async () => {
  const policy = smallPolicy("MHA"), prompts = randomPrompts(policy, [8]);
  const text = async (seed: number) =>
    (await generate(policy, prompts, { group: 4, random: (p, s) => stream(seed, "rollout", 0, p, s) }))[0]!.map((
      { tokens },
    ) => tokens.join());
  const [one, other] = [await text(1), await text(2)];
  strictEqual(new Set([...one, ...other]).size, 8);
});

Deno.test("Sampler refuses a policy without an end-of-sequence token, and what does not fit the context", async () => {
  const policy = smallPolicy("MHA"), prompts = randomPrompts(policy, [100]);
  await rejects(
    generate(policy, prompts, { group: 1, endTokens: [] }),
    (error) => error instanceof MisuseError && /end-of-sequence/.test(error.message),
  );
  await rejects(
    generate(policy, prompts, { group: 1, maxTokens: 29 }),
    (error) =>
      error instanceof MisuseError && /100 tokens and 29 new ones exceed the context of 128/.test(error.message),
  );
  strictEqual((await generate(policy, prompts, { group: 1, maxTokens: 28, endTokens: [39] })).length, 1);
});

Deno.test("Sampler fails where the logits are not finite", async () => {
  for (const poison of [NaN, Infinity]) {
    const { config, weights } = smallPolicy("MHA");
    const broken = { config, weights: { ...weights, data: weights.data.slice().fill(poison, 0, 40) } };
    await rejects(
      generate(broken, randomPrompts(broken, [5]), { group: 2 }),
      (error) => error instanceof FailureError && /not finite/.test(error.message),
    );
  }
});
