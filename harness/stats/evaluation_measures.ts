// Everything that an evaluation says, from its one set of samples: each question's greedy completion and the k that were
// drawn. Shares are means over questions. The greedy accuracy has Wilson's interval, every other number a percentile
// bootstrap over questions, all from the same draws.
//
// Gold selects nothing: the vote counts answers, best-of-k goes by log-probability or by the rewards that are not
// correctness. Only pass@k looks for a right one.

import type { EvaluationMeasures, EvaluationSample, ModeMeasures } from "../records/evaluation_record.ts";
import { mean } from "./aggregates.ts";
import { bestOfN } from "./best_of_n.ts";
import type { Estimate } from "./estimate.ts";
import { mcnemar } from "./mcnemar.ts";
import { majAtK, passAtK } from "./pass_at_k.ts";
import { SharedBootstrap } from "./shared_bootstrap.ts";
import { budgetsBelow } from "./token_budgets.ts";
import { wilson } from "./wilson.ts";

/** A question's samples. */
export interface SampledQuestion {
  readonly greedy: EvaluationSample;
  /** At least one, as many for every question. */
  readonly drawn: readonly EvaluationSample[];
  /** What each of the drawn votes for: the same text for the same answer; null without an answer. */
  readonly votes: readonly (string | null)[];
}

/** What must be known beside the samples. */
export interface MeasureOptions {
  /** Name of the reward that pays for being right. */
  readonly correctness: string;
  /** Length cap of the completions. */
  readonly maxTokens: number;
}

/** One measure: a score of each question, in their order. */
interface Measure {
  readonly name: string;
  /** "share": 0 to 1; higher is better. "tokens": neither. */
  readonly unit: "share" | "tokens";
  readonly values: Float64Array;
}

const isRight = ({ status }: EvaluationSample) => status === "correct";
const rightness = (sample: EvaluationSample) => isRight(sample) ? 1 : 0;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** @throws RangeError without a question, or where one has not as many drawn completions and votes as the others */
export function measuresOf(questions: readonly SampledQuestion[], options: MeasureOptions): EvaluationMeasures {
  const bootstrap = new SharedBootstrap(), n = questions.length;
  const asked = new Map(
    measuresByQuestion(questions, options).map(({ name, values }) => [name, bootstrap.mean(values)]),
  );
  const greedy = modeOf(questions.map(({ greedy }) => [greedy]), bootstrap);
  const sampled = modeOf(questions.map(({ drawn }) => drawn), bootstrap);
  const at = (name: string) => asked.get(name)!();
  const greedyAt = (right: (greedy: EvaluationSample) => number) =>
    wilson(sum(questions.map(({ greedy }) => right(greedy))), n);
  return {
    greedy: greedy(greedyAt(rightness)),
    sampled: sampled(at(SAMPLED)),
    atK: countsUpTo(questions[0]!.drawn.length).map((k) => {
      const [pass, majority, likeliest, bestFormat] = namesAt(k).map(at);
      return { k, pass: pass!, majority: majority!, likeliest: likeliest!, bestFormat: bestFormat! };
    }),
    atBudget: budgetsUpTo(options.maxTokens).map((tokens) => ({
      tokens,
      greedy: greedyAt((one) => rightWithin(one, tokens)),
      sampled: at(withinName(tokens)),
    })),
  };
}

/** What a paired comparison says of one measure. */
export interface EvaluationDifference {
  readonly name: string;
  readonly unit: Measure["unit"];
  readonly a: number;
  readonly b: number;
  /** b - a, with a percentile bootstrap over questions. */
  readonly difference: Estimate;
  /** McNemar's exact p, of what is right or wrong in both; else null. */
  readonly p: number | null;
}

/**
 * Two policies on the same questions, measure by measure.
 * @throws RangeError for other questions, another number of samples, or a cap that is not the same
 */
export function compareEvaluations(
  a: readonly SampledQuestion[],
  b: readonly SampledQuestion[],
  options: MeasureOptions,
): EvaluationDifference[] {
  const ids = (questions: readonly SampledQuestion[]) => questions.map(({ greedy }) => greedy.id).join("\n");
  if (ids(a) !== ids(b) || a[0]?.drawn.length !== b[0]?.drawn.length) {
    throw new RangeError("Cannot compare evaluations: they must be of the same questions and numbers of samples");
  }
  const ofB = measuresByQuestion(b, options), bootstrap = new SharedBootstrap();
  return measuresByQuestion(a, options).map(({ name, unit, values }, i) => {
    const others = ofB[i]!.values, difference = bootstrap.mean(values.map((value, q) => others[q]! - value));
    return { name, unit, values, others, difference };
  }).map(({ name, unit, values, others, difference }) => {
    const only = (some: Float64Array, other: Float64Array) => some.filter((value, q) => value > other[q]!).length;
    const binary = [...values, ...others].every((value) => value === 0 || value === 1);
    return {
      name,
      unit,
      a: mean([...values]),
      b: mean([...others]),
      difference: difference(),
      p: binary ? mcnemar(only(values, others), only(others, values)) : null,
    };
  });
}

const GREEDY = "greedy accuracy", SAMPLED = "sampling accuracy";
const withinName = (tokens: number) => `sampling accuracy within ${tokens} tokens`;
const namesAt = (k: number) => [`pass@${k}`, `maj@${k}`, `best of ${k} by likelihood`, `best of ${k} by format`];

/** Every measure that is a mean over questions. */
function measuresByQuestion(
  questions: readonly SampledQuestion[],
  { correctness, maxTokens }: MeasureOptions,
): Measure[] {
  const k = questions[0]?.drawn.length ?? 0;
  if (k === 0 || !questions.every(({ drawn, votes }) => drawn.length === k && votes.length === k)) {
    throw new RangeError("Cannot measure: there must be questions, each with as many drawn completions and votes");
  }
  const measure = (name: string, score: (question: SampledQuestion) => number, unit: Measure["unit"] = "share") => ({
    name,
    unit,
    values: Float64Array.from(questions, score),
  });
  const drawnMean = (of: (sample: EvaluationSample) => number) => ({ drawn }: SampledQuestion) => mean(drawn.map(of));
  return [
    measure(GREEDY, ({ greedy }) => rightness(greedy)),
    measure(SAMPLED, drawnMean(rightness)),
    ...countsUpTo(k).flatMap((k) => {
      const [pass, majority, likeliest, bestFormat] = namesAt(k);
      return [
        measure(pass!, ({ drawn }) => passAtK(drawn.length, drawn.filter(isRight).length, k)),
        measure(majority!, (question) => majorityAt(question, k)),
        measure(likeliest!, ({ drawn }) => bestOfN(drawn.map(likelihoodOf), drawn.map(rightness), k)),
        measure(
          bestFormat!,
          ({ drawn }) => bestOfN(drawn.map((one) => formatOf(one, correctness)), drawn.map(rightness), k),
        ),
      ];
    }),
    ...budgetsUpTo(maxTokens).map((tokens) =>
      measure(withinName(tokens), drawnMean((one) => rightWithin(one, tokens)))
    ),
    measure("greedy length", ({ greedy }) => greedy.tokens, "tokens"),
    measure("sampled length", drawnMean(({ tokens }) => tokens), "tokens"),
  ];
}

/** 1, 2, 4 … below k, and k. */
function countsUpTo(k: number): number[] {
  const counts: number[] = [];
  for (let count = 1; count < k; count *= 2) counts.push(count);
  return [...counts, k];
}

/** 8, 16, 32 … below the cap, and the cap. */
const budgetsUpTo = (maxTokens: number) => [...budgetsBelow(maxTokens), maxTokens];

/** Whether a completion is correct, cut after so many tokens. */
function rightWithin(sample: EvaluationSample, tokens: number): number {
  if (sample.tokens <= tokens) return rightness(sample);
  return sample.correctAt.includes(tokens) ? 1 : 0;
}

/** The vote's winner among k is right: it is, if whoever voted for it first is. */
function majorityAt({ drawn, votes }: SampledQuestion, k: number): number {
  const right = votes.filter((vote, i) => vote !== null && votes.indexOf(vote) === i && isRight(drawn[i]!));
  return sum(right.map((vote) => majAtK(votes, vote ?? "", k)));
}

/** Mean ln p a token. */
const likelihoodOf = ({ logProbability, tokens }: EvaluationSample) => logProbability / tokens;

/** What it earns beside being right. */
const formatOf = ({ rewards }: EvaluationSample, correctness: string) =>
  sum(Object.entries(rewards).filter(([name]) => name !== correctness).map(([, value]) => value));

/** A mode's description, once its accuracy is known. */
function modeOf(
  questions: readonly (readonly EvaluationSample[])[],
  bootstrap: SharedBootstrap,
): (accuracy: Estimate) => ModeMeasures {
  type Which = (sample: EvaluationSample) => boolean;
  const every: Which = () => true, isWrong: Which = (sample) => !isRight(sample);
  /** Mean over the completions that are meant, of whatever question. */
  const average = (which: Which, of: (sample: EvaluationSample) => number) => {
    const meant = questions.map((samples) => samples.filter(which));
    return bootstrap.ratio(
      Float64Array.from(meant, (samples) => sum(samples.map(of))),
      Float64Array.from(meant, (samples) => samples.length),
    );
  };
  const all = questions.flat(), statuses = Map.groupBy(all, ({ status }) => status);
  const lengthOf = (which: Which) => {
    const lengths = all.filter(which).map(({ tokens }) => tokens).sort((a, b) => a - b);
    const [median, p95] = [0.5, 0.95].map((p) => lengths[Math.ceil(p * lengths.length) - 1]);
    const meanLength = average(which, ({ tokens }) => tokens);
    return () => {
      const mean = meanLength();
      return mean && { completions: lengths.length, mean, median: median!, p95: p95! };
    };
  };
  const found = (sample: EvaluationSample) => sample.firstCorrect ?? sample.tokens;
  const length = { all: lengthOf(every), correct: lengthOf(isRight), wrong: lengthOf(isWrong) };
  const firstCorrect = average(isRight, found), waste = average(isRight, (one) => 1 - found(one) / one.tokens);
  const lost = average(isWrong, ({ firstCorrect }) => firstCorrect === null ? 0 : 1);
  const reflected = average(every, ({ reflections }) => reflections);
  return (accuracy) => ({
    completions: all.length,
    accuracy,
    statuses: Object.fromEntries([...statuses].map(([status, some]) => [status, some.length])),
    truncated: all.filter(({ truncated }) => truncated).length / all.length,
    rewards: Object.fromEntries(rewardNames(all).map((name) => [name, mean(all.map(({ rewards }) => rewards[name]!))])),
    length: { all: length.all(), correct: length.correct(), wrong: length.wrong() },
    firstCorrect: firstCorrect(),
    waste: waste(),
    lost: lost(),
    reflections: reflected()!,
  });
}

function rewardNames(samples: readonly EvaluationSample[]): string[] {
  return [...new Set(samples.flatMap(({ rewards }) => Object.keys(rewards)))].sort();
}
