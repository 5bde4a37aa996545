// GRPO steps of one shape, by the classes that a cell uses: random prompts, completions that all have the full length,
// advantages 1 and -1 in turn, an update. What is measured is the engine, so nothing is graded.

import { stream } from "../../harness/base/prng.ts";
import { configSchema } from "../../harness/config.ts";
import type { ModelConfig } from "../../harness/model/config.ts";
import type { Weights } from "../../harness/model/layout.ts";
import { adapterOptions } from "../../harness/model/lora.ts";
import { MergedAdapter } from "../../harness/model/merged_adapter.ts";
import { createOptimizer } from "../../harness/rl/create_optimizer.ts";
import { Learner, type SampleGroup, type UpdateReport } from "../../harness/rl/learner.ts";
import type { Optimizer } from "../../harness/rl/optimizer.ts";
import { runLength } from "../../harness/rl/run_shapes.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import type { Runtime } from "../../harness/runtime/session.ts";
import { randomTokens } from "./shapes.ts";

/** How much a step is. */
export interface StepSizes {
  readonly prompts: number;
  /** Completions of each prompt. */
  readonly completions: number;
  readonly promptTokens: number;
  /** Of each completion. */
  readonly tokens: number;
  /** Completions in a backward pass. @default 0: the learner chooses */
  readonly microBatch?: number;
  /** Of the adapter that is trained. @default null: all weights are */
  readonly rank?: number | null;
  readonly threads: number;
}

const sampling = { greedy: false, temperature: 1, topK: 0, topP: 1 };
const LEARNING_RATE = 1e-6;

/** Steps of a policy, each in two parts. */
export class FixedStep {
  private constructor(
    private readonly runtime: Runtime,
    private readonly sizes: StepSizes,
    private readonly prompts: readonly Int32Array[],
    private readonly sampler: Sampler,
    private readonly learner: Learner,
    private readonly optimizer: Optimizer,
    private readonly adapter: MergedAdapter | null,
  ) {}

  static async create(
    runtime: Runtime,
    config: ModelConfig,
    weights: Weights,
    sizes: StepSizes,
  ): Promise<FixedStep> {
    const { microBatch = 0, rank = null, promptTokens, tokens, threads } = sizes;
    const limits = { microBatch, maxPromptTokens: promptTokens, maxCompletionTokens: tokens };
    const rl = { ...configSchema.parse({}).rl, ...limits, learningRate: LEARNING_RATE };
    const lora = { seed: 0, threads, device: runtime };
    const adapter = rank === null
      ? null
      : await MergedAdapter.create(config, weights, adapterOptions(config, rank, null, null), lora);
    const sampler = new Sampler(runtime, config, [-1], runLength(promptTokens, tokens)); // no token ends one: -1 is none
    const learner = new Learner(runtime, config, weights, rl, null, adapter);
    const optimizer = await createOptimizer(runtime, learner.trained, learner.resident, rl, threads);
    const prompts = Array.from({ length: sizes.prompts }, (_, p) => randomTokens(promptTokens, config.vocabSize, p));
    return new FixedStep(runtime, sizes, prompts, sampler, learner, optimizer, adapter);
  }

  /** Draws every completion. */
  async rollOut(step: number): Promise<SampleGroup[]> {
    const { completions: group, prompts, tokens: maxTokens } = this.sizes, weight = 1 / (prompts * group * maxTokens);
    const random = (p: number, g: number) => stream(step, "rollout", 0, p, g);
    const options = { group, maxTokens, sampling, random };
    const drawn = await this.sampler.generate(this.learner.resident, this.prompts, options);
    return drawn.map((draws, p): SampleGroup => ({
      prompt: this.prompts[p]!,
      samples: draws.map((draw, i) => ({ ...draw, advantage: i % 2 === 0 ? 1 : -1, weight })),
    }));
  }

  update(batch: readonly SampleGroup[]): Promise<UpdateReport> {
    return this.learner.update(batch, this.optimizer, LEARNING_RATE);
  }

  /** Waits for what a device has still to do: the smallest of the weights is read. */
  async finish(): Promise<void> {
    const { memory } = this.runtime, { resident, trained } = this.learner;
    const [smallest] = trained.layout.parameters.toSorted((a, b) => a.size - b.size);
    const [held] = await memory?.hold(resident, new Set([smallest!.name])) ?? [];
    if (held) await memory!.download(held[1], new Float32Array(smallest!.size));
  }

  async dispose(): Promise<void> {
    await Promise.all([this.sampler, this.learner, this.optimizer, this.adapter].map((part) => part?.dispose()));
    await this.runtime.dispose();
  }
}
