import { deepEqual, equal } from "node:assert/strict";
import { cosine, cosineReward } from "../../harness/arms/cosine.ts";
import { at, group, named, shaperOf } from "./groups.ts";

Deno.test("cosineReward() falls from 1 to 0.5 for a correct answer and rises from -1 to -0.5 for a wrong one", () => {
  equal(cosineReward(0, 200, true), 1);
  equal(cosineReward(100, 200, true), 0.75);
  equal(cosineReward(200, 200, true), 0.5);
  equal(cosineReward(0, 200, false), -1);
  equal(cosineReward(100, 200, false), -0.75);
  equal(cosineReward(200, 200, false), -0.5);
});

Deno.test("cosineReward() swings back beyond the cap, as released with characters", () => {
  equal(cosineReward(400, 200, true), 1);
  equal(cosineReward(400, 200, false), -1);
});

Deno.test("cosine counts tokens against the cap, or with unit=chars code points", async () => {
  const answers = [
    { text: "a".repeat(64), tokens: 32, correct: true },
    { text: "😀".repeat(32), tokens: 64, correct: false },
  ];
  const bonus = async (unit: string) => {
    const shaper = await shaperOf(cosine, { "rl.maxCompletionTokens": 64, "cosine.unit": unit });
    return named((await shaper.shape(at(0, [group("q", answers)])))[0]!, "cosine");
  };
  deepEqual(await bonus("tokens"), { name: "cosine", raw: [32, 64], values: [0.75, -0.5] });
  deepEqual(await bonus("chars"), { name: "cosine", raw: [64, 32], values: [0.5, -0.75] });
});
