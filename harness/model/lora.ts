// LoRA (Hu et al., arXiv 2106.09685) as PEFT defines it: the weight W [out, in] of a target becomes W + (alpha / rank) B A
// with A [rank, in] and B [out, rank]; A and B are trained, everything else is frozen. A is drawn as PEFT draws it,
// kaiming_uniform(a = sqrt 5), B is 0, so that an adapted policy begins as the policy it adapts. No dropout: a completion's
// probabilities must not depend on a coin. Here is what an adapter is; merged_adapter.ts merges it, adapter_folder.ts
// writes it. Source: https://github.com/huggingface/peft, src/peft/tuners/lora.

import { stream } from "../base/prng.ts";
import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import type { Graph } from "../graph/ir.ts";
import type { ModelConfig } from "./config.ts";
import { type Layout, type Parameter, parameterLayout, type Weights } from "./layout.ts";
import type { GraphAdapter } from "./transformer.ts";

/** What an adapter is asked for, as plans record it. */
export interface AdapterOptions {
  readonly rank: number;
  /** B A is scaled by alpha / rank. */
  readonly alpha: number;
  /** Names of {@linkcode TARGETS}, in that order. */
  readonly targets: readonly string[];
}

/** The linear layers of a block; PEFT's "all-linear" is all of them. */
export const TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] as const;

/** How the first A is drawn; raised when that changes. Part of the match proof. */
export const ADAPTER_STREAMS = "uniform in 1 / sqrt(in), Philox 4x32-10 keyed by (seed, lora, layer, target); 1";

/**
 * Checks what was asked for.
 * @param alpha null: twice the rank
 * @param targets names, or "all-linear" alone; null: all linear layers
 * @throws MisuseError naming the value and what is allowed
 */
export function adapterOptions(
  config: ModelConfig,
  rank: number,
  alpha: number | null,
  targets: readonly string[] | null,
): AdapterOptions {
  const asked = targets === null || (targets.length === 1 && targets[0] === "all-linear") ? TARGETS : targets;
  const refuse = (why: string) => new MisuseError(`Cannot use --lora-targets ${targets?.join(",")}: ${why}`);
  const known = `${TARGETS.join(", ")}, or all-linear alone`;
  if (asked.length === 0) throw refuse(`it names no layer … name some of ${known}`);
  for (const [i, name] of asked.entries()) {
    if (!TARGETS.some((target) => target === name)) {
      throw refuse(`there is no linear layer "${name}"${suggest(name, TARGETS)} … the layers are ${known}`);
    }
    if (asked.indexOf(name) !== i) throw refuse(`it names ${name} twice`);
  }
  if (alpha !== null && !(alpha > 0 && alpha < Infinity)) {
    throw new MisuseError(`Cannot use --lora-alpha ${alpha}: it must be a number above 0`);
  }
  const chosen = TARGETS.filter((target) => asked.includes(target));
  const largest = Math.max(...targetsOf(config, chosen).map(({ weight: { shape } }) => Math.min(...shape)));
  if (!(Number.isInteger(rank) && rank >= 1 && rank <= largest)) {
    throw new MisuseError(
      `Cannot use --lora ${rank}: the rank must be an integer from 1 to ${largest}, the largest that a matrix of ${
        chosen.join(", ")
      } of this policy can have`,
    );
  }
  return { rank, alpha: alpha ?? 2 * rank, targets: chosen };
}

/** One adapted layer. */
export interface Target {
  /** Hugging Face's name of the module, e.g. "model.layers.0.self_attn.q_proj". */
  readonly module: string;
  readonly layer: number;
  /** Place among {@linkcode TARGETS}. */
  readonly place: number;
  /** The policy's weight, [out, in]. */
  readonly weight: Parameter;
}

/** The layers of these names, in the order of the policy's layout. */
export function targetsOf(config: ModelConfig, targets: readonly string[]): Target[] {
  return parameterLayout(config).parameters.flatMap((weight) => {
    const [, module = "", layer, name = ""] = /^(model\.layers\.(\d+)\.\w+\.(\w+_proj))\.weight$/.exec(weight.name) ??
      [];
    const place = TARGETS.findIndex((target) => target === name);
    return targets.includes(name) ? [{ module, layer: Number(layer), place, weight }] : [];
  });
}

/** Names of A and B of a module; PEFT puts "base_model.model." before them. */
export const matrixNames = (module: string): { readonly a: string; readonly b: string } => ({
  a: `${module}.lora_A.weight`,
  b: `${module}.lora_B.weight`,
});

/** Where A and B of all targets lie: in the order of their names, which is that of PEFT's file. All of it decays. */
export function adapterLayout(config: ModelConfig, { rank, targets }: AdapterOptions): Layout {
  const shapes = targetsOf(config, targets).flatMap(({ module, weight: { shape: [outputs = 0, inputs = 0] } }) => {
    const { a, b } = matrixNames(module);
    return [{ name: a, shape: [rank, inputs] }, { name: b, shape: [outputs, rank] }];
  }).sort((a, b) => a.name < b.name ? -1 : 1);
  let size = 0;
  const parameters = shapes.map(({ name, shape }): Parameter => {
    const parameter = { name, shape, offset: size, size: shape[0]! * shape[1]!, decay: true };
    size += parameter.size;
    return parameter;
  });
  return { parameters, size, decayed: size };
}

/** A fresh adapter: A uniform in ±1 / sqrt(in), which is kaiming_uniform(a = sqrt 5), a stream for each; B zero. */
export function initialAdapter(config: ModelConfig, options: AdapterOptions, seed: number): Weights {
  const layout = adapterLayout(config, options), data = new Float32Array(layout.size);
  const places = new Map(layout.parameters.map((parameter) => [parameter.name, parameter]));
  for (const { module, layer, place } of targetsOf(config, options.targets)) {
    const { shape, offset, size } = places.get(matrixNames(module).a)!;
    const random = stream(seed, "lora", layer, place), bound = 1 / Math.sqrt(shape[1]!);
    for (let i = offset; i < offset + size; i++) data[i] = bound * (2 * random.uniform() - 1);
  }
  return { layout, data };
}

/** Declares an adapter's matrices as inputs of a graph. */
export function declareAdapter(g: Graph, config: ModelConfig, options: AdapterOptions): GraphAdapter {
  const inputs = new Map(
    adapterLayout(config, options).parameters.map(({ name, shape }) => [name, g.input(name, "float32", shape)]),
  );
  const modules = targetsOf(config, options.targets).map(({ module }) => {
    const { a, b } = matrixNames(module);
    return [module, { a: inputs.get(a)!, b: inputs.get(b)! }] as const;
  });
  return { scale: options.alpha / options.rank, modules: new Map(modules) };
}
