import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { FailureError } from "../../harness/base/errors.ts";
import { stream } from "../../harness/base/prng.ts";
import type { Weights } from "../../harness/model/layout.ts";
import { type Demonstration, Supervisor } from "../../harness/rl/supervise.ts";
import { relativeError } from "../oracles/float64.ts";
import { type Policy, score, smallPolicy, withRuntime } from "./small_policies.ts";

const OPTIONS = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };

/** Counting up from a random start: prompts and completions of different lengths. */
const DEMONSTRATIONS: readonly Demonstration[] = [[3, 4], [7, 2], [5, 9], [12, 8]].map(([prompt, completion], i) => {
  const start = stream(9, "demonstration", i).int(10),
    count = (from: number, length: number) => Int32Array.from({ length }, (_, t) => from + t);
  return { prompt: count(start, prompt!), completion: count(start + prompt!, completion!) };
});

/** Losses of some steps on a copy of the policy. */
function train(
  { config, weights: initial }: Policy,
  steps: number,
  workers = 0,
  rate = 0.01,
): Promise<{ losses: number[]; weights: Weights }> {
  const weights = { ...initial, data: initial.data.slice() }, losses: number[] = [];
  return withRuntime(workers, async (runtime) => {
    const supervisor = await Supervisor.create(runtime, config, weights, OPTIONS, 1);
    for (let step = 0; step < steps; step++) losses.push(await supervisor.step(DEMONSTRATIONS, rate));
    await supervisor.dispose();
    return { losses, weights };
  });
}

Deno.test("Supervisor reports the mean of -log p over completion tokens, and learns them", async () => {
  const policy = smallPolicy("GQA"), { losses, weights } = await train(policy, 60);
  const naive = async (policy: Policy) => {
    let sum = 0, count = 0;
    for (const { prompt, completion } of DEMONSTRATIONS) {
      const draws = {
        tokens: completion,
        probabilities: new Float32Array(completion.length),
        kept: null,
        truncated: false,
      };
      for (const p of (await score(policy, [prompt], [[draws]]))[0]![0]!) sum -= Math.log(p);
      count += completion.length;
    }
    return sum / count;
  };
  ok(relativeError([losses[0]!], [await naive(policy)]) < 1e-5);
  ok(
    losses.at(-1)! < 0.2 && await naive({ ...policy, weights }) < losses[0]! / 5,
    `from ${losses[0]} to ${losses.at(-1)}`,
  );
});

Deno.test("Supervisor has the same bits with one worker, with two, and in this thread", async () => {
  const policy = smallPolicy("MHA"), here = await train(policy, 3);
  for (const workers of [1, 2]) deepStrictEqual(await train(policy, 3, workers), here);
});

Deno.test("Supervisor fails where the loss is not finite", async () => {
  const policy = smallPolicy("MHA"),
    broken = { ...policy, weights: { ...policy.weights, data: policy.weights.data.slice().fill(NaN, 0, 9) } };
  await rejects(train(broken, 1), (error) => error instanceof FailureError && /the loss is NaN/.test(error.message));
});
