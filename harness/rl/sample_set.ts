// The set of samples of an evaluation: of each question the greedy completion, number 0, and k drawn ones, 1 to k. What a
// sample draws is keyed by (seed, question's place, number), so that more questions or a larger k add to the set and
// change nothing in it, and whatever is missing can be drawn by itself.

import { MisuseError } from "../base/errors.ts";
import type { ItemSource, Split, Task } from "../contract.ts";
import type { EvaluationSample } from "../records/evaluation_record.ts";
import type { Resident } from "../runtime/session.ts";
import type { Sampling } from "./decode_graph.ts";
import { askInBatches, GREEDY, sampleRecord } from "./evaluate.ts";
import type { Asker, DrawnGroup } from "./rollout.ts";
import type { SampleJob } from "./sample_jobs.ts";
import { thinkingOf } from "./thinking.ts";

/** What is asked, beside the jobs. */
export interface SetOptions {
  readonly split: Split;
  readonly items: ItemSource;
  readonly seed: number;
  readonly sampling: Omit<Sampling, "greedy">;
  readonly batch: number;
  /** Called before every batch; what it throws ends the drawing. */
  readonly pause: () => Promise<void>;
}

/** Draws what the jobs name; each batch goes through `emit` as soon as it is done. */
export async function drawSamples(
  asker: Asker,
  weights: Resident,
  jobs: readonly SampleJob[],
  { split, items, seed, sampling, batch, pause }: SetOptions,
  emit: (batch: readonly EvaluationSample[]) => void,
): Promise<void> {
  for (const { places, first, count } of jobs) {
    const isGreedy = first === 0;
    const how = isGreedy
      ? { group: 1, sampling: GREEDY }
      : { group: count, firstSample: first - 1, sampling: { greedy: false, ...sampling } };
    let at = 0;
    for await (const groups of askInBatches(asker, weights, { ...how, items, places, seed, batch, pause })) {
      emit(groups.flatMap((group) => {
        const place = places[at++]!;
        return group.completions.map((_, i) => sampleOf(asker, split, group, i, place, first + i));
      }));
    }
  }
}

function sampleOf(
  { task, tokenizer }: Asker,
  split: Split,
  group: DrawnGroup,
  at: number,
  place: number,
  sample: number,
): EvaluationSample {
  const completion = group.completions[at]!, grade = group.grades[at]!;
  return {
    ...sampleRecord(task, split, group, at, sample),
    place,
    truncated: completion.truncated,
    logProbability: completion.probabilities.reduce((sum, p) => sum + Math.log(p), 0),
    ...thinkingOf(task, tokenizer, group.item, completion, grade),
  };
}

/**
 * Tokens of the longest prompt.
 * @throws MisuseError where a prompt and a completion of `maxTokens` do not fit the context
 */
export function longestPrompt(
  task: Task,
  { tokenizer }: Pick<Asker, "tokenizer">,
  items: ItemSource,
  jobs: readonly SampleJob[],
  { maxTokens, context }: { readonly maxTokens: number; readonly context: number },
): number {
  let longest = 0;
  for (const place of new Set(jobs.flatMap(({ places }) => places))) {
    const item = items.item(place), { length } = tokenizer.chat(task.prompt(item)).tokens;
    if (length + maxTokens > context) {
      throw new MisuseError(
        `Cannot ask "${item.id}": its prompt of ${length} tokens and ${maxTokens} new ones exceed the context of ` +
          `${context} … lower --max-tokens or --shots`,
      );
    }
    longest = Math.max(longest, length);
  }
  return longest;
}
