// The supervised warm-up against what its demonstrations are by hand, and against itself after interruptions.

import { deepStrictEqual, match, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../harness/base/digest.ts";
import type { Task } from "../../harness/contract.ts";
import { readPolicy, weightsDigest } from "../../harness/model/policy.ts";
import { checkpointSteps } from "../../harness/rl/checkpoint.ts";
import { QuestionOrder } from "../../harness/rl/question_order.ts";
import { warmUp, type WarmUpJob, type WarmUpStep } from "../../harness/rl/warm_up.ts";
import { relativeError } from "../oracles/float64.ts";
import { withFolder } from "../model/tiny_policy.ts";
import { lengthTask, makeRandomPolicy } from "./length_task.ts";
import { score } from "./small_policies.ts";

interface Ran {
  readonly steps: readonly WarmUpStep[];
  readonly result: Awaited<ReturnType<typeof warmUp>>;
  readonly weights: string;
}

/** Warms the policy in a folder up, keeping checkpoints in another, until it ends or `stopAt` updates are done. */
async function run(policy: string, folder: string, changes: Partial<WarmUpJob> = {}, stopAt = Infinity): Promise<Ran> {
  const job: WarmUpJob = {
    warmUp: { updates: 6, questions: 3, learningRate: 0.01 },
    task: lengthTask,
    taskOptions: { dataDir: null, level: 1 },
    policy: await readPolicy(policy),
    caps: { maxPromptTokens: 64, maxCompletionTokens: 32 },
    device: "cpu",
    threads: 1,
    checkpoints: { folder, every: 2, keep: 1 },
    ...changes,
  };
  const steps: WarmUpStep[] = [], stop = new AbortController();
  const report = (step: WarmUpStep) => {
    steps.push(step);
    if (step.step === stopAt) stop.abort();
  };
  const warn = (message: string) => {
    throw new Error(message);
  };
  const result = await warmUp(job, report, warn, stop.signal);
  return { steps, result, weights: weightsDigest(job.policy.weights) };
}

const withPolicy = (work: (policy: string, folder: string) => Promise<void>) =>
  withFolder(async (parent) => {
    await makeRandomPolicy(join(parent, "policy"));
    await work(join(parent, "policy"), parent);
  });

Deno.test("warmUp() shows gold answers with their solutions: its first loss is the naive mean of -log p over them", async () => {
  await withPolicy(async (folder, parent) => {
    const task: Task = { ...lengthTask, answer: (_, answer, reasoning) => `${reasoning ?? "none"} so ${answer}` };
    const data = await lengthTask.load({ dataDir: null, level: 1 });
    const items = {
      ...data.splits.train,
      item: (i: number) => ({ ...data.splits.train.item(i % 7), solution: `s${i % 7}` }),
    };
    task.load = () => Promise.resolve({ ...data, splits: { ...data.splits, train: items } });
    const { steps, result } = await run(folder, join(parent, "checkpoints"), { task });

    const policy = await readPolicy(folder), order = new QuestionOrder(items, 4095);
    let sum = 0, count = 0, asked = sha256("");
    for (let place = 0; place < 18; place++) {
      const { id, question, gold } = order.at(place);
      asked = sha256(asked, id);
      if (place >= 3) continue;
      const prompt = policy.tokenizer.chat([{ role: "user", content: question }]).tokens;
      const text = policy.tokenizer.encode(`s${gold} so ${gold}`);
      const tokens = Int32Array.of(...text, policy.tokenizer.eosTokenIds[0]!);
      const draws = { tokens, probabilities: new Float32Array(tokens.length), kept: null, truncated: false };
      for (const p of (await score(policy, [prompt], [[draws]]))[0]![0]!) sum -= Math.log(p);
      count += tokens.length;
    }
    ok(relativeError([steps[0]!.loss], [sum / count]) < 1e-5);
    strictEqual(result!.asked, asked);
    deepStrictEqual(result!.losses, steps.map(({ loss }) => loss));
    ok(result!.losses.at(-1)! < 0.7 * result!.losses[0]!, `${result!.losses}`);
  });
});

Deno.test("warmUp() that is stopped after any update goes on to the same weights", async () => {
  await withPolicy(async (policy, parent) => {
    const whole = await run(policy, join(parent, "whole"));
    deepStrictEqual(await checkpointSteps(join(parent, "whole")), [6]);
    for (const stopAt of [1, 2, 5]) {
      const folder = join(parent, `stopped-${stopAt}`), first = await run(policy, folder, {}, stopAt);
      strictEqual(first.result, null);
      const second = await run(policy, folder);
      deepStrictEqual(second.steps.map(({ step }) => step), [1, 2, 3, 4, 5, 6].slice(stopAt));
      deepStrictEqual([second.result, second.weights], [whole.result, whole.weights]);
      notStrictEqual(first.weights, second.weights);
    }
    const again = await run(policy, join(parent, "whole")); // from the last checkpoint: nothing is left to do
    deepStrictEqual([again.steps, again.result, again.weights], [[], whole.result, whole.weights]);
  });
});

Deno.test("warmUp() moves the weights in its first update and in its only one", async () => {
  await withPolicy(async (policy, parent) => {
    const { weights } = await run(policy, join(parent, "one"), {
      warmUp: { updates: 1, questions: 3, learningRate: 0.01 },
    });
    notStrictEqual(weights, (await readPolicy(policy)).digest);
  });
});

Deno.test("warmUp() leaves out demonstrations over the caps, and says so where all are", async () => {
  await withPolicy(async (policy, parent) => {
    const fits = ({ gold }: { readonly gold: string }) => Number(gold) % 7 < 5;
    const task: Task = { ...lengthTask, answer: (item) => "y".repeat(fits(item) ? 3 : 40) };
    const shown = await run(policy, join(parent, "some"), {
      task,
      caps: { maxPromptTokens: 64, maxCompletionTokens: 12 },
    });
    const { splits: { train } } = await lengthTask.load({ dataDir: null, level: 1 });
    const order = new QuestionOrder(train, 4095);
    let asked = sha256("");
    for (let place = 0, fit = 0; fit < 18; place++) {
      if (!fits(order.at(place))) continue;
      asked = sha256(asked, order.at(place).id);
      fit++;
    }
    strictEqual(shown.result!.asked, asked);
    const none = run(policy, join(parent, "none"), { task, caps: { maxPromptTokens: 64, maxCompletionTokens: 2 } });
    await rejects(none, ({ message }: Error) => {
      match(message, /^Cannot warm the policy up: .* none fits .* raise rl\.maxPromptTokens \(64\) or rl\.max/);
      return true;
    });
    ok(!existsSync(join(parent, "none")));
  });
});
