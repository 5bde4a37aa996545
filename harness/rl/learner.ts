// From a batch of rollouts to an update: lays tokens out for the train graph in micro-batches that bound memory, adds
// their gradients up, and steps the optimizer. Micro-batches are whole groups, or parts of one group where a group is
// larger than allowed; either way the sum is that of the full batch.

import { bytesOf } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import type { Config } from "../config.ts";
import { repeatGraph } from "../graph/repeat.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Layout, Weights } from "../model/layout.ts";
import type { MergedAdapter } from "../model/merged_adapter.ts";
import { residentWeights } from "../model/transformer.ts";
import { passSessions } from "../runtime/choose.ts";
import { OutOfDeviceMemory } from "../runtime/device_failure.ts";
import { SessionCache } from "../runtime/session_cache.ts";
import {
  type AnyTensor,
  floats,
  type Resident,
  type Runtime,
  type Session,
  type Tensor,
  type TensorData,
} from "../runtime/session.ts";
import type { Optimizer } from "./optimizer.ts";
import { inOrder } from "./in_order.ts";
import { LossScale } from "./loss_scale.ts";
import { cut, sequencesPerPass } from "./passes.ts";
import { bucketsOf, promptBucket, promptFeeds, roundUp, runLength } from "./run_shapes.ts";
import { gradientNames, type Objective, type PassShape, trainGraph } from "./train_graph.ts";

/** One completion as the learner takes it. */
export interface Sample {
  readonly tokens: Int32Array;
  /** Sampling probabilities, [tokens]. */
  readonly probabilities: Float32Array;
  /** Support of each token's distribution under top-k or top-p. */
  readonly kept: readonly Uint8Array[] | null;
  readonly advantage: number;
  /** Weight of each of its tokens in the loss. */
  readonly weight: number;
  /** Drawn by an earlier policy: its probabilities are not the trainer's, and should not be. @default false */
  readonly replayed?: boolean;
}

/** The completions of one prompt, the same number for every group of a batch. */
export interface SampleGroup {
  readonly prompt: Int32Array;
  readonly samples: readonly Sample[];
}

/** What an update reports. */
export interface UpdateReport {
  readonly loss: number;
  /** Means over counted tokens. */
  readonly entropy: number;
  readonly kl: number | null;
  readonly clipShare: number;
  readonly gradientNorm: number;
  /** Largest |log p(sampler) - log p(trainer)|. */
  readonly samplerTrainerGap: number;
}

/** The shape of a pass over completions. */
export type CompletionShape = PassShape & { readonly kind: "completions" };

/** The part of a batch that one pass takes: `group` completions of each of its prompts. */
interface Pass {
  readonly groups: readonly SampleGroup[];
  readonly shape: CompletionShape;
}

/** Passes of one shape that have run together. */
interface Scored {
  readonly feeds: Record<string, Tensor>;
  readonly results: Record<string, AnyTensor>;
  /** Of each column of each pass: its tokens are the current policy's. */
  readonly fresh: readonly (readonly boolean[])[];
}

/** Sums over the passes of a batch. */
type Totals = Record<"loss" | "entropy" | "kl" | "clipped" | "tokens" | "gap", number>;

/** Trains one policy in place. */
export class Learner {
  readonly #sessions: SessionCache;
  /** The policy's weights as runs take them. */
  readonly resident: Resident;
  /** What is trained. Call {@linkcode changed} after writing to it. */
  readonly trained: Weights;
  readonly #reference: Resident | null;
  /** Of what computes in float16; null: float32 needs none. */
  readonly lossScale: LossScale | null;
  /** Sequences of a pass at most, once the device was found to hold no more. */
  #most: number | null = null;

  constructor(
    private readonly runtime: Runtime,
    private readonly config: ModelConfig,
    readonly weights: Weights,
    private readonly rl: Config["rl"],
    /** Frozen initial policy of the KL penalty; null without one. */
    reference: Weights | null,
    /** What is trained in place of the weights. */
    private readonly adapter: MergedAdapter | null = null,
    /** Told of the passes that are made smaller from now on, where the device has not the memory; null: that is an error. */
    private readonly smaller: ((sequences: number) => void) | null = null,
  ) {
    this.resident = adapter?.resident ?? residentWeights(weights);
    this.trained = adapter?.weights ?? weights;
    this.#reference = reference && residentWeights(reference);
    this.lossScale = runtime.precision === "float16" ? new LossScale() : null;
    const kinds = reference ? 2 : 1; // one scores for the reference, one trains
    this.#sessions = new SessionCache(runtime, passSessions(runtime, weights.layout.size, kinds), runtime.precision);
  }

  /** The trained weights are others now. */
  async changed(): Promise<void> {
    this.resident.changed();
    await this.adapter?.merge();
  }

  /**
   * One optimizer step on a batch.
   * @param optimizer of the trained weights
   * @throws FailureError where loss or gradient are not finite
   */
  async update(batch: readonly SampleGroup[], optimizer: Optimizer, learningRate: number): Promise<UpdateReport> {
    const totals: Totals = { loss: 0, entropy: 0, kl: 0, clipped: 0, tokens: 0, gap: 0 };
    const scale = this.lossScale?.value ?? 1, remedy = this.lossScale ? " or choose --precision float32" : "";
    const { clipLow, clipHigh, klBeta } = this.rl,
      objective: Objective = { kind: "policy-gradient", clipLow, clipHigh, klBeta };
    for await (const scored of this.#scored(batch, objective)) {
      this.#count(scored, totals);
      await optimizer.add(scored.results);
    }
    if (!Number.isFinite(totals.loss)) {
      throw new FailureError(
        `Cannot update: the loss is ${totals.loss}; lower rl.learningRate or rl.maxGradNorm${remedy}`,
      );
    }
    const gradientNorm = await optimizer.step(learningRate, scale);
    if (!Number.isFinite(gradientNorm)) {
      if (this.lossScale?.halve()) return await this.update(batch, optimizer, learningRate);
      throw new FailureError(`Cannot update: the gradient norm is ${gradientNorm}; lower rl.learningRate${remedy}`);
    }
    this.lossScale?.passed();
    if (this.runtime.memory) await this.adapter?.merge(); // the device's weights are the new ones already
    else await this.changed();
    const mean = (sum: number) => totals.tokens > 0 ? sum / totals.tokens : 0;
    return {
      loss: totals.loss / scale,
      entropy: mean(totals.entropy),
      kl: klBeta > 0 ? mean(totals.kl) : null,
      clipShare: mean(totals.clipped),
      gradientNorm,
      samplerTrainerGap: totals.gap,
    };
  }

  dispose(): Promise<void> {
    return this.#sessions.dispose();
  }

  /** The passes of a batch, in order. */
  async *#scored(batch: readonly SampleGroup[], objective: Objective): AsyncIterable<Scored> {
    const { concurrency } = this.runtime;
    if (concurrency > 1) yield* inOrder(this.#passes(batch), concurrency, (pass) => this.#run([pass], objective));
    else {
      let left = this.#passes(batch);
      while (left.length > 0) {
        const together = this.#together(left), scored = await this.#runOrLower(together, objective);
        if (scored) yield scored;
        left = scored ? left.slice(together.length) : left.flatMap(({ groups }) => this.#passes(groups));
      }
    }
  }

  /** The first passes that one run takes: several of one shape, where each run sends the weights and fetches gradients. */
  #together(passes: readonly Pass[]): readonly Pass[] {
    const key = ({ shape }: Pass) => Object.values(shape).join();
    if (!this.#sendsWeights) return passes.slice(0, 1);
    const other = passes.findIndex((pass) => key(pass) !== key(passes[0]!));
    return other < 0 ? passes : passes.slice(0, other);
  }

  #passes(batch: readonly SampleGroup[]): Pass[] {
    const rl = { ...this.rl, microBatch: this.#most ?? this.rl.microBatch };
    const passes = passesOf(batch, { model: this.config, layout: this.weights.layout, rl });
    return this.#sendsWeights ? alike(passes) : passes;
  }

  /** Whether weights cross to the device in every run, and gradients come back. */
  get #sendsWeights(): boolean {
    return this.runtime.device !== "cpu" && this.runtime.memory === null;
  }

  /** Null where the device had not the memory and passes are smaller now. */
  async #runOrLower(passes: readonly Pass[], objective: Objective): Promise<Scored | null> {
    try {
      return await this.#run(passes, objective);
    } catch (error) {
      const sequences = passes[0]!.groups.length * passes[0]!.shape.group, half = Math.ceil(sequences / 2);
      if (!(error instanceof OutOfDeviceMemory) || sequences === 1) throw error;
      if (!this.smaller) {
        const remedy = `set rl.microBatch=${half}, or let --auto-microbatch find what fits`;
        throw new OutOfDeviceMemory(`${error.what} for a pass of ${sequences} sequences`, remedy);
      }
      this.#most = half;
      this.smaller(half);
      await this.#sessions.dispose(); // they keep what the larger passes took
      return null;
    }
  }

  async #run(passes: readonly Pass[], objective: Objective): Promise<Scored> {
    const { groups: [first], shape } = passes[0]!, limited = first!.samples[0]!.kept !== null;
    const each = passes.map(({ groups }) => layOut(groups, shape, limited ? this.config.vocabSize : null));
    const feeds = each.length === 1 ? each[0]! : stacked(each);
    const scale = this.lossScale?.value ?? 1;
    if (scale !== 1) feeds.weight = { ...feeds.weight!, data: floats(feeds.weight).map((weight) => weight * scale) };
    if (this.#reference) {
      const scoring = await this.#session(shape, { kind: "none" }, limited, passes.length);
      const scored = await scoring.run(without(feeds, ["weight", "advantage", "old", "counted"]), {
        resident: this.#reference,
      });
      feeds.reference = {
        data: floats(scored.probability).map((p) => Math.max(p, 1e-37)),
        shape: scored.probability!.shape,
      };
    }
    const session = await this.#session(shape, objective, limited, passes.length);
    const fresh = passes.map(({ groups }) => groups.flatMap(({ samples }) => samples.map(({ replayed }) => !replayed)));
    return { feeds, results: await session.run(feeds, { resident: this.resident }), fresh };
  }

  #count({ feeds, results, fresh }: Scored, totals: Totals): void {
    for (const total of ["loss", "entropy", "clipped", "kl"] as const) {
      if (results[total]) { for (const value of floats(results[total])) totals[total] += value; }
    }
    const trainer = floats(results.probability), sampler = floats(feeds.old), counted = floats(feeds.counted);
    const rows = counted.length / fresh.length;
    for (let i = 0; i < counted.length; i++) {
      const columns = fresh[Math.floor(i / rows)]!;
      totals.tokens += counted[i]!;
      if (counted[i]! > 0 && trainer[i] !== sampler[i] && columns[i % rows % columns.length]) {
        totals.gap = Math.max(totals.gap, Math.abs(Math.log(trainer[i]!) - Math.log(sampler[i]!)));
      }
    }
  }

  #session(shape: PassShape, objective: Objective, kept: boolean, count: number): Promise<Session> {
    const adapter = this.adapter?.options ?? null;
    const { config, rl: { temperature, maxPromptTokens, maxCompletionTokens }, weights: { layout } } = this;
    const length = runLength(maxPromptTokens, maxCompletionTokens);
    return this.#sessions.get(
      [...Object.values(shape), objective.kind, kept, count].join(),
      () => {
        const pass = trainGraph({ config, layout, adapter, shape, objective, temperature, kept, length });
        if (count === 1) return pass;
        const weights = new Set(Object.keys(this.resident.tensors())), summed = new Set(gradientNames(pass));
        return repeatGraph(pass, count, { shared: (name) => weights.has(name), summed: (name) => summed.has(name) });
      },
      gradientNames,
    );
  }
}

/** The passes of a batch: whole groups each, or parts of one group where a pass cannot take all of it. */
export function passesOf(
  batch: readonly SampleGroup[],
  { model, layout, rl }: { readonly model: ModelConfig; readonly layout: Layout; readonly rl: Config["rl"] },
): Pass[] {
  const buckets = bucketsOf(layout.size);
  const lengths = batch.flatMap(({ samples }) => samples.map(({ tokens }) => tokens.length));
  const group = batch[0]?.samples.length ?? 0, prompts = batch.map(({ prompt }) => prompt);
  const rows = Math.max(...lengths) + promptBucket(prompts, buckets.prompt) / group;
  const most = rl.microBatch > 0 ? rl.microBatch : sequencesPerPass(model, layout, rows);
  const parts = most >= group
    ? cut(batch, Math.floor(most / group))
    : batch.flatMap(({ prompt, samples }) => cut(samples, most).map((part) => [{ prompt, samples: part }]));
  return parts.map((groups) => ({ groups, shape: shapeOf(groups, buckets) }));
}

/** The same passes, padded to one length of prompts and of completions. */
function alike(passes: readonly Pass[]): Pass[] {
  const longest = (of: "promptLength" | "length") => Math.max(...passes.map(({ shape }) => shape[of]));
  const lengths = { promptLength: longest("promptLength"), length: longest("length") };
  return passes.map(({ groups, shape }) => ({ groups, shape: { ...shape, ...lengths } }));
}

/** Feeds of several passes as one, with a leading axis. */
function stacked(each: readonly Record<string, Tensor>[]): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(each[0]!).map(([name, { shape }]) => {
      const data = joined(each.map((feeds) => feeds[name]!.data));
      return [name, { data, shape: [each.length, ...shape] }];
    }),
  );
}

/** Arrays of one kind end to end; those that {@linkcode layOut} makes. */
function joined(parts: readonly TensorData[]): TensorData {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const all = parts[0] instanceof Float32Array
    ? new Float32Array(size)
    : parts[0] instanceof BigInt64Array
    ? new BigInt64Array(size)
    : new Uint8Array(size);
  const bytes = bytesOf(all);
  let at = 0;
  for (const part of parts) {
    bytes.set(bytesOf(part), at);
    at += part.byteLength;
  }
  return all;
}

/** Padded shape of a pass. */
function shapeOf(groups: readonly SampleGroup[], buckets: ReturnType<typeof bucketsOf>): Pass["shape"] {
  const longest = Math.max(...groups.flatMap(({ samples }) => samples.map(({ tokens }) => tokens.length)));
  return {
    kind: "completions",
    promptLength: promptBucket(groups.map(({ prompt }) => prompt), buckets.prompt),
    prompts: groups.length,
    length: roundUp(longest, buckets.completion),
    group: groups[0]!.samples.length,
  };
}

function without(feeds: Record<string, Tensor>, names: readonly string[]): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => !names.includes(name)));
}

/** Feeds of a pass; rows are (t, p, g). Padding has weight 0, is not counted, and targets token 0. */
export function layOut(
  groups: readonly SampleGroup[],
  { promptLength, prompts, length, group }: Pass["shape"],
  vocabulary: number | null,
): Record<string, Tensor> {
  const width = prompts * group, rows = length * width;
  const tokens = new BigInt64Array(rows - width),
    positions = new BigInt64Array(rows - width),
    targets = new BigInt64Array(rows);
  const weight = new Float32Array(rows),
    advantage = new Float32Array(rows),
    counted = new Float32Array(rows),
    old = new Float32Array(rows).fill(1);
  const kept = vocabulary === null ? null : new Uint8Array(rows * vocabulary).fill(1);
  groups.forEach(({ prompt, samples }, p) =>
    samples.forEach((sample, s) => {
      for (let t = 0; t < length; t++) {
        const row = t * width + p * group + s;
        if (t < length - 1) positions[row] = BigInt(prompt.length + t);
        if (t >= sample.tokens.length) continue;
        const token = BigInt(sample.tokens[t]!);
        targets[row] = token;
        if (t < length - 1) tokens[row] = token;
        weight[row] = sample.weight;
        advantage[row] = sample.advantage;
        counted[row] = sample.weight > 0 ? 1 : 0;
        old[row] = sample.probabilities[t]!;
        kept?.set(sample.kept![t]!, row * vocabulary!);
      }
    })
  );
  const column = (data: Float32Array): Tensor => ({ data, shape: [rows, 1] });
  return {
    ...promptFeeds(groups.map(({ prompt }) => prompt), promptLength),
    tokens: { data: tokens, shape: [rows - width] },
    positions: { data: positions, shape: [rows - width, 1] },
    targets: { data: targets, shape: [rows, 1] },
    weight: column(weight),
    advantage: column(advantage),
    counted: column(counted),
    old: column(old),
    ...(kept ? { kept: { data: kept, shape: [rows, vocabulary!] } } : {}),
  };
}
