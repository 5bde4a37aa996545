// Rollouts: questions of a task become graded groups of completions. The random stream of a sample is keyed by (seed,
// purpose, step, question, sample): equal policies give equal rollouts whatever the arm, the batch or the order.

import { MisuseError } from "../base/errors.ts";
import { stream } from "../base/prng.ts";
import type { Completion, RolloutGroup, Task, TaskItem } from "../contract.ts";
import type { PolicyTokenizer } from "../model/tokenizer.ts";
import type { Sampling } from "./decode_graph.ts";
import type { Resident } from "../runtime/session.ts";
import type { Draws, Sampler } from "./sampler.ts";

/** What turns items into groups, whatever the weights. */
export interface Asker {
  readonly task: Task;
  readonly tokenizer: PolicyTokenizer;
  readonly sampler: Sampler;
  readonly maxPromptTokens: number;
  readonly maxTokens: number;
}

/** Coordinates of a batch's random streams; the question's place in the batch and the sample are the rest. */
export interface RolloutKey {
  readonly seed: number;
  readonly purpose: "rollout" | "evaluate";
  readonly step: number;
  /** Place of the first question. */
  readonly first: number;
}

/** A group with what the learner needs beside it. */
export interface DrawnGroup extends RolloutGroup {
  readonly draws: readonly Draws[];
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
  const random = (question: number, sample: number) =>
    stream(key.seed, key.purpose, key.step, key.first + question, sample);
  const draws = await sampler.generate(weights, prompts, { group, maxTokens, sampling, random });
  return items.map((item, i) => {
    const completions = draws[i]!.map((draw) => completionOf(tokenizer, draw));
    const grades = completions.map(({ text, truncated }) => task.grade(item, text, truncated));
    return { item, promptTokens: prompts[i]!, completions, grades, draws: draws[i]! };
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

function completionOf(tokenizer: PolicyTokenizer, { tokens, probabilities, truncated }: Draws): Completion {
  return { tokens, probabilities, truncated, text: tokenizer.decode(tokens) };
}
