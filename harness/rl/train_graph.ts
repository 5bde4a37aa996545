// The graph of one backward pass: probabilities of given tokens, a loss over them, and the loss's gradient with respect
// to every weight, or to those of an adapter alone. It is a function of (weights, tokens, numbers per token) and nothing else; batches larger than one
// pass are sums over passes (harness/rl/learner.ts). Built for a shape and cached by it.

import { dimension, Graph, type Value } from "../graph/ir.ts";
import { gradients } from "../graph/reverse.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Layout } from "../model/layout.ts";
import { adapterLayout, type AdapterOptions, declareAdapter } from "../model/lora.ts";
import { isLarge } from "../runtime/choose.ts";
import { causal, continued, declareModel, decoder, headWeight, type Model } from "../model/transformer.ts";

/** See {@linkcode PassShape}. */
export type SequenceShape = { readonly kind: "sequences"; readonly length: number; readonly batch: number };

/** Rows of a pass. `sequences`: B texts of T tokens. `completions`: P prompts of S tokens, G completions of T tokens each. */
export type PassShape =
  | SequenceShape
  | {
    readonly kind: "completions";
    readonly promptLength: number;
    readonly prompts: number;
    readonly length: number;
    readonly group: number;
  };

/**
 * What is minimised, over token probabilities p [N, 1]:
 *   supervised       -sum w log p
 *   policy-gradient  sum w (-min(r A, clip(r) A) + beta k3), r = p / old   (PPO, arXiv 1707.06347 eq. 7; GRPO, 2402.03300 eq. 3)
 *   none             nothing: probabilities only
 */
export type Objective =
  | { readonly kind: "supervised" }
  | { readonly kind: "policy-gradient"; readonly clipLow: number; readonly clipHigh: number; readonly klBeta: number }
  | { readonly kind: "none" };

export interface PassOptions {
  readonly config: ModelConfig;
  readonly layout: Layout;
  /** What is trained in place of the weights, which then have it merged into them. @default null */
  readonly adapter?: AdapterOptions | null;
  readonly shape: PassShape;
  readonly objective: Objective;
  /** Sampling temperature: probabilities are those of the distribution that was sampled from. */
  readonly temperature: number;
  /** A `kept` input [N, V] bool limits each distribution's support (top-k, top-p). */
  readonly kept: boolean;
  /** Positions that the rotary tables cover; at least the longest sequence of the pass. */
  readonly length: number;
  readonly products?: Model["products"];
  /** The same gradients with less memory and a little more time, see reverse.ts. @default of large models */
  readonly sparing?: boolean;
  /** Logits are made in chunks of rows that stay under this many bytes. @default 256 MiB */
  readonly logitsBytes?: number;
}

/** Tokens that a pass scores. */
export function scoredTokens(shape: PassShape): number {
  return shape.kind === "sequences" ? shape.length * shape.batch : shape.prompts * shape.group * shape.length;
}

/** Name of the output that holds the gradient of a trained input. */
export const gradientName = (weight: string): string => `gradient.${weight}`;

/** The gradients among a pass's outputs. */
export const gradientNames = (pass: Graph): string[] =>
  [...pass.outputs.keys()].filter((name) => name.startsWith(gradientName("")));

/** Hidden states [N, D] that predict the scored tokens, rows (t, batch…). */
function trunk(g: Graph, model: Model, shape: PassShape): Value {
  const positions = (length: number, batch: number) =>
    g.constant(BigInt64Array.from({ length: length * batch }, (_, i) => BigInt(Math.floor(i / batch))), [
      length * batch,
      1,
    ]);
  if (shape.kind === "sequences") {
    const { length, batch } = shape;
    const tokens = g.input("tokens", "int64", [length * batch]);
    return decoder(g, model, tokens, positions(length, batch), causal(g, model, length, batch).attend);
  }
  const { promptLength, prompts, length, group } = shape, width = model.config.hiddenSize;
  const prompt = causal(g, model, promptLength, prompts);
  const promptHidden = decoder(
    g,
    model,
    g.input("promptTokens", "int64", [promptLength * prompts]),
    positions(promptLength, prompts),
    prompt.attend,
  );
  const last = g.gather(promptHidden, g.input("promptLast", "int64", [prompts])); // [P, D]
  const first = g.reshape(g.expand(g.reshape(last, [prompts, 1, width]), [prompts, group, width]), [
    prompts * group,
    width,
  ]);
  const mask = g.input("promptMask", "float32", [prompts, 1, 1, 1, promptLength]);
  const rows = (length - 1) * prompts * group; // the last token predicts nothing
  const attend = continued(g, model, prompt.caches, mask, length - 1, group);
  const rest = decoder(g, model, g.input("tokens", "int64", [rows]), g.input("positions", "int64", [rows, 1]), attend);
  return g.concat([first, rest], 0);
}

/** A probability that may be divided by and taken the logarithm of: padding may target what underflows to 0. */
const safe = (g: Graph, probability: Value): Value => g.op("Max", [probability, g.scalar(1e-37)]);

/** What a pass knows of the tokens that it scores. */
export interface Scores {
  readonly probability: Value; // [N, 1]
  readonly entropy: Value; // [N, 1]
}

/** Probability of the targets and entropy of their distributions, by chunks of rows. */
function score(g: Graph, model: Model, hidden: Value, options: PassOptions): Scores {
  const rows = dimension(hidden, 0), vocabulary = model.config.vocabSize, { logitsBytes = 2 ** 28 } = options;
  const chunks = Math.min(rows, Math.ceil(rows * vocabulary * 4 / logitsBytes)), size = Math.ceil(rows / chunks);
  const targets = g.input("targets", "int64", [rows, 1]);
  const kept = options.kept ? g.input("kept", "bool", [rows, vocabulary]) : null;
  const parts: Scores[] = [];
  for (let start = 0; start < rows; start += size) {
    const cut = (value: Value) => g.slice(value, 0, start, Math.min(rows, start + size));
    const inputs = [cut(hidden), headWeight(model), cut(targets), ...(kept ? [cut(kept)] : [])];
    const [probability, distribution, logits] = g.apply("TokenProbability", inputs, {
      scale: 1 / options.temperature,
    }) as [Value, Value, Value];
    // H = log Z - sum P z, and log Z = z_target - log p
    const logZ = g.sub(g.op("GatherElements", [logits, cut(targets)]), g.log(safe(g, probability)));
    parts.push({ probability, entropy: g.sub(logZ, g.sum(g.mul(distribution, logits), [-1], true)) });
  }
  return {
    probability: g.concat(parts.map((part) => part.probability), 0),
    entropy: g.concat(parts.map((part) => part.entropy), 0),
  };
}

/** The loss, a scalar, and what is logged with it, as outputs of the graph. */
export function loss(g: Graph, objective: Objective, { probability: p, entropy }: Scores): Value | null {
  if (objective.kind === "none") return null;
  const column = (name: string) => g.input(name, "float32", [dimension(p, 0), 1]);
  const total = (value: Value) => g.sum(value, [0, 1], false);
  const positive = safe(g, p);
  const weight = column("weight");
  if (objective.kind === "supervised") return total(g.neg(g.mul(weight, g.log(positive))));
  const { clipLow, clipHigh, klBeta } = objective;
  const advantage = column("advantage"), counted = column("counted");
  const ratio = g.div(p, column("old"));
  const unclipped = g.mul(ratio, advantage);
  const clipped = g.mul(g.op("Clip", [ratio], { min: 1 - clipLow, max: 1 + clipHigh }), advantage);
  let cost = g.neg(g.op("Min", [unclipped, clipped]));
  g.output("clipped", total(g.mul(counted, g.cast(g.op("Less", [clipped, unclipped]), "float32"))));
  g.output("entropy", total(g.mul(counted, entropy)));
  if (klBeta > 0) {
    const q = g.div(column("reference"), positive); // k3 = q - log q - 1, q = reference / p (Schulman, "Approximating KL divergence")
    const k3 = g.sub(g.sub(q, g.log(q)), g.scalar(1));
    cost = g.add(cost, g.mul(g.scalar(klBeta), k3));
    g.output("kl", total(g.mul(counted, k3)));
  }
  return total(g.mul(weight, cost));
}

/** Builds a pass. Outputs: `probability` [N, 1], and with an objective `loss` and one gradient for each trained input. */
export function trainGraph(options: PassOptions): Graph {
  const { config, layout, shape, objective, length } = options;
  const adapter = objective.kind === "none" ? null : options.adapter ?? null,
    sparing = options.sparing ?? isLarge(layout.size);
  const g = new Graph();
  const model: Model = {
    ...declareModel(g, config, layout.parameters, length, options.products),
    adapter: adapter && declareAdapter(g, config, adapter),
    sparing,
  };
  const scores = score(g, model, trunk(g, model, shape), options);
  g.output("probability", scores.probability);
  const value = loss(g, objective, scores);
  if (!value) return g;
  g.output("loss", value);
  const { parameters } = adapter ? adapterLayout(config, adapter) : layout;
  const found = gradients(g, value, parameters.map(({ name }) => g.inputs.get(name)!), { sparing });
  parameters.forEach(({ name }, i) => {
    const gradient = found[i];
    if (!gradient) throw new Error(`Cannot train: the loss does not depend on "${name}"`);
    g.output(gradientName(name), gradient);
  });
  return g;
}
