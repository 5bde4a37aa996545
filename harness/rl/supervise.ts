// Supervised training on (prompt, completion) pairs: the loss is the mean of -log p over completion tokens. It teaches
// the embedded policies their skill and their habits, and warms others up; it is not part of any arm.

import { FailureError } from "../base/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Layout, Weights } from "../model/layout.ts";
import { residentWeights } from "../model/transformer.ts";
import { passSessions } from "../runtime/choose.ts";
import { SessionCache } from "../runtime/session_cache.ts";
import { type AnyTensor, floats, type Resident, type Runtime, type Session } from "../runtime/session.ts";
import { createOptimizer } from "./create_optimizer.ts";
import type { AdamWOptions, Optimizer } from "./optimizer.ts";
import { inOrder } from "./in_order.ts";
import { cut, sequencesPerPass } from "./passes.ts";
import { roundUp } from "./run_shapes.ts";
import { gradientNames, trainGraph } from "./train_graph.ts";

/** Token ids of a prompt and of what should follow it, the end-of-sequence token included. */
export interface Demonstration {
  readonly prompt: Int32Array;
  readonly completion: Int32Array;
}

/** Sequences are padded to a multiple of this. */
const BUCKET = 16;

/** The passes of a batch, and the length to which its sequences are padded. */
export function sequencePasses<T>(
  batch: readonly T[],
  tokens: (one: T) => number,
  config: ModelConfig,
  layout: Layout,
): { readonly passes: readonly T[][]; readonly length: number } {
  const length = roundUp(Math.max(...batch.map(tokens)) - 1, BUCKET); // the last token predicts nothing
  return { passes: cut(batch, sequencesPerPass(config, layout, length)), length };
}

/** Trains weights in place, one batch of demonstrations at a time. */
export class Supervisor {
  readonly #sessions: SessionCache;
  private constructor(
    private readonly runtime: Runtime,
    private readonly config: ModelConfig,
    private readonly weights: Weights,
    private readonly resident: Resident,
    readonly optimizer: Optimizer,
  ) {
    this.#sessions = new SessionCache(runtime, passSessions(runtime, weights.layout.size));
  }

  static async create(
    runtime: Runtime,
    config: ModelConfig,
    weights: Weights,
    options: AdamWOptions,
    threads: number,
  ): Promise<Supervisor> {
    const resident = residentWeights(weights);
    const optimizer = await createOptimizer(runtime, weights, resident, options, threads);
    return new Supervisor(runtime, config, weights, resident, optimizer);
  }

  /** One step; returns the loss in nats a token. @throws FailureError where it is not finite */
  async step(batch: readonly Demonstration[], learningRate: number): Promise<number> {
    const { runtime, config, weights, optimizer } = this;
    const tokens = ({ prompt, completion }: Demonstration) => prompt.length + completion.length;
    const { passes, length } = sequencePasses(batch, tokens, config, weights.layout);
    const total = batch.reduce((sum, { completion }) => sum + completion.length, 0);
    let loss = 0;
    for await (const results of inOrder(passes, runtime.concurrency, (pass) => this.#run(pass, length, 1 / total))) {
      loss += floats(results.loss)[0]!;
      await optimizer.add(results);
    }
    if (!Number.isFinite(loss)) throw new FailureError(`Cannot train: the loss is ${loss}; lower the learning rate`);
    await optimizer.step(learningRate);
    if (!runtime.memory) this.resident.changed(); // the device's weights are the new ones already
    return loss;
  }

  /** To be called when weights and optimizer were written to. */
  changed(): void {
    this.resident.changed();
    this.optimizer.changed();
  }

  /** One pass: rows (t, b), every completion token with the same weight. */
  async #run(batch: readonly Demonstration[], length: number, tokenWeight: number): Promise<Record<string, AnyTensor>> {
    const count = batch.length, rows = length * count;
    const tokens = new BigInt64Array(rows), targets = new BigInt64Array(rows), weight = new Float32Array(rows);
    batch.forEach(({ prompt, completion }, b) => {
      const text = [...prompt, ...completion];
      for (let t = 0; t + 1 < text.length; t++) {
        tokens[t * count + b] = BigInt(text[t]!);
        targets[t * count + b] = BigInt(text[t + 1]!);
        if (t + 1 >= prompt.length) weight[t * count + b] = tokenWeight;
      }
    });
    const feeds = {
      tokens: { data: tokens, shape: [rows] },
      targets: { data: targets, shape: [rows, 1] },
      weight: { data: weight, shape: [rows, 1] },
    };
    return await (await this.#session(length, count)).run(feeds, { resident: this.resident });
  }

  #session(length: number, batch: number): Promise<Session> {
    const { config, weights: { layout } } = this, shape = { kind: "sequences" as const, length, batch };
    const objective = { kind: "supervised" as const };
    return this.#sessions.get(
      `${length}x${batch}`,
      () => trainGraph({ config, layout, shape, objective, temperature: 1, kept: false, length }),
      gradientNames,
    );
  }

  async dispose(): Promise<void> {
    await this.#sessions.dispose();
    await this.optimizer.dispose();
  }
}
