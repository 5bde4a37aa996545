// Tables of rotary position embedding (Su et al., arXiv:2104.09864) as transformers computes them, in float32 step by
// step: inverse frequencies, then position * frequency, then cosine and sine. Scalings: linear (positions squeezed by a
// factor), dynamic (NTK-aware: a larger base for longer sequences) and llama3 (low frequencies squeezed, high ones kept,
// a smooth passage between). Source: modeling_rope_utils.py in https://github.com/huggingface/transformers.

import type { ModelConfig } from "./config.ts";

/** Cosines and sines, both [length, headDim / 2]. */
export interface RopeTables {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/**
 * The tables for positions 0 to length - 1.
 *
 * Dynamic scaling depends on the length: one table serves a whole run, so it must be made for the run's longest
 * sequence. Up to the original context it equals the unscaled table; transformers, which recomputes its table as a
 * sequence grows, agrees from the moment at which a sequence has this length.
 */
export function ropeTables(config: ModelConfig, length: number): RopeTables {
  const frequencies = inverseFrequencies(config, length);
  const half = frequencies.length;
  const cos = new Float32Array(length * half);
  const sin = new Float32Array(length * half);
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(position * frequencies[i]!);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Radians a position for each rotated pair, [headDim / 2]. */
function inverseFrequencies(config: ModelConfig, length: number): Float32Array {
  const { headDim, rope: { theta, scaling } } = config;
  const round = Math.fround;
  let base = theta;
  if (scaling?.type === "dynamic") {
    const { factor, originalMaxPositions } = scaling;
    const stretch = round(
      round(round(factor * Math.max(length, originalMaxPositions)) / originalMaxPositions) - (factor - 1),
    );
    base = theta * round(Math.pow(stretch, headDim / (headDim - 2)));
  }
  const frequencies = Float32Array.from(
    { length: headDim / 2 },
    (_, i) => 1 / round(Math.pow(round(base), round((2 * i) / headDim))),
  );
  if (scaling?.type === "linear") return frequencies.map((frequency) => frequency / scaling.factor);
  if (scaling?.type !== "llama3") return frequencies;

  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scaling;
  return frequencies.map((frequency) => {
    const wavelength = round(round(2 * Math.PI) / frequency);
    if (wavelength > originalMaxPositions / lowFreqFactor) return frequency / factor;
    if (wavelength < originalMaxPositions / highFreqFactor) return frequency;
    const turns = round(originalMaxPositions / wavelength);
    const smooth = round(round(turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor));
    return round(round(round(1 - smooth) * frequency) / factor) + round(smooth * frequency);
  });
}
