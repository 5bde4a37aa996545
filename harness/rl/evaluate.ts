// Held-out evaluation: the share of questions answered correctly, by the task's grader and apart from any reward.
// Items are the first n of the split, so that every arm and seed answers the same ones. Whoever evaluates, in a cell or
// without one, asks, samples and grades through `askInBatches`, and writes down what came of it by `sampleRecord`.

import type { Config } from "../config.ts";
import type { EvaluationRecord, ItemSource, SampleRecord, Split, Task } from "../contract.ts";
import { statusCounts } from "../records/status_counts.ts";
import type { Resident } from "../runtime/session.ts";
import type { Sampling } from "./decode_graph.ts";
import { type Asker, type DrawnGroup, rollOut } from "./rollout.ts";

export const GREEDY: Sampling = { greedy: true, temperature: 1, topK: 0, topP: 1 };
const SAMPLED: Sampling = { greedy: false, temperature: 1, topK: 0, topP: 1 };

/** Which questions are asked, and how. */
export interface Asking {
  readonly items: ItemSource;
  /** Positions of the questions in `items`: coordinates of the random streams. */
  readonly places: readonly number[];
  /** Completions of each. */
  readonly group: number;
  /** Coordinate of the first of them. @default 0 */
  readonly firstSample?: number;
  readonly sampling: Sampling;
  readonly seed: number;
  /** Completions generated side by side; no sample depends on it. */
  readonly batch: number;
  /** Called before every batch; what it throws ends the asking. */
  readonly pause?: () => Promise<void>;
}

/** Puts questions to a policy and grades what it says: a group for each place, in order, batch after batch. */
export async function* askInBatches(
  asker: Asker,
  weights: Resident,
  { items, places, group, firstSample = 0, sampling, seed, batch, pause }: Asking,
): AsyncGenerator<DrawnGroup[]> {
  const side = Math.max(1, Math.floor(batch / group));
  for (let first = 0; first < places.length; first += side) {
    await pause?.();
    const some = places.slice(first, first + side);
    // The same numbers at every step: curves differ by the policy, not by the draw.
    const key = { seed, purpose: "evaluate", step: 0, places: some, firstSample } as const;
    yield await rollOut(asker, weights, some.map((place) => items.item(place)), group, sampling, key);
  }
}

/** A completion of a group as a line. @param sample its number: 0 for a greedy one, from 1 for those that were drawn */
export function sampleRecord(
  { rewards: names }: Task,
  split: Split,
  { item, completions, grades }: DrawnGroup,
  at: number,
  sample: number,
): SampleRecord {
  const { text, tokens } = completions[at]!, { extracted, status, rewards } = grades[at]!;
  return {
    id: item.id,
    split,
    sample,
    question: item.question,
    gold: item.gold,
    completion: text,
    extracted,
    status,
    rewards: Object.fromEntries(names.map((name, i) => [name, rewards[i]!])),
    tokens: tokens.length,
  };
}

/** What is evaluated. */
export interface EvaluationOptions {
  readonly split: Split;
  readonly items: ItemSource;
  readonly n: number;
  /** Updates done before. */
  readonly step: number;
  /** 0: greedy, one completion a question. Otherwise so many samples at temperature 1. */
  readonly samples: number;
  readonly seed: number;
  readonly batch: Config["evaluation"]["batch"];
  /** Called before every batch; what it throws ends the evaluation. */
  readonly pause?: () => Promise<void>;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Evaluates a policy. Each question's samples come in the order of the items; a greedy one is number 0, drawn ones are
 * numbered from 1, so that both of one question can stand in one list.
 */
export async function evaluate(
  asker: Asker,
  weights: Resident,
  options: EvaluationOptions,
): Promise<{ record: EvaluationRecord; samples: SampleRecord[] }> {
  const { split, items, step, seed, batch } = options,
    n = Math.min(options.n, items.size),
    group = Math.max(1, options.samples);
  const groups: DrawnGroup[] = [], places = Array.from({ length: n }, (_, place) => place);
  const sampling = options.samples > 0 ? SAMPLED : GREEDY, asking = { items, places, group, sampling, seed, batch };
  const pausing = options.pause ? { ...asking, pause: options.pause } : asking;
  for await (const some of askInBatches(asker, weights, pausing)) groups.push(...some);
  const names = asker.task.rewards, grades = groups.flatMap((g) => g.grades);
  const right = groups.map((g) => g.grades.map(({ status }) => status === "correct" ? 1 : 0));
  const record: EvaluationRecord = {
    step,
    split,
    mode: options.samples > 0 ? "sample" : "greedy",
    n,
    samples: group,
    accuracy: mean(right.map(mean)),
    passAtSamples: mean(right.map((row) => Math.max(...row))),
    statuses: statusCounts(grades.map(({ status }) => status)),
    rewards: Object.fromEntries(names.map((name, i) => [name, mean(grades.map((grade) => grade.rewards[i]!))])),
    completionLength: mean(groups.flatMap((g) => g.completions.map(({ tokens }) => tokens.length))),
  };
  const samples = groups.flatMap((drawn) =>
    drawn.completions.map((_, i) => sampleRecord(asker.task, split, drawn, i, options.samples > 0 ? i + 1 : 0))
  );
  return { record, samples };
}
