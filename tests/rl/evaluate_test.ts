import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { MisuseError } from "../../harness/base/errors.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { evaluate, type EvaluationOptions } from "../../harness/rl/evaluate.ts";
import { rollOut } from "../../harness/rl/rollout.ts";
import { relativeError } from "../oracles/float64.ts";
import { lengthItems as items, lengthTask as task, STATUSES, withAsker } from "./length_task.ts";
import { PLAIN } from "./small_policies.ts";

const OPTIONS: EvaluationOptions = { split: "test", items, n: 100, step: 3, samples: 3, seed: 1, batch: 6 };

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

Deno.test("evaluate() counts what the grader says, question by question and sample by sample", async () => {
  await withAsker(async (asker, { weights }) => {
    const { record, samples } = await evaluate(asker, residentWeights(weights), OPTIONS);
    deepStrictEqual(
      samples.map(({ id, sample }) => `${id}.${sample}`),
      Array.from({ length: 21 }, (_, i) => `item-${Math.floor(i / 3)}.${i % 3 + 1}`),
    );
    for (const { completion, status, extracted, rewards, gold, id } of samples) {
      deepStrictEqual(
        { status, extracted, rewards: Object.values(rewards) },
        task.grade(items.item(0), completion, false),
      );
      strictEqual(`item-${gold}`, id);
    }
    const right = Array.from(
      { length: 7 },
      (_, q) => samples.slice(3 * q, 3 * q + 3).map(({ status }) => status === "correct" ? 1 : 0),
    );
    ok(right.some((row) => new Set(row).size > 1), "some question must be answered right and wrong");
    deepStrictEqual([record.n, record.samples, record.mode, record.step, record.split], [7, 3, "sample", 3, "test"]);
    ok(relativeError([record.accuracy], [mean(right.flat())]) < 1e-12);
    strictEqual(record.passAtSamples, mean(right.map((row) => Math.max(...row))));
    for (const status of STATUSES) {
      strictEqual(
        record.statuses[status],
        samples.filter((sample) => sample.status === status).length,
      );
    }
    ok(relativeError([record.rewards.length!], [mean(samples.map(({ completion }) => completion.length))]) < 1e-12);
    ok(relativeError([record.completionLength], [mean(samples.map(({ tokens }) => tokens))]) < 1e-12);
  });
});

Deno.test("evaluate() gives the same samples whatever the batch, at every step, and others for another seed", async () => {
  await withAsker(async (asker, { weights }) => {
    const texts = async (changes: Partial<EvaluationOptions>) =>
      (await evaluate(asker, residentWeights(weights), { ...OPTIONS, ...changes })).samples.map(({ completion }) =>
        completion
      );
    const base = await texts({});
    for (const changes of [{ batch: 1 }, { batch: 100 }, { step: 9 }]) deepStrictEqual(await texts(changes), base);
    deepStrictEqual(await texts({ n: 2 }), base.slice(0, 6));
    ok((await texts({ seed: 2 })).join() !== base.join());
  });
});

Deno.test("evaluate() is greedy with one completion a question where no samples are asked for", async () => {
  await withAsker(async (asker, { weights }) => {
    const { record, samples } = await evaluate(asker, residentWeights(weights), { ...OPTIONS, samples: 0 });
    deepStrictEqual([record.mode, record.samples, samples.length], ["greedy", 1, 7]);
    deepStrictEqual(new Set(samples.map(({ sample }) => sample)), new Set([0]));
    strictEqual(record.passAtSamples, record.accuracy);
    const again = await evaluate(asker, residentWeights(weights), { ...OPTIONS, samples: 0, seed: 5 });
    deepStrictEqual(again.samples, samples);
  });
});

Deno.test("rollOut() refuses a prompt that is too long, naming the item and the remedy", async () => {
  await withAsker(async (asker, { weights }) => {
    const asked = rollOut({ ...asker, maxPromptTokens: 3 }, residentWeights(weights), [items.item(4)], 2, PLAIN, {
      seed: 0,
      purpose: "rollout",
      step: 0,
      places: [0],
    });
    await rejects(
      asked,
      (error) =>
        error instanceof MisuseError &&
        /"item-4".*rl\.maxPromptTokens is 3.*--set rl\.maxPromptTokens=\d+/.test(error.message),
    );
  });
});
