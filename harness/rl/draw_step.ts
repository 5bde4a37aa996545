// The groups of one update: which questions are asked, how often, and what is thrown away. Plain training asks the next
// questions of the order once. Two options change that, and what they draw in vain counts against the token budget:
//   rl.redraws  a group that is all correct or all wrong is drawn again (DAPO, arXiv 2503.14476, takes fresh questions
//               instead; here the order of the questions stays that of the other arms)
//   rl.replay   some of the questions are earlier ones, with one old success among the new completions

import type { Config } from "../config.ts";
import { stream } from "../base/prng.ts";
import type { TaskItem, TokenCount } from "../contract.ts";
import type { Resident } from "../runtime/session.ts";
import { hasVariance } from "./advantage.ts";
import type { QuestionOrder } from "./question_order.ts";
import type { Replay, Success } from "./replay.ts";
import { type Asker, completionOf, type DrawnGroup, rollOut, type RolloutKey } from "./rollout.ts";

/** What an update is made of. */
export interface DrawnStep {
  readonly groups: readonly DrawnGroup[];
  /** The new questions, in the order in which they were asked. */
  readonly asked: readonly TaskItem[];
  /** The groups as they were drawn first. */
  readonly first: readonly DrawnGroup[];
  readonly discarded: TokenCount;
}

/** What steps draw from. */
export interface DrawSource {
  readonly asker: Asker;
  readonly weights: Resident;
  readonly order: QuestionOrder;
  readonly replay: Replay;
  readonly seed: number;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Prompt and completion tokens that groups took; replayed completions were paid for earlier. */
export function tokensOf(groups: readonly DrawnGroup[]): TokenCount {
  return {
    prompt: sum(groups.map(({ promptTokens }) => promptTokens.length)),
    completion: sum(
      groups.map(({ draws, replayed }) =>
        sum(draws.slice(0, draws.length - replayed).map(({ tokens }) => tokens.length))
      ),
    ),
  };
}

/** Whether a group holds correct and wrong completions. */
export const hasMixedCorrectness = ({ grades }: DrawnGroup): boolean => hasVariance(grades.map((g) => g.rewards[0]!));

/** @param place of the first new question in the order */
export async function drawStep(
  { asker, weights, order, replay, seed }: DrawSource,
  rl: Config["rl"],
  step: number,
  place: number,
): Promise<DrawnStep> {
  const sampling = { greedy: false, temperature: rl.temperature, topK: rl.topK, topP: rl.topP };
  const draw = (items: readonly TaskItem[], completions: number, key: Pick<RolloutKey, "places" | "firstSample">) =>
    rollOut(asker, weights, items, completions, sampling, { seed, purpose: "rollout", step, ...key });
  const old = replay.take(rl.replay, stream(seed, "replay", step));
  const asked = Array.from({ length: rl.questions - old.length }, (_, i) => order.at(place + i));
  const first = await draw(asked, rl.completions, { places: asked.map((_, i) => i) });

  const groups = [...first];
  let prompt = 0, completion = 0;
  for (let attempt = 1; attempt <= rl.redraws; attempt++) {
    const flat = groups.flatMap((group, i) => hasMixedCorrectness(group) ? [] : [i]);
    if (flat.length === 0) break;
    const lost = tokensOf(flat.map((i) => groups[i]!));
    prompt += lost.prompt;
    completion += lost.completion;
    const again = await draw(flat.map((i) => asked[i]!), rl.completions, {
      places: flat,
      firstSample: attempt * rl.completions,
    });
    flat.forEach((i, at) => groups[i] = again[at]!);
  }

  if (old.length > 0) {
    const places = old.map((_, i) => asked.length + i);
    const fresh = await draw(old.map(({ item }) => item), rl.completions - 1, { places });
    groups.push(...fresh.map((group, i) => joined(asker, group, old[i]!)));
  }
  return { groups, asked, first, discarded: { prompt, completion } };
}

/** The group with an earlier success as its last completion. */
function joined({ tokenizer }: Asker, group: DrawnGroup, { tokens, probabilities, grade }: Success): DrawnGroup {
  const draws = {
    tokens: Int32Array.from(tokens),
    probabilities: Float32Array.from(probabilities),
    kept: null,
    truncated: false,
  };
  return {
    ...group,
    draws: [...group.draws, draws],
    completions: [...group.completions, completionOf(tokenizer, draws)],
    grades: [...group.grades, grade],
    replayed: 1,
  };
}
