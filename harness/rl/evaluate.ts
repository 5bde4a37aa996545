// Held-out evaluation: the share of questions answered correctly, by the task's grader and apart from any reward.
// Items are the first n of the split, so that every arm and seed answers the same ones.

import type { Config } from "../config.ts";
import type { EvaluationRecord, ItemSource, SampleRecord, Split } from "../contract.ts";
import { statusCounts } from "../records/status_counts.ts";
import type { Resident } from "../runtime/session.ts";
import type { Sampling } from "./decode_graph.ts";
import { type Asker, type DrawnGroup, rollOut } from "./rollout.ts";

const GREEDY: Sampling = { greedy: true, temperature: 1, topK: 0, topP: 1 };
const SAMPLED: Sampling = { greedy: false, temperature: 1, topK: 0, topP: 1 };

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
  const groups: DrawnGroup[] = [], side = Math.max(1, Math.floor(batch / group));
  for (let first = 0; first < n; first += side) {
    await options.pause?.();
    const places = Array.from({ length: Math.min(side, n - first) }, (_, i) => first + i);
    const asked = places.map((place) => items.item(place));
    // The same numbers at every step: curves differ by the policy, not by the draw.
    groups.push(
      ...await rollOut(asker, weights, asked, group, options.samples > 0 ? SAMPLED : GREEDY, {
        seed,
        purpose: "evaluate",
        step: 0,
        places,
      }),
    );
  }
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
  const samples = groups.flatMap(({ item, completions, grades }) =>
    completions.map(({ text, tokens }, sample): SampleRecord => ({
      id: item.id,
      split,
      sample: options.samples > 0 ? sample + 1 : 0,
      question: item.question,
      gold: item.gold,
      completion: text,
      extracted: grades[sample]!.extracted,
      status: grades[sample]!.status,
      rewards: Object.fromEntries(names.map((name, i) => [name, grades[sample]!.rewards[i]!])),
      tokens: tokens.length,
    }))
  );
  return { record, samples };
}
