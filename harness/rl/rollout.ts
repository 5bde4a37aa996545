// Rollouts: questions of a task become graded groups of completions. The random stream of a sample is keyed by (seed,
// purpose, step, question, sample): equal policies give equal rollouts whatever the arm, the batch or the order.

import { MisuseError } from "../base/errors.ts";
import { stream } from "../base/prng.ts";
import type { Completion, RolloutGroup, Task, TaskItem } from "../contract.ts";
import type { PolicyTokenizer } from "../model/tokenizer.ts";
import type { Sampling } from "./decode_graph.ts";
import type { Resident } from "../runtime/session.ts";
import type { Draws } from "./generation.ts";
import type { Sampler } from "./sampler.ts";

/** What turns items into groups, whatever the weights. */
export interface Asker {
  readonly task: Task;
  readonly tokenizer: PolicyTokenizer;
  readonly sampler: Sampler;
  readonly maxPromptTokens: number;
  readonly maxTokens: number;
}

/** Coordinates of a batch's random streams; the sample is the last one. */
export interface RolloutKey {
  readonly seed: number;
  readonly purpose: "rollout" | "evaluate";
  readonly step: number;
  /** Place of each question in the step. */
  readonly places: readonly number[];
  /** Number of the first sample; not 0 where a question is drawn again. @default 0 */
  readonly firstSample?: number;
}

/** A group with what the learner needs beside it. */
export interface DrawnGroup extends RolloutGroup {
  readonly draws: readonly Draws[];
  /** The last so many completions are of an earlier policy. */
  readonly replayed: number;
}

/** Asks each question `group` times and grades the answers. @throws MisuseError where a prompt is too long */
export async function rollOut(
  asker: Asker,
  weights: Resident,
  items: readonly TaskItem[],
  group: number,
  sampling: Sampling,
  key: RolloutKey,
): Promise<DrawnGroup[]> {
  const { task, tokenizer, sampler, maxTokens } = asker;
  const prompts = items.map((item) => promptTokens(asker, item));
  const { seed, purpose, step, places, firstSample = 0 } = key;
  const random = (question: number, sample: number) =>
    stream(seed, purpose, step, places[question]!, firstSample + sample);
  const draws = await sampler.generate(weights, prompts, { group, maxTokens, sampling, random });
  return items.map((item, i) => {
    const completions = draws[i]!.map((draw) => completionOf(tokenizer, draw));
    const grades = completions.map(({ text, truncated }) => task.grade(item, text, truncated));
    return { item, promptTokens: prompts[i]!, completions, grades, draws: draws[i]!, replayed: 0 };
  });
}

function promptTokens({ task, tokenizer, maxPromptTokens }: Asker, item: TaskItem): Int32Array {
  const { tokens } = tokenizer.chat(task.prompt(item));
  if (tokens.length > maxPromptTokens) {
    throw new MisuseError(
      `Cannot ask "${item.id}": its prompt has ${tokens.length} tokens and rl.maxPromptTokens is ${maxPromptTokens}; raise it with --set rl.maxPromptTokens=${tokens.length}`,
    );
  }
  return tokens;
}

export function completionOf(tokenizer: PolicyTokenizer, { tokens, probabilities, truncated }: Draws): Completion {
  return { tokens, probabilities, truncated, text: tokenizer.decode(tokens) };
}
