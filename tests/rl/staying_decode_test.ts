// Sampling with caches that stay on a device against sampling on the CPU, on a fake device: rows of different lengths, all
// that can be asked of a draw, and completions that take several runs or none.

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import type { Graph } from "../../harness/graph/ir.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import type { Sampling } from "../../harness/rl/decode_graph.ts";
import type { Draws } from "../../harness/rl/generation.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import { OutOfDeviceMemory } from "../../harness/runtime/device_failure.ts";
import { LocalRuntime, type Runtime, type Session } from "../../harness/runtime/session.ts";
import { FakeGpu } from "../fakes/gpu.ts";
import { relativeError } from "../oracles/float64.ts";
import { LENGTH, PLAIN, type Policy, POLICY_NAMES, randomPrompts, smallPolicy } from "./small_policies.ts";

interface Case {
  readonly prompts: readonly number[];
  readonly group: number;
  readonly maxTokens: number;
  readonly sampling?: Partial<Sampling>;
}

const CASES: Readonly<Record<string, Case>> = {
  "rows of different lengths, several runs": { prompts: [5, 16, 17], group: 4, maxTokens: 21 },
  "one token": { prompts: [5, 9], group: 2, maxTokens: 1 },
  "two tokens of one row": { prompts: [3], group: 1, maxTokens: 2 },
  "a run that is full": { prompts: [30, 2], group: 1, maxTokens: 9 },
  "greedy": { prompts: [5, 9], group: 2, maxTokens: 12, sampling: { greedy: true } },
  "limited support": { prompts: [5, 9], group: 3, maxTokens: 12, sampling: { temperature: 0.9, topK: 8, topP: 0.8 } },
};

async function draw(runtime: Runtime, policy: Policy, { prompts, group, maxTokens, sampling }: Case): Promise<Draws[]> {
  const sampler = new Sampler(runtime, policy.config, [7, 21], LENGTH);
  const random = (prompt: number, sample: number) => stream(5, "rollout", 0, prompt, sample);
  const options = { group, maxTokens, sampling: { ...PLAIN, ...sampling }, random };
  const draws = await sampler.generate(residentWeights(policy.weights), randomPrompts(policy, prompts), options);
  await sampler.dispose();
  await runtime.dispose();
  return draws.flat();
}

for (const name of POLICY_NAMES) {
  for (const [title, entry] of Object.entries(CASES)) {
    Deno.test(`Sampler with caches that stay draws what the CPU draws: ${name}, ${title}`, async () => {
      const policy = smallPolicy(name, { head_dim: 8 });
      const expected = await draw(new LocalRuntime({ device: "cpu", threads: 1 }), policy, entry);
      const actual = await draw(new FakeGpu("float32", "webgpu"), policy, entry);
      strictEqual(actual.length, entry.prompts.length * entry.group);
      for (const [i, { tokens, truncated, kept, probabilities }] of expected.entries()) {
        deepStrictEqual({ ...actual[i]!, probabilities: null }, { tokens, truncated, kept, probabilities: null });
        ok(relativeError(actual[i]!.probabilities, probabilities) < 1e-4);
      }
    });
  }
}

/** A device without the memory to draw so many rows; the second run of a shard finds it out. */
class SmallGpu extends FakeGpu {
  constructor(private readonly rows: number) {
    super("float32", "webgpu");
  }

  override async load(graph: Graph, stay?: readonly string[]): Promise<Session> {
    const session = await super.load(graph, stay);
    const run: Session["run"] = (feeds, options) => {
      if (!feeds.token || feeds.token.shape[0]! <= this.rows) return session.run(feeds, options);
      throw new OutOfDeviceMemory("Cannot run on webgpu: it has not the memory");
    };
    return { run, dispose: () => session.dispose() };
  }
}

Deno.test("Sampler draws in smaller shards where the device has not the memory, and leaves nothing there", async () => {
  const policy = smallPolicy("GQA", { head_dim: 8 }), entry = { prompts: [5, 16, 17, 4, 9], group: 3, maxTokens: 12 };
  const expected = await draw(new FakeGpu("float32", "webgpu"), policy, entry), small = new SmallGpu(3);
  deepStrictEqual((await draw(small, policy, entry)).map(({ tokens }) => tokens), expected.map(({ tokens }) => tokens));
  strictEqual(small.living.size, 0);
  const smaller = new SmallGpu(2);
  await rejects(draw(smaller, policy, entry), {
    name: "OutOfDeviceMemory",
    message: /not the memory to draw 3 completions of 12 tokens side by side … lower rl\.completions/,
  });
  await smaller.dispose();
  strictEqual(smaller.living.size, 0);
});

Deno.test("Sampler refuses heads that the device's attention does not take", async () => {
  const policy = smallPolicy("GQA", { head_dim: 6 });
  await rejects(draw(new FakeGpu("float32", "webgpu"), policy, CASES["one token"]!), {
    name: "MisuseError",
    message: /head_dim 6 is no multiple of 8.* … choose --device cpu/,
  });
});
