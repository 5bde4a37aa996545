// What a cell will run, counted before anything does: shards of the sampler and passes of the learner, by shape, for
// prompts of known lengths and completions of an expected length. The cutting is the sampler's and the learner's own.

import type { Config } from "../config.ts";
import type { Arm } from "../contract.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import { type CompletionShape, passesOf, type SampleGroup } from "./learner.ts";
import { bucketsOf, promptBucket, SEGMENT, shardPrompts } from "./sampler.ts";

/** Completions that are drawn side by side: `group` of each of so many prompts. */
export interface Shard {
  readonly prompts: number;
  readonly promptLength: number;
  readonly group: number;
}

/** A cell's work: shapes as often as they occur. */
export interface Workload {
  /** Tokens of the longest completion. */
  readonly tokens: number;
  /** Share of the rows of a shard that are drawn on, over all of its tokens: rows that have ended are dropped. */
  readonly alive: number;
  /** Shards of one update's rollouts. */
  readonly rollout: readonly Shard[];
  /** Passes of one optimizer step. */
  readonly passes: readonly CompletionShape[];
  /** Shards of one validation, of one greedy test, and of one test of drawn samples. */
  readonly validation: readonly Shard[];
  readonly test: readonly Shard[];
  readonly sampled: readonly Shard[];
  /** Changes of shape from one shard or pass to the next, in an update: a large model's sessions are made anew for each. */
  readonly shardChanges: number;
  readonly passChanges: number;
  /** Rollouts of an update over those of one draw: groups that are drawn again count as often as they may be. */
  readonly draws: number;
  readonly updates: number;
  readonly validations: number;
  readonly tests: number;
}

/** Lengths of prompts in tokens. */
export interface PromptLengths {
  /** Of one update. */
  readonly train: readonly number[];
  /** Of several, in the order in which they are asked. @default train */
  readonly order?: readonly number[];
  readonly validation: readonly number[];
  readonly test: readonly number[];
}

/** @param expected tokens of a completion in the mean; at most the cap */
export function workloadOf(
  model: ModelConfig,
  layout: Layout,
  { rl, evaluation }: Pick<Config, "rl" | "evaluation">,
  { trains }: Pick<Arm, "trains">,
  lengths: PromptLengths,
  expected: number,
): Workload {
  const drawn = completionLengths(rl.questions * rl.completions, expected, rl.maxCompletionTokens);
  const asked = lengths.train.slice(0, rl.questions);
  const evaluated = (split: readonly number[], n: number, group: number) => {
    const side = Math.max(1, Math.floor(evaluation.batch / group)), few = split.slice(0, n), shards: Shard[] = [];
    for (let first = 0; first < few.length; first += side) {
      shards.push(...shardsOf(layout, few.slice(first, first + side), group));
    }
    return shards;
  };
  const shards = (lengths: readonly number[]) => shardsOf(layout, lengths, rl.completions);
  const unread = { probabilities: new Float32Array(0), kept: null, advantage: 0, weight: 0 };
  const passes = (lengths: readonly number[]) => {
    const batch = lengths.map((length, p): SampleGroup => ({
      prompt: new Int32Array(length),
      samples: Array.from({ length: rl.completions }, (_, i) => ({
        ...unread,
        tokens: new Int32Array(drawn[p * rl.completions + i]!),
      })),
    }));
    return passesOf(batch, { model, layout, rl }).map(({ shape }) => shape);
  };
  const order = lengths.order ?? asked, several = Math.max(1, Math.floor(order.length / rl.questions));
  const inTurn = Array.from({ length: several }, (_, i) => order.slice(i * rl.questions, (i + 1) * rl.questions));
  const updates = trains ? updatesOf(rl, asked, Math.min(expected, rl.maxCompletionTokens)) : 0;
  return {
    tokens: Math.max(...drawn),
    alive: aliveShare(drawn),
    rollout: shards(asked),
    passes: passes(asked),
    shardChanges: changes(inTurn.flatMap(shards)) / several,
    passChanges: changes(inTurn.flatMap(passes)) / several,
    validation: evaluated(lengths.validation, evaluation.validationItems, 1),
    test: evaluated(lengths.test, evaluation.testItems, 1),
    sampled: evaluation.samples > 0 ? evaluated(lengths.test, evaluation.testItems, evaluation.samples) : [],
    draws: 1 + rl.redraws,
    updates,
    validations: 1 + (evaluation.every > 0 ? Math.ceil(updates / evaluation.every) : Math.min(1, updates)),
    tests: updates > 0 ? 2 : 1,
  };
}

function changes(shapes: readonly unknown[]): number {
  const keys = shapes.map((shape) => JSON.stringify(shape));
  return keys.filter((key, i) => i > 0 && key !== keys[i - 1]).length;
}

/** Lengths with that mean: all of them the cap, or spread evenly from none to twice the mean, in no order. */
function completionLengths(count: number, expected: number, cap: number): number[] {
  if (expected >= cap) return new Array<number>(count).fill(cap);
  const stride = 1 + 2 * Math.round(0.309 * count); // far apart
  return Array.from({ length: count }, (_, i) => {
    const place = (i * stride % count + 0.5) / count;
    return Math.min(cap, Math.max(1, Math.round(2 * expected * place)));
  });
}

function aliveShare(lengths: readonly number[]): number {
  const segments = Math.ceil(Math.max(...lengths) / SEGMENT);
  const rows = Array.from({ length: segments }, (_, i) => lengths.filter((length) => length > i * SEGMENT).length);
  const kept = rows.map((alive) => Math.min(lengths.length, 2 ** Math.ceil(Math.log2(alive))));
  return kept.reduce((sum, count) => sum + count, 0) / (segments * lengths.length);
}

function updatesOf(rl: Config["rl"], asked: readonly number[], tokens: number): number {
  if (rl.tokens === 0) return rl.updates;
  const each = asked.reduce((sum, length) => sum + length, 0) + asked.length * rl.completions * tokens;
  return Math.ceil(rl.tokens / each);
}

function shardsOf(layout: Layout, lengths: readonly number[], group: number): Shard[] {
  const side = shardPrompts(layout, group), { prompt: multiple } = bucketsOf(layout.size), shards: Shard[] = [];
  for (let first = 0; first < lengths.length; first += side) {
    const prompts = lengths.slice(first, first + side).map((length) => new Int32Array(length));
    shards.push({ prompts: prompts.length, promptLength: promptBucket(prompts, multiple), group });
  }
  return shards;
}
