// The released normalisation on cases computed by hand, and what remembering before scoring does: with vectors that know
// nothing of correctness, both bonuses still tell right from wrong.

import { deepEqual, equal, ok } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { EpisodicMemory } from "../../harness/memory/episodic_memory.ts";
import { exploit, explore } from "../../harness/memory/intrinsic.ts";
import { releasedExploit, releasedExplore } from "../../harness/memory/released_rewards.ts";
import { SlidingRange } from "../../harness/memory/sliding_range.ts";
import { randomUnit } from "./naive_memory.ts";

Deno.test("releasedExploit() is one minus the distance's place in the window, or one minus the distance", () => {
  const range = new SlidingRange(3, 0);
  equal(releasedExploit(null, range), 0);
  deepEqual(range.values(), []);
  equal(releasedExploit(-0.25, range), 0.75); // alone in the window
  equal(releasedExploit(-0.25, range), 0.75);
  equal(releasedExploit(-0.75, range), 0); // the farthest
  equal(releasedExploit(-0.5, range), 0.5); // between 0.25 and 0.75
  equal(releasedExploit(-0.625, range), 0.5); // 0.25 has left: between 0.5 and 0.75
});

Deno.test("releasedExplore() is the novelty's place in the window, or 0; with nothing to compare with it is 1", () => {
  const range = new SlidingRange(3, 0);
  equal(releasedExplore(null, range), 1);
  deepEqual(range.values(), []);
  equal(releasedExplore(0.5, range), 0);
  equal(releasedExplore(0.5, range), 0);
  equal(releasedExplore(1, range), 1);
  equal(releasedExplore(0.75, range), 0.5);
});

/** Mean bonus of wrong and of right responses, over groups of 16 whose vectors are independent of correctness. */
function meanBonuses(order: "as-released" | "score-first", correct: number) {
  const D = 24, random = stream(4, "leak", Math.round(100 * correct));
  const limits = { keys: 1000, values: 100, exactKeys: 1000 };
  const successes = new EpisodicMemory(D, limits), failures = new EpisodicMemory(D, limits);
  const near = new SlidingRange(100, 0), far = new SlidingRange(100, 0);
  const sums = { exploit: [0, 0], explore: [0, 0] }, counts = [0, 0];
  for (let question = 0; question < 150; question++) {
    const key = `${question}`, vector = randomUnit(random, D), centre = randomUnit(random, D);
    const group = Array.from({ length: 16 }, () => {
      const noise = randomUnit(random, D);
      const response = centre.map((value, i) => value + 0.8 * noise[i]!), length = Math.hypot(...response);
      return { response: response.map((value) => value / length), right: random.uniform() < correct ? 1 : 0 };
    });
    const remember = ({ response, right }: typeof group[number]) =>
      (right ? successes : failures).insert(key, vector, [response]);
    for (const each of group) {
      if (order === "as-released") remember(each);
      const { response, right } = each;
      sums.exploit[right]! += releasedExploit(exploit(response, successes.neighbours(vector, 1)), near);
      sums.explore[right]! += releasedExplore(explore(response, failures.neighbours(vector, 1)), far);
      counts[right]!++;
    }
    if (order === "score-first") group.forEach(remember);
  }
  const means = (of: readonly number[]) => ({ wrong: of[0]! / counts[0]!, right: of[1]! / counts[1]! });
  return { exploit: means(sums.exploit), explore: means(sums.explore) };
}

for (const correct of [0.1, 0.3, 0.5]) {
  Deno.test(`remembering before scoring tells right from wrong with blind vectors at ${correct} correct; after it, no`, () => {
    const leak = meanBonuses("as-released", correct);
    equal(leak.explore.wrong, 0); // its own copy is a cosine of 1 away
    ok(leak.explore.right > 0.25);
    ok(leak.exploit.right - leak.exploit.wrong > 0.15); // it is part of its own centroid
    const blind = meanBonuses("score-first", correct);
    ok(Math.abs(blind.explore.right - blind.explore.wrong) < 0.06);
    ok(Math.abs(blind.exploit.right - blind.exploit.wrong) < 0.06);
  });
}
