// Supervised training on (prompt, completion) pairs: the loss is the mean of -log p over completion tokens. It teaches
// the embedded policies their skill and their habits; it is not part of any arm.

import { FailureError } from "../base/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Weights } from "../model/layout.ts";
import { residentWeights, weightInputs } from "../model/transformer.ts";
import { floats, release, type Resident, type Runtime, type Session } from "../runtime/session.ts";
import { AdamW, type AdamWOptions } from "./optimizer.ts";
import { roundUp } from "./sampler.ts";
import { gradientName, trainGraph } from "./train_graph.ts";

/** Token ids of a prompt and of what should follow it, the end-of-sequence token included. */
export interface Demonstration {
  readonly prompt: Int32Array;
  readonly completion: Int32Array;
}

/** Sequences are padded to a multiple of this. */
const BUCKET = 16;

/** Trains weights in place, one batch of demonstrations at a time. */
export class Supervisor {
  readonly #sessions = new Map<string, Promise<Session>>();
  readonly #gradient: Float32Array;
  readonly #resident: Resident;

  private constructor(
    private readonly runtime: Runtime,
    private readonly config: ModelConfig,
    private readonly weights: Weights,
    private readonly optimizer: AdamW,
  ) {
    this.#gradient = new Float32Array(weights.layout.size);
    this.#resident = residentWeights(weights);
  }

  static async create(runtime: Runtime, config: ModelConfig, weights: Weights, options: AdamWOptions): Promise<Supervisor> {
    return new Supervisor(runtime, config, weights, await AdamW.create(runtime, weights.layout.size, options));
  }

  /** One step; returns the loss in nats a token. @throws FailureError where it is not finite */
  async step(batch: readonly Demonstration[], learningRate: number): Promise<number> {
    const length = roundUp(Math.max(...batch.map(({ prompt, completion }) => prompt.length + completion.length)) - 1, BUCKET);
    const count = batch.length, rows = length * count;
    const tokens = new BigInt64Array(rows), targets = new BigInt64Array(rows), weight = new Float32Array(rows);
    const total = batch.reduce((sum, { completion }) => sum + completion.length, 0);
    batch.forEach(({ prompt, completion }, b) => {
      const text = [...prompt, ...completion];
      for (let t = 0; t + 1 < text.length; t++) { // rows (t, b)
        tokens[t * count + b] = BigInt(text[t]!);
        targets[t * count + b] = BigInt(text[t + 1]!);
        if (t + 1 >= prompt.length) weight[t * count + b] = 1 / total;
      }
    });
    const results = await (await this.#session(length, count)).run({
      tokens: { data: tokens, shape: [rows] },
      targets: { data: targets, shape: [rows, 1] },
      weight: { data: weight, shape: [rows, 1] },
    }, { resident: this.#resident });
    for (const { name, offset } of weightInputs(this.weights.layout)) this.#gradient.set(floats(results[gradientName(name)]), offset);
    const loss = floats(results.loss)[0]!;
    release(results);
    if (!Number.isFinite(loss)) throw new FailureError(`Cannot train: the loss is ${loss}; lower the learning rate`);
    await this.optimizer.step(this.weights, this.#gradient, learningRate);
    this.#resident.changed();
    return loss;
  }

  #session(length: number, batch: number): Promise<Session> {
    const key = `${length}x${batch}`, known = this.#sessions.get(key);
    if (known) return known;
    const shape = { kind: "sequences" as const, length, batch };
    const { config, weights: { layout } } = this;
    const session = this.runtime.load(trainGraph({ config, layout, shape, objective: { kind: "supervised" }, temperature: 1, kept: false, length: config.maxPositions }));
    this.#sessions.set(key, session);
    return session;
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).dispose();
    await this.optimizer.dispose();
  }
}
