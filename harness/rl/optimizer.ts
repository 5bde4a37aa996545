// AdamW with decoupled weight decay and clipping by the global gradient norm (Loshchilov and Hutter, arXiv 1711.05101;
// the arithmetic is that of torch.optim.AdamW). The step is an ONNX graph over a stretch of the flat weights and runs
// stretch by stretch, so that its memory does not grow with the model. Norms and biases do not decay.

import { bytesOf, sha256 } from "../base/digest.ts";
import { Graph } from "../graph/ir.ts";
import type { Weights } from "../model/layout.ts";
import { isLarge } from "../runtime/choose.ts";
import { GradientSum } from "./gradient_sum.ts";
import { type AnyTensors, LocalRuntime, release, type Session, type Tensor } from "../runtime/session.ts";

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly maxGradNorm: number;
}

/** Floats in one stretch: small enough for the cache, large enough that the call costs nothing. */
const STRETCH = 2 ** 18;

/**
 * m' = b1 m + (1 - b1) g, v' = b2 v + (1 - b2) g^2, w' = decay w - rate m' / (sqrt(v') / rootBias2 + epsilon), with g
 * scaled by `clip` first. `decay` = 1 - lr * weightDecay, `rate` = lr / (1 - b1^t), `rootBias2` = sqrt(1 - b2^t).
 */
export function adamwGraph({ beta1, beta2, epsilon }: AdamWOptions): Graph {
  const g = new Graph(),
    array = (name: string) => g.input(name, "float32", ["?"]),
    number = (name: string) => g.input(name, "float32", [1]);
  const gradient = g.mul(array("gradient"), number("clip"));
  const blend = (old: string, beta: number, fresh: ReturnType<typeof array>) =>
    g.add(g.mul(array(old), g.scalar(beta)), g.mul(fresh, g.scalar(1 - beta)));
  const first = blend("first", beta1, gradient), second = blend("second", beta2, g.mul(gradient, gradient));
  const denominator = g.add(g.div(g.sqrt(second), number("rootBias2")), g.scalar(epsilon));
  g.output("newFirst", first);
  g.output("newSecond", second);
  g.output(
    "newWeights",
    g.sub(g.mul(array("weights"), number("decay")), g.div(g.mul(number("rate"), first), denominator)),
  );
  return g;
}

/**
 * The numbers of step `steps`, from the norm of its gradient, as {@linkcode adamwGraph} takes them; `decay` apart.
 * @param scale by which the gradients that were added are too large; the norm is not
 */
export function stepNumbers(
  { beta1, beta2, maxGradNorm }: AdamWOptions,
  steps: number,
  norm: number,
  learningRate: number,
  scale: number,
): Record<"clip" | "rate" | "rootBias2", Tensor> {
  return {
    clip: one(Math.min(1, maxGradNorm / (norm + 1e-6)) / scale),
    rate: one(learningRate / (1 - beta1 ** steps)),
    rootBias2: one(Math.sqrt(1 - beta2 ** steps)),
  };
}

/** A number as graphs take it. */
export const one = (value: number): Tensor => ({ data: Float32Array.of(value), shape: [1] });

/** Steps weights along a gradient that it adds up: here on the host, in device_optimizer.ts where the weights stay. */
export interface Optimizer {
  /** State in the layout of the weights. Of a device, as it was when {@linkcode settle} was last called. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Steps taken. */
  steps: number;
  /** Adds the gradients among a pass's results to the next step's, and takes possession of their memory. */
  add(results: AnyTensors): Promise<void>;
  /**
   * One step along the sum, which begins anew then.
   * @param scale by which the sum is divided first. @default 1
   * @returns its norm before clipping; where that is not finite, nothing has changed
   */
  step(learningRate: number, scale?: number): Promise<number>;
  /** Brings the host's weights and state up to date. */
  settle(): Promise<void>;
  /** To be called after writing to the state. */
  changed(): void;
  dispose(): Promise<void>;
}

/** Optimizer state of one policy. Updates the weights in place. */
export class AdamW implements Optimizer {
  readonly first: Float32Array;
  readonly second: Float32Array;
  steps = 0;
  readonly #gradient: GradientSum;

  private constructor(
    private readonly session: Session,
    private readonly weights: Weights,
    private readonly options: AdamWOptions,
  ) {
    this.first = new Float32Array(weights.layout.size);
    this.second = new Float32Array(weights.layout.size);
    this.#gradient = new GradientSum(weights.layout);
  }

  /** The arithmetic is elementwise: its bits do not depend on the threads. */
  static async create(weights: Weights, options: AdamWOptions, threads: number): Promise<AdamW> {
    const runtime = new LocalRuntime({ device: "cpu", threads: isLarge(weights.layout.size) ? threads : 1 });
    return new AdamW(await runtime.load(adamwGraph(options)), weights, options);
  }

  async add(results: AnyTensors): Promise<void> {
    await Promise.resolve(this.#gradient.add(results));
  }

  async step(learningRate: number, scale = 1): Promise<number> {
    const norm = this.#gradient.norm() / scale;
    if (Number.isFinite(norm)) await this.#step(norm, learningRate, scale);
    this.#gradient.release();
    return norm;
  }

  async #step(norm: number, learningRate: number, scale: number): Promise<void> {
    const { weights } = this, { size, decayed } = weights.layout;
    this.steps++;
    const numbers = stepNumbers(this.options, this.steps, norm, learningRate, scale);
    const decays = 1 - learningRate * this.options.weightDecay;
    for (const [start, end, decay] of [[0, decayed, decays], [decayed, size, 1]] as const) {
      for (let at = start; at < end; at += STRETCH) {
        const stop = Math.min(end, at + STRETCH);
        const cut = (data: Float32Array): Tensor => ({ data: data.subarray(at, stop), shape: [stop - at] });
        const along = new Float32Array(stop - at);
        this.#gradient.read(at, along);
        const state = { weights: cut(weights.data), first: cut(this.first), second: cut(this.second) };
        // In place: each of the three is read by one operator, before its successor is written.
        const results = await this.session.run({
          ...numbers,
          ...state,
          decay: one(decay),
          gradient: { data: along, shape: [stop - at] },
        }, { into: { newWeights: state.weights, newFirst: state.first, newSecond: state.second } });
        release(results);
      }
    }
  }

  /** The host's arrays are the state. */
  async settle(): Promise<void> {}

  changed(): void {}

  /** SHA-256 of the state. */
  digest(): string {
    return sha256(bytesOf(this.first), bytesOf(this.second), `${this.steps}`);
  }

  dispose(): Promise<void> {
    return this.session.dispose();
  }
}
