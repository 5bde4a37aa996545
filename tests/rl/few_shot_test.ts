import { deepEqual, equal, throws } from "node:assert/strict";
import type { ItemSource } from "../../harness/contract.ts";
import { drawShots, withShots } from "../../harness/rl/few_shot.ts";
import { arithmetic } from "../../tasks/arithmetic.ts";

const five: ItemSource = { size: 5, item: (i) => ({ id: `${i}`, question: `${i}?`, gold: `${i}` }) };
const ids = (source: ItemSource, count: number, seed: number) => drawShots(source, count, seed).map(({ id }) => id);

Deno.test("drawShots() depends on the seed alone, repeats nothing, and begins more with fewer", async () => {
  const { splits: { train } } = await arithmetic.load({ dataDir: null, level: 2 });
  for (const source of [five, train]) {
    deepEqual(ids(source, 3, 0), ids(source, 5, 0).slice(0, 3));
    equal(new Set(ids(source, 5, 0)).size, 5);
    equal(ids(source, 5, 0).join() === ids(source, 5, 1).join(), false);
  }
  deepEqual(ids(five, 0, 0), []);
  throws(() => drawShots(five, 6, 0), /Cannot use --shots 6: the training split has 5 questions/);
});

Deno.test("withShots() puts examples as turns between what the system is told and the question", () => {
  const item = arithmetic.example.item,
    shots = drawShots(five, 2, 0),
    asked = withShots(arithmetic, shots).prompt(item);
  const [system, question] = arithmetic.prompt(item);
  const turns = shots.flatMap((shot) => [
    { role: "user", content: shot.question },
    { role: "assistant", content: arithmetic.answer(shot, shot.gold, shot.solution) },
  ]);
  deepEqual(asked, [system, ...turns, question]);
  for (const shot of shots) equal(arithmetic.grade(shot, arithmetic.answer(shot, shot.gold), false).status, "correct");
  equal(withShots(arithmetic, []), arithmetic);
});
