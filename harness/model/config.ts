// The shape of a policy, read from Hugging Face's config.json: the Llama family (Llama 3, Falcon3, SmolLM2), Qwen2,
// Qwen3. It holds what the transformer needs and nothing else; `raw` keeps the file as it was, to be written back
// unchanged. Defaults are those of transformers' configs; sizes, the context and the norm's epsilon have none.
// A feature that changes the computation and is not implemented is refused by name, never ignored.
// Source: https://github.com/huggingface/transformers/tree/main/src/transformers/models (llama, qwen2, qwen3).

import { FailureError, MisuseError } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json_file.ts";

/** The families of models that are covered. */
export type Architecture = "llama" | "qwen2" | "qwen3";

/** How positions beyond the trained context are reached. */
export type RopeScaling =
  | { readonly type: "linear"; readonly factor: number }
  | { readonly type: "dynamic"; readonly factor: number; readonly originalMaxPositions: number }
  | {
    readonly type: "llama3";
    readonly factor: number;
    readonly lowFreqFactor: number;
    readonly highFreqFactor: number;
    readonly originalMaxPositions: number;
  };

/** Rotary position embedding: its base and its scaling. */
export interface RopeConfig {
  readonly theta: number;
  readonly scaling: RopeScaling | null;
}

/** The shape of a decoder-only transformer of the Llama, Qwen2 or Qwen3 family. */
export interface ModelConfig {
  readonly architecture: Architecture;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  /** Query heads; a multiple of `kvHeads`. */
  readonly heads: number;
  readonly kvHeads: number;
  /** Even; heads * headDim need not be `hiddenSize`. */
  readonly headDim: number;
  readonly intermediateSize: number;
  /** Added to the mean square in RMSNorm. */
  readonly normEpsilon: number;
  /** The context: the longest sequence, prompt and completion together, in tokens. */
  readonly maxPositions: number;
  /** The head is the embedding, transposed. */
  readonly tiedEmbedding: boolean;
  readonly qkvBias: boolean;
  /** Each head of the query and the key is normalised before positions turn it. */
  readonly headNorm: boolean;
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  readonly rope: RopeConfig;
  /** Standard deviation of fresh weight matrices. */
  readonly initializerRange: number;
  readonly bosTokenId: number | null;
  /** As config.json has them; a policy's tokenizer holds the list that also heeds generation_config.json. */
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
  /** The JSON object that was read, to be written back unchanged. */
  readonly raw: JsonObject;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  LlamaForCausalLM: "llama",
  Qwen2ForCausalLM: "qwen2",
  Qwen3ForCausalLM: "qwen3",
};

/** Beyond these a number is a slip, and would exhaust memory before anything could be checked against the weights. */
const LARGEST = { size: 2 ** 20, layers: 1024, tokens: 2 ** 22, positions: 2 ** 24 };

/** One JSON object whose fields are read with a check; the name in messages is dotted, e.g. "rope_scaling.factor". */
class Fields {
  constructor(readonly json: JsonObject, readonly path: string, readonly prefix = "") {}

  /** The value, or undefined where it is absent or null. */
  get(name: string): unknown {
    return (Object.hasOwn(this.json, name) ? this.json[name] : undefined) ?? undefined;
  }

  bad(name: string, must: string): FailureError {
    return new FailureError(
      `Cannot read "${this.path}": "${this.prefix}${name}" is ${
        shown(this.get(name))
      }; it must be ${must} … take config.json from the model's source again`,
    );
  }

  integer(name: string, range: readonly [number, number], fallback?: number): number {
    const value = this.get(name) ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= range[0] && value <= range[1]) return value;
    throw this.bad(name, `an integer from ${range[0]} to ${range[1]}`);
  }

  /** A finite number above zero. */
  positive(name: string, fallback?: number): number {
    const value = this.get(name) ?? fallback;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw this.bad(name, "a number above 0");
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.get(name) ?? fallback;
    if (typeof value === "boolean") return value;
    throw this.bad(name, "true or false");
  }

  object(name: string): Fields | null {
    const value = this.get(name);
    if (value === undefined) return null;
    if (!isObject(value)) throw this.bad(name, "an object");
    return new Fields(value, this.path, `${this.prefix}${name}.`);
  }
}

/** A value as messages show it. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return value.every((item) => typeof item === "string") ? `[${value.join(", ")}]` : "a list";
  if (isObject(value)) return "an object";
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 100);
}

/**
 * Reads the parsed content of a Hugging Face config.json.
 * @param path of the file, for messages
 * @throws MisuseError where the model needs something that is not supported; FailureError where a value is malformed
 */
export function parseModelConfig(json: unknown, path: string): ModelConfig {
  if (!isObject(json)) throw new FailureError(`Cannot read "${path}": the file must hold a JSON object`);
  const fields = new Fields(json, path);
  const unsupported = (name: string, value: unknown, supported: string) =>
    new MisuseError(
      `Cannot use the model of "${path}": "${name}" is ${shown(value)} … choose a model with ${supported}`,
    );

  const named = fields.get("architectures");
  const architectureName = Array.isArray(named) && named.length === 1 && typeof named[0] === "string" ? named[0] : "";
  if (!Object.hasOwn(ARCHITECTURES, architectureName)) {
    throw unsupported("architectures", named, Object.keys(ARCHITECTURES).join(", ").replace(/, (?!.*,)/, " or "));
  }
  const architecture = ARCHITECTURES[architectureName] ?? "llama";
  const llama = architecture === "llama", qwen2 = architecture === "qwen2", qwen3 = architecture === "qwen3";

  const activation = fields.get("hidden_act") ?? "silu";
  if (activation !== "silu") throw unsupported("hidden_act", activation, '"silu"');
  if (fields.get("quantization_config") !== undefined) {
    throw unsupported("quantization_config", fields.get("quantization_config"), "weights in F32, F16 or BF16");
  }

  const vocabSize = fields.integer("vocab_size", [1, LARGEST.tokens]);
  const hiddenSize = fields.integer("hidden_size", [1, LARGEST.size]);
  const layers = fields.integer("num_hidden_layers", [1, LARGEST.layers]);
  const heads = fields.integer("num_attention_heads", [1, LARGEST.size]);
  const kvHeads = fields.integer("num_key_value_heads", [1, LARGEST.size], heads);
  if (heads % kvHeads !== 0) throw fields.bad("num_key_value_heads", `a divisor of "num_attention_heads" (${heads})`);
  if (!qwen3 && fields.get("head_dim") === undefined && hiddenSize % heads !== 0) {
    throw fields.bad("hidden_size", `a multiple of "num_attention_heads" (${heads}) where "head_dim" is not given`);
  }
  const headDim = fields.integer("head_dim", [2, LARGEST.size], qwen3 ? undefined : hiddenSize / heads);
  if (headDim % 2 !== 0) throw fields.bad("head_dim", "even, as rotary positions turn pairs");
  const maxPositions = fields.integer("max_position_embeddings", [1, LARGEST.positions]);

  const attentionBias = fields.boolean("attention_bias", false);
  if (slidingWindowInUse(fields, layers)) {
    throw unsupported("use_sliding_window", true, "full attention in every layer");
  }

  const token = (name: string, fallback: number | null): number | null => {
    if (fields.get(name) === undefined) return json[name] === null ? null : fallback;
    return fields.integer(name, [0, vocabSize - 1]);
  };

  return {
    architecture,
    vocabSize,
    hiddenSize,
    layers,
    heads,
    kvHeads,
    headDim,
    intermediateSize: fields.integer("intermediate_size", [1, LARGEST.size]),
    normEpsilon: fields.positive("rms_norm_eps"),
    maxPositions,
    tiedEmbedding: fields.boolean("tie_word_embeddings", false),
    qkvBias: qwen2 || attentionBias,
    headNorm: qwen3,
    outputBias: !qwen2 && attentionBias,
    mlpBias: llama ? fields.boolean("mlp_bias", false) : false,
    rope: parseRope(fields, headDim, maxPositions, unsupported),
    initializerRange: fields.positive("initializer_range", 0.02),
    bosTokenId: token("bos_token_id", llama ? 1 : null),
    eosTokenIds: parseTokenIds(json, "eos_token_id", vocabSize, path),
    padTokenId: token("pad_token_id", null),
    raw: json,
  };
}

/** A field that holds a token id, a list of them, null or nothing. Also used for generation_config.json. */
export function parseTokenIds(
  json: JsonObject,
  name: string,
  vocabSize: number,
  path: string,
): readonly number[] {
  const fields = new Fields(json, path);
  const value = fields.get(name) ?? [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  return ids.map((id) => {
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabSize) return id;
    throw fields.bad(name, `a token id below "vocab_size" (${vocabSize}), or a list of them`);
  });
}

/** Qwen windows the layers from `max_window_layers` on, and only where `use_sliding_window` says so. */
function slidingWindowInUse(fields: Fields, layers: number): boolean {
  const types = fields.get("layer_types");
  if (Array.isArray(types)) return types.some((type) => type !== "full_attention");
  const width = fields.json["sliding_window"]; // null is none, and where it is missing there is a default
  return fields.boolean("use_sliding_window", false) && width !== null &&
    fields.integer("max_window_layers", [0, LARGEST.layers], 0) < layers;
}

/** Both spellings: `rope_theta` + `rope_scaling` (whose type is `type` or `rope_type`), and `rope_parameters`. */
function parseRope(
  fields: Fields,
  headDim: number,
  maxPositions: number,
  unsupported: (name: string, value: unknown, supported: string) => MisuseError,
): RopeConfig {
  const block = fields.object("rope_scaling") ?? fields.object("rope_parameters") ?? new Fields({}, fields.path);
  const theta = block.get("rope_theta") === undefined
    ? fields.positive("rope_theta", 10_000)
    : block.positive("rope_theta");
  const share = block.get("partial_rotary_factor") ?? fields.get("partial_rotary_factor") ?? 1;
  if (share !== 1) throw unsupported("partial_rotary_factor", share, "rotary positions over whole heads");

  const type = block.get("rope_type") ?? block.get("type") ?? "default";
  if (type === "default") return { theta, scaling: null };
  if (type !== "linear" && type !== "dynamic" && type !== "llama3") {
    throw unsupported(`${block.prefix}rope_type`, type, '"default", "linear", "dynamic" or "llama3"');
  }
  const factor = block.positive("factor");
  if (type === "linear") return { theta, scaling: { type, factor } };
  if (type === "dynamic") {
    if (headDim < 4) throw fields.bad("head_dim", "at least 4 under dynamic rotary scaling");
    if (factor < 1) throw block.bad("factor", "at least 1");
    return { theta, scaling: { type, factor, originalMaxPositions: maxPositions } };
  }
  const lowFreqFactor = block.positive("low_freq_factor");
  const highFreqFactor = block.positive("high_freq_factor");
  if (highFreqFactor <= lowFreqFactor) {
    throw block.bad("high_freq_factor", `above "low_freq_factor" (${lowFreqFactor})`);
  }
  // As in transformers: a field beside the block comes before the one in it.
  const holder = fields.get("original_max_position_embeddings") === undefined ? block : fields;
  const originalMaxPositions = holder.integer(
    "original_max_position_embeddings",
    [1, LARGEST.positions],
    maxPositions,
  );
  return { theta, scaling: { type, factor, lowFreqFactor, highFreqFactor, originalMaxPositions } };
}
