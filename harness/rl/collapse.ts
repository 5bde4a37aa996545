// Says whether a training run has collapsed, by rules that are written down before it runs. The paper (arXiv 2504.02273,
// section 4.3) names collapses and shows curves; it gives no rule. Each rule compares means over the last `window` updates
// (now) with means over the first `window` (then); thresholds are the config's group `collapse`.
//
//   reward-mode   others(long) - others(then) >= formatRise * spread(then)  and  correctness is flat, (long) as well as
//                 (now), where (long) is the mean over the last `flatFor` updates, none of them among the first `window`:
//                 learning the layout first is how healthy training begins, so it gets time to learn to answer
//   length-short  length(now) <= shortShare * length(then)  and  correctness is flat: else it has become concise
//   length-cap    truncated(now) >= capShare > truncated(then)
//   diversity     distinct(now) <= distinct * distinct(then)  or  similarity(now) >= similarity > similarity(then)
//   entropy       entropy(now) <= entropy * entropy(then)
//
// Correctness is flat where it rose by less than `correctnessRise` since (then). `others` is the sum of the means of the
// task's other rewards, `spread` the sum of their standard deviations. No rule holds while correctness(now) is at
// `solved` or above: a policy that has learned is rightly certain. A kind is found once, where its rule first holds.
// The thresholds are measured: tests/peers/calibrate_collapses.ts.

import type { Config } from "../config.ts";
import type { Collapse, StepRecord } from "../contract.ts";

/** What the rules read of a step. */
export type CollapseSample = Readonly<
  Record<
    "correctness" | "others" | "spread" | "length" | "truncated" | "distinct" | "similarity" | "entropy",
    number
  >
>;

type Limits = Config["collapse"];
type Kind = Collapse["kind"];

/** The part of a step record that the rules read. @param others names of the task's rewards but correctness */
export function collapseSample(record: StepRecord, correctness: string, others: readonly string[]): CollapseSample {
  const momentsOf = (name: string) => {
    const moments = record.rewards[name];
    if (moments) return moments;
    throw new RangeError(`Cannot watch reward "${name}": step ${record.step} has none of this name`);
  };
  const known = (name: "distinct" | "similarity") => {
    const value = record[name];
    if (value !== null) return value;
    throw new RangeError(`Cannot watch ${name}: step ${record.step} does not say it (schema version 1)`);
  };
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    correctness: momentsOf(correctness).mean,
    others: sum(others.map((name) => momentsOf(name).mean)),
    spread: sum(others.map((name) => momentsOf(name).std)),
    length: record.completionLength,
    truncated: record.truncatedShare,
    distinct: known("distinct"),
    similarity: known("similarity"),
    entropy: record.entropy,
  };
}

/** Means of the samples over the three stretches; `long` is null while there are too few updates for it. */
interface Means {
  readonly then: CollapseSample;
  readonly now: CollapseSample;
  readonly long: CollapseSample | null;
}

const isFlat = (now: CollapseSample, then: CollapseSample, limits: Limits) =>
  now.correctness - then.correctness < limits.correctnessRise;

const rules: Readonly<Record<Kind, (means: Means, limits: Limits) => boolean>> = {
  "reward-mode": ({ then, now, long }, limits) => {
    if (long === null || !isFlat(now, then, limits) || !isFlat(long, then, limits)) return false;
    const rise = long.others - then.others;
    return rise > 0 && rise >= limits.formatRise * then.spread;
  },
  "length-short": ({ then, now }, limits) => now.length <= limits.shortShare * then.length && isFlat(now, then, limits),
  "length-cap": ({ then, now }, { capShare }) => now.truncated >= capShare && then.truncated < capShare,
  "diversity": ({ then, now }, { distinct, similarity }) =>
    now.distinct <= distinct * then.distinct || (now.similarity >= similarity && then.similarity < similarity),
  "entropy": ({ then, now }, { entropy }) => now.entropy <= entropy * then.entropy,
};
const kinds = Object.keys(rules) as readonly Kind[]; // the record's keys are its type's

/** What a run's samples show, in the order in which it showed; the first sample is that of step 1. */
export function findCollapses(samples: readonly CollapseSample[], limits: Limits): Collapse[] {
  const { window, solved, flatFor } = limits, found: Collapse[] = [];
  const then = meanOf(samples.slice(0, window));
  for (let step = window; step <= samples.length; step++) {
    const last = (count: number) => meanOf(samples.slice(step - count, step)), now = last(window);
    if (now.correctness >= solved) continue;
    const means = { then, now, long: step < window + flatFor ? null : last(flatFor) };
    for (const kind of kinds) {
      if (rules[kind](means, limits) && !found.some((collapse) => collapse.kind === kind)) found.push({ kind, step });
    }
  }
  return found;
}

function meanOf(samples: readonly CollapseSample[]): CollapseSample {
  const mean = (name: keyof CollapseSample) =>
    samples.reduce((total, sample) => total + sample[name], 0) / samples.length;
  return {
    correctness: mean("correctness"),
    others: mean("others"),
    spread: mean("spread"),
    length: mean("length"),
    truncated: mean("truncated"),
    distinct: mean("distinct"),
    similarity: mean("similarity"),
    entropy: mean("entropy"),
  };
}
