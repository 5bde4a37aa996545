// Hand-made groups, embedders without a model, and a reward shaper's setup, for the tests of arms.

import type { Config } from "../../harness/config.ts";
import { armConfig, defaultConfig, overrideFields } from "../../harness/config_options.ts";
import type {
  Arm,
  Bonus,
  Completion,
  ConfigFields,
  Embedder,
  RewardShaper,
  RolloutGroup,
  ShapingContext,
} from "../../harness/contract.ts";
import { sha256 } from "../../harness/base/digest.ts";
import { type Prng, stream } from "../../harness/base/prng.ts";

/** A completion in short: its text, whether it is correct, its length and probabilities. */
export interface Answer {
  readonly text: string;
  readonly correct: boolean;
  readonly tokens?: number;
  readonly probabilities?: readonly number[];
}

export function group(question: string, answers: readonly Answer[]): RolloutGroup {
  return {
    item: { id: `id of ${question}`, question, gold: "1" },
    promptTokens: Int32Array.of(1, 2, 3),
    completions: answers.map(({ text, tokens = 3, probabilities }): Completion => ({
      text,
      tokens: new Int32Array(probabilities?.length ?? tokens),
      probabilities: Float32Array.from(probabilities ?? new Array(tokens).fill(0.5)),
      truncated: false,
    })),
    grades: answers.map(({ correct }) => ({
      status: correct ? "correct" as const : "wrong" as const,
      extracted: "1",
      rewards: [correct ? 1 : 0, 0.5],
    })),
  };
}

/** An embedder from a function of the text; what it gives is scaled to length 1. It counts its calls. */
export function embedderOf(vector: (text: string) => readonly number[]): Embedder & { calls: number } {
  return {
    calls: 0,
    identity: { name: "toy", digest: sha256("toy"), dimensions: vector("any").length },
    embed(texts) {
      this.calls++;
      return Promise.resolve(texts.map((text) => {
        const values = vector(text), norm = Math.hypot(...values);
        return Float32Array.from(values, (value) => value / norm);
      }));
    },
    dispose: () => Promise.resolve(),
  };
}

/** Vectors drawn at random for each text: they say nothing about it but whether two are the same. */
export function randomEmbedder(dimensions = 16) {
  return embedderOf((text) => {
    const random = stream(parseInt(sha256(text).slice(0, 8), 16), "toy embedder");
    return Array.from({ length: dimensions }, () => random.normal());
  });
}

/** Vectors from a table. */
export function tableEmbedder(table: Readonly<Record<string, readonly number[]>>) {
  return embedderOf((text) => table[text] ?? Object.values(table)[0]!.map((_, i) => i === 0 ? 1 : 0));
}

/** The arm's shaper with a toy embedder in the policy's place. @param fields over the arm's own */
export async function shaperOf(
  arm: Arm,
  fields: ConfigFields = {},
  embedder: Embedder = randomEmbedder(),
  seed = 7,
): Promise<RewardShaper> {
  if (!arm.shaper) throw new Error(`Arm "${arm.name}" has no shaper`);
  const config: Config = overrideFields(armConfig(defaultConfig, arm), fields, "the test");
  return await arm.shaper({ seed, config, policyEmbedder: () => Promise.resolve(embedder) });
}

/** The groups of a step: after the warm-up unless said otherwise. */
export function at(step: number, groups: readonly RolloutGroup[], progress = 0.5): ShapingContext {
  return { step, progress, groups };
}

/** The bonus of that name in a group's. */
export function named(bonuses: readonly Bonus[], name: string): Bonus {
  const found = bonuses.find((bonus) => bonus.name === name);
  if (!found) throw new Error(`There is no bonus "${name}" among ${bonuses.map((bonus) => bonus.name)}`);
  return found;
}

/** Steps of groups with random answers; some are the same, some blank, and questions come back. */
export function randomSteps(random: Prng, steps: number, questions = 3, completions = 4): RolloutGroup[][] {
  return Array.from({ length: steps }, () =>
    Array.from({ length: questions }, () =>
      group(
        `question ${random.int(2 * questions * steps)}`,
        Array.from({ length: completions }, () => {
          const draw = random.int(12);
          return {
            text: draw === 0
              ? " \n"
              : `<reasoning>\nstep ${random.int(60)} of work\n</reasoning>\n<answer>\n1\n</answer>\n`,
            correct: random.uniform() < 0.4,
            probabilities: Array.from({ length: 1 + random.int(6) }, () => (1 + random.int(999)) / 1000),
          };
        }),
      )));
}
