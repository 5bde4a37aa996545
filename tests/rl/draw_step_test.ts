// Groups of an update on a tiny random policy: what plain training draws, and what the two options change about it.

import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseConfig } from "../../harness/config.ts";
import { stream } from "../../harness/base/prng.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { type DrawSource, drawStep, hasMixedCorrectness, tokensOf } from "../../harness/rl/draw_step.ts";
import { QuestionOrder } from "../../harness/rl/question_order.ts";
import { Replay } from "../../harness/rl/replay.ts";
import type { DrawnGroup } from "../../harness/rl/rollout.ts";
import { lengthItems, withAsker } from "./length_task.ts";

const { rl } = parseConfig(
  { rl: { questions: 5, completions: 4, maxPromptTokens: 64, maxCompletionTokens: 10 } },
  "test",
);

async function withSource(work: (source: DrawSource) => Promise<void>): Promise<void> {
  await withAsker(async (asker, { weights }) => {
    const order = new QuestionOrder(lengthItems, 1);
    await work({ asker, weights: residentWeights(weights), order, replay: new Replay(), seed: 1 });
  });
}

const textsOf = (group: DrawnGroup) => group.completions.map(({ text }) => text);

Deno.test("drawStep() asks the next questions of the order, and equal places draw the same in groups of any size", async () => {
  await withSource(async (source) => {
    const plain = await drawStep(source, rl, 0, 2);
    deepStrictEqual(plain.asked, [2, 3, 4, 5, 6].map((place) => source.order.at(place)));
    deepStrictEqual(plain.groups, plain.first);
    deepStrictEqual(plain.discarded, { prompt: 0, completion: 0 });
    const big = await drawStep(source, { ...rl, questions: 2, completions: 8 }, 0, 2);
    for (const [i, group] of big.groups.entries()) {
      deepStrictEqual(textsOf(group).slice(0, 4), textsOf(plain.groups[i]!));
    }
  });
});

Deno.test("drawStep() draws groups without variance again, and counts what it threw away", async () => {
  await withSource(async (source) => {
    const two = { ...rl, completions: 2 }; // groups of two are often alike
    const plain = await drawStep(source, two, 3, 0), again = await drawStep(source, { ...two, redraws: 2 }, 3, 0);
    deepStrictEqual(again.first, plain.groups);
    let prompt = 0, completion = 0;
    for (const [i, group] of again.groups.entries()) {
      const before = plain.groups[i]!;
      deepStrictEqual(group.item, before.item);
      if (hasMixedCorrectness(before)) deepStrictEqual(group, before);
      else notDeepStrictEqual(textsOf(group), textsOf(before));
    }
    // By hand: every attempt throws away the groups that are still flat, except the last one's.
    let flat = plain.groups.map((group, i) => ({ group, i })).filter(({ group }) => !hasMixedCorrectness(group));
    ok(flat.length > 0 && flat.length < 5, "the seed must show both kinds");
    const once = await drawStep(source, { ...two, redraws: 1 }, 3, 0);
    for (const groups of [plain.groups, once.groups]) {
      flat = flat.filter(({ i }) => !hasMixedCorrectness(groups[i]!));
      const lost = tokensOf(flat.map(({ i }) => groups[i]!));
      prompt += lost.prompt;
      completion += lost.completion;
    }
    deepStrictEqual(again.discarded, { prompt, completion });
  });
});

Deno.test("drawStep() lets an earlier success join new completions of its question, with its old probabilities", async () => {
  await withSource(async (source) => {
    const first = await drawStep(source, rl, 0, 0);
    source.replay.add(first.groups);
    const kept = source.replay.size;
    strictEqual(kept, first.groups.filter(({ grades }) => grades.some(({ status }) => status === "correct")).length);
    ok(kept >= 2, "the seed must give two successes");
    const replayed = await drawStep(source, { ...rl, replay: 2 }, 1, 5);
    strictEqual(source.replay.size, kept - 2);
    strictEqual(replayed.asked.length, 3);
    deepStrictEqual(replayed.groups.map((group) => group.replayed), [0, 0, 0, 1, 1]);
    for (const group of replayed.groups.slice(3)) {
      const origin = first.groups.find(({ item }) => item.id === group.item.id)!;
      const i = origin.grades.findIndex(({ status }) => status === "correct");
      deepStrictEqual(group.draws.at(-1)!.tokens, origin.draws[i]!.tokens);
      deepStrictEqual(group.draws.at(-1)!.probabilities, origin.draws[i]!.probabilities);
      strictEqual(group.completions.at(-1)!.text, origin.completions[i]!.text);
      deepStrictEqual(group.grades.at(-1), origin.grades[i]);
      strictEqual(group.draws.length, 4);
      const { completion } = tokensOf([group]);
      strictEqual(completion, group.draws.slice(0, 3).reduce((sum, { tokens }) => sum + tokens.length, 0));
    }
  });
});

Deno.test("Replay keeps a question's latest success, not a replayed one, and goes on from what it saved", async () => {
  await withSource(async (source) => {
    const { groups } = await drawStep(source, rl, 0, 0), other = (await drawStep(source, rl, 7, 0)).groups;
    const replay = new Replay();
    replay.add(groups);
    const size = replay.size;
    replay.add(groups.map((group) => ({ ...group, replayed: group.draws.length }))); // nothing new in them
    strictEqual(replay.size, size);
    replay.add(other);
    const resumed = new Replay();
    resumed.load(replay.save());
    strictEqual(resumed.save(), replay.save());
    deepStrictEqual(resumed.take(9, stream(1, "test")), replay.take(9, stream(1, "test")));
    strictEqual(replay.size, 0);
  });
});
