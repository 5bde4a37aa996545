// AdamW with decoupled weight decay and clipping by the global gradient norm (Loshchilov and Hutter, arXiv 1711.05101;
// the arithmetic is that of torch.optim.AdamW). The step is an ONNX graph over a stretch of the flat weights and runs
// stretch by stretch, so that its memory does not grow with the model. Norms and biases do not decay.

import { bytesOf, sha256 } from "../base/digest.ts";
import { Graph } from "../graph/ir.ts";
import type { Weights } from "../model/layout.ts";
import { isLarge } from "../runtime/choose.ts";
import type { GradientSum } from "./gradient_sum.ts";
import { LocalRuntime, release, type Session, type Tensor } from "../runtime/session.ts";

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
function adamwGraph({ beta1, beta2, epsilon }: AdamWOptions): Graph {
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

/** Optimizer state of one policy. Updates the weights in place. */
export class AdamW {
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Steps taken. */
  steps = 0;

  private constructor(private readonly session: Session, private readonly options: AdamWOptions, size: number) {
    this.first = new Float32Array(size);
    this.second = new Float32Array(size);
  }

  /** State for `size` floats. The arithmetic is elementwise: its bits do not depend on the threads. */
  static async create(size: number, options: AdamWOptions, threads: number): Promise<AdamW> {
    const runtime = new LocalRuntime({ device: "cpu", threads: isLarge(size) ? threads : 1 });
    return new AdamW(await runtime.load(adamwGraph(options)), options, size);
  }

  /** One step along a gradient. Returns its norm before clipping; where that is not finite, nothing has changed. */
  async step(weights: Weights, gradient: GradientSum, learningRate: number): Promise<number> {
    const { beta1, beta2, weightDecay, maxGradNorm } = this.options, { size, decayed } = weights.layout;
    const norm = gradient.norm();
    if (!Number.isFinite(norm)) return norm;
    this.steps++;
    const one = (value: number): Tensor => ({ data: Float32Array.of(value), shape: [1] });
    const numbers = {
      clip: one(Math.min(1, maxGradNorm / (norm + 1e-6))),
      rate: one(learningRate / (1 - beta1 ** this.steps)),
      rootBias2: one(Math.sqrt(1 - beta2 ** this.steps)),
    };
    for (const [start, end, decay] of [[0, decayed, 1 - learningRate * weightDecay], [decayed, size, 1]] as const) {
      for (let at = start; at < end; at += STRETCH) {
        const stop = Math.min(end, at + STRETCH);
        const cut = (data: Float32Array): Tensor => ({ data: data.subarray(at, stop), shape: [stop - at] });
        const along = new Float32Array(stop - at);
        gradient.read(at, along);
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
    return norm;
  }

  /** SHA-256 of the state. */
  digest(): string {
    return sha256(bytesOf(this.first), bytesOf(this.second), `${this.steps}`);
  }

  dispose(): Promise<void> {
    return this.session.dispose();
  }
}
