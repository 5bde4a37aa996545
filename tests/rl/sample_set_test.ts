import { deepEqual, equal, ok, throws } from "node:assert/strict";
import type { EvaluationSample } from "../../harness/records/evaluation_record.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { evaluate } from "../../harness/rl/evaluate.ts";
import { missingJobs } from "../../harness/rl/sample_jobs.ts";
import { drawSamples, longestPrompt, type SetOptions } from "../../harness/rl/sample_set.ts";
import { lengthItems as items, lengthTask, withAsker } from "./length_task.ts";

const keyOf = ({ place, sample }: EvaluationSample) => `${place}.${sample}`;
const nothing = () => false;

Deno.test("missingJobs() names each missing sample once, greedy first, sixteen at most side by side", () => {
  for (const [n, k] of [[1, 1], [3, 4], [5, 16], [2, 37]] as const) {
    const jobs = missingJobs(n, k, nothing);
    const drawn = jobs.flatMap(({ places, first, count }) =>
      places.flatMap((place) => Array.from({ length: count }, (_, i) => `${place}.${first + i}`))
    );
    equal(drawn.length, n * (k + 1));
    equal(new Set(drawn).size, drawn.length);
    deepEqual(jobs[0], { places: Array.from({ length: n }, (_, i) => i), first: 0, count: 1 });
    ok(jobs.every(({ count }) => count <= 16));
  }
  deepEqual(missingJobs(3, 2, () => true), []);
  // Question 1 lacks all, question 2 its second drawn one.
  const has = (place: number, sample: number) => place !== 1 && !(place === 2 && sample === 2);
  deepEqual(missingJobs(3, 2, has), [
    { places: [1], first: 0, count: 1 },
    { places: [1], first: 1, count: 2 },
    { places: [2], first: 2, count: 1 },
  ]);
});

Deno.test("drawSamples() gives the same samples whatever the batch, and more questions or samples add to them", async () => {
  await withAsker(async (asker, { weights }) => {
    const draw = async (
      n: number,
      k: number,
      changes: Partial<SetOptions> = {},
      has = nothing as (p: number, s: number) => boolean,
    ) => {
      const options: SetOptions = {
        split: "test",
        items,
        seed: 1,
        sampling: { temperature: 1, topK: 0, topP: 1 },
        batch: 6,
        pause: () => Promise.resolve(),
        ...changes,
      };
      const all = new Map<string, EvaluationSample>();
      await drawSamples(asker, residentWeights(weights), missingJobs(n, k, has), options, (batch) => {
        for (const one of batch) all.set(keyOf(one), one);
      });
      return all;
    };
    const large = await draw(7, 20);
    equal(large.size, 7 * 21);
    const within = (n: number, k: number) =>
      new Map([...large].filter(([, { place, sample }]) => place < n && sample <= k));
    const sorted = (samples: Map<string, EvaluationSample>) => [...samples].sort(([a], [b]) => a < b ? -1 : 1);
    for (const batch of [1, 5, 100]) deepEqual(sorted(await draw(7, 3, { batch })), sorted(within(7, 3)));
    deepEqual(sorted(await draw(2, 1)), sorted(within(2, 1)));
    deepEqual(sorted(await draw(3, 17)), sorted(within(3, 17)));
    // What is drawn alone, later, is what would have been drawn with the rest.
    const late = await draw(7, 20, {}, (place, sample) => !(place === 4 && sample === 20 || place === 6));
    for (const [key, sample] of late) deepEqual(sample, large.get(key));
    equal(late.size, 1 + 21);
    const other = await draw(7, 3, { seed: 2 }),
      cold = await draw(7, 3, { sampling: { temperature: 0.5, topK: 3, topP: 0.9 } });
    for (const changed of [other, cold]) {
      ok(sorted(changed).some(([key, { completion }]) => completion !== large.get(key)!.completion));
      deepEqual(sorted(changed).filter(([, { sample }]) => sample === 0), sorted(within(7, 0)));
    }

    // The same as the evaluation of a cell, which asks through the same path.
    const own = { split: "test", items, n: 7, step: 0, seed: 1, batch: 64 } as const;
    for (const samples of [0, 3]) {
      const cell = await evaluate(asker, residentWeights(weights), { ...own, samples });
      equal(cell.samples.length, 7 * Math.max(1, samples));
      for (const [i, record] of cell.samples.entries()) {
        const place = Math.floor(i / Math.max(1, samples)), set = large.get(`${place}.${record.sample}`)!;
        deepEqual({ ...set, ...record }, set);
      }
    }
    for (const { logProbability, tokens, truncated, status } of large.values()) {
      ok(
        logProbability < 0 && tokens >= 1 && (status !== "truncated" || tokens >= 1) && typeof truncated === "boolean",
      );
    }
  });
});

Deno.test("longestPrompt() counts tokens, and refuses what exceeds the context, naming item and remedy", async () => {
  await withAsker((asker) => {
    const jobs = missingJobs(7, 1, nothing);
    const lengths = Array.from(
      { length: 7 },
      (_, i) => asker.tokenizer.chat(lengthTask.prompt(items.item(i))).tokens.length,
    );
    const of = (maxTokens: number) => longestPrompt(lengthTask, asker, items, jobs, { maxTokens, context: 128 });
    equal(of(10), Math.max(...lengths));
    throws(
      () => of(128),
      /Cannot ask "item-0": its prompt of \d+ tokens and 128 new ones exceed the context of 128 … lower --max-tokens/,
    );
    return Promise.resolve();
  });
});
