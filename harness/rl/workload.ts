// What a cell will run, counted before anything does: shards of the sampler and passes of the learner, by shape, for
// prompts of known lengths and completions of an expected length. The cutting is the sampler's and the learner's own.

import type { Config } from "../config.ts";
import type { Arm } from "../contract.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import { type CompletionShape, passesOf, type SampleGroup } from "./learner.ts";
import { sequencePasses } from "./supervise.ts";
import type { SequenceShape } from "./train_graph.ts";
import { bucketsOf, promptBucket, roundUp, SEGMENT, shardPrompts } from "./run_shapes.ts";

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
  /** Shapes of shards that occur in the long run, evaluations included, and of passes in a number. */
  readonly shardShapes: readonly Shard[];
  readonly passShapes: number;
  /** Rows end before others: decoders of fewer rows take over. */
  readonly shrinks: boolean;
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

/** @param expected tokens of a completion in the mean; null: it is not known, and counts as the cap */
export function workloadOf(
  model: ModelConfig,
  layout: Layout,
  { rl, evaluation }: Pick<Config, "rl" | "evaluation">,
  { trains }: Pick<Arm, "trains">,
  lengths: PromptLengths,
  expected: number | null,
): Workload {
  const cap = rl.maxCompletionTokens, mean = Math.min(expected ?? cap, cap);
  const drawn = completionLengths(rl.questions * rl.completions, mean, cap);
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
  const updates = trains ? updatesOf(rl, asked, mean) : 0, alive = aliveShare(drawn);
  const inEvaluation = {
    validation: evaluated(lengths.validation, evaluation.validationItems, 1),
    test: evaluated(lengths.test, evaluation.testItems, 1),
    sampled: evaluation.samples > 0 ? evaluated(lengths.test, evaluation.testItems, evaluation.samples) : [],
  };
  const inTraining = updates > 0 ? { shards: inTurn.flatMap(shards), passes: inTurn.flatMap(passes) } : null;
  const bucket = bucketsOf(layout.size).completion, longest = roundUp(cap, bucket);
  const lengthShapes = 1 + (longest - roundUp(expected === null ? 1 : mean, bucket)) / bucket;
  return {
    tokens: Math.max(...drawn),
    alive,
    shrinks: expected === null || alive < 1,
    rollout: shards(asked),
    passes: passes(asked),
    ...inEvaluation,
    shardShapes: distinct([...inTraining?.shards ?? [], ...Object.values(inEvaluation).flat()]),
    passShapes: distinct((inTraining?.passes ?? []).map((shape) => ({ ...shape, length: 0 }))).length * lengthShapes,
    shardChanges: changes(inTraining?.shards ?? []) / several,
    passChanges: changes(inTraining?.passes ?? []) / several,
    draws: 1 + rl.redraws,
    updates,
    validations: 1 + (evaluation.every > 0 ? Math.ceil(updates / evaluation.every) : Math.min(1, updates)),
    tests: updates > 0 ? 2 : 1,
  };
}

/** A warm-up's work: the passes of one update, and how often shapes change in it. */
export interface WarmUpWork {
  readonly passes: readonly SequenceShape[];
  readonly passShapes: number;
  readonly passChanges: number;
}

/** @param lengths tokens of demonstrations, `questions` of them an update */
export function warmUpWork(
  model: ModelConfig,
  layout: Layout,
  questions: number,
  lengths: readonly number[],
): WarmUpWork {
  const several = Math.max(1, Math.floor(lengths.length / questions));
  const inTurn = Array.from({ length: several }, (_, i) => {
    const batch = lengths.slice(i * questions, (i + 1) * questions);
    const { passes, length } = sequencePasses(batch, (tokens) => tokens, model, layout);
    return passes.map((pass): SequenceShape => ({ kind: "sequences", length, batch: pass.length }));
  });
  return {
    passes: inTurn.toSorted((a, b) => a[0]!.length - b[0]!.length)[several >> 1]!,
    passShapes: distinct(inTurn.flat()).length,
    passChanges: changes(inTurn.flat()) / several,
  };
}

function distinct<T>(shapes: readonly T[]): T[] {
  return [...new Map(shapes.map((shape) => [JSON.stringify(shape), shape])).values()];
}

function changes(shapes: readonly unknown[]): number {
  const keys = shapes.map((shape) => JSON.stringify(shape));
  return keys.filter((key, i) => i > 0 && key !== keys[i - 1]).length;
}

/** Lengths with that mean, in no order: spread evenly from none to twice the mean, or to the cap and so many of them it. */
function completionLengths(count: number, mean: number, cap: number): number[] {
  const stride = 1 + 2 * Math.round(0.309 * count); // far apart
  const top = Math.min(2 * mean, cap), spread = Math.min(1, 2 * (1 - mean / cap)); // the share that is spread
  return Array.from({ length: count }, (_, i) => {
    const place = (i * stride % count + 0.5) / count;
    return place < spread ? Math.max(1, Math.round(top * place / spread)) : cap;
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
