// The recipe of Memory-R+ (Le et al., arXiv 2504.02273 v1), field by field: what the profiles "paper" and "paper-aimo" set,
// what the paper's runs had, where that is said, and why the two differ where they do. Where the paper is silent its
// released code decides, and where that is silent the library that it runs on; what nobody says is named as not known.
//
//   v1        the paper, arXiv version 1: sections and tables
//   code      github.com/thaihungle/Memory-R at a193f4f
//   TRL       huggingface/trl 0.14.0, which the code pins: its defaults
//   derived   follows from the others

import type { FieldValue } from "../records/schema.ts";

/** One field of a recipe. */
export interface RecipeRow {
  /** A config field by its dotted name, or in words what is none. */
  readonly field: string;
  /** As the profile has it. */
  readonly value: FieldValue;
  /** As the paper's runs had it; null: not known, or nothing like it was there. */
  readonly paper: FieldValue;
  /** Where that is said; empty: nowhere. */
  readonly source: string;
  /** Why it differs, or what else must be known. */
  readonly note: string;
}

const same = (field: string, value: FieldValue, source: string, note = ""): RecipeRow => ({
  ...{ field, value, source, note },
  paper: value,
});
const other = (field: string, value: FieldValue, paper: FieldValue, source: string, note: string): RecipeRow => ({
  ...{ field, value, paper, source, note },
});
const unknown = (field: string, value: FieldValue, note: string): RecipeRow => other(field, value, null, "", note);

/** Training on GSM8K: table 4 of the paper, left column. */
export const gsm8kRecipe: readonly RecipeRow[] = [
  same("task", "gsm8k", "v1 section 3"),
  same(
    "policy",
    "Qwen/Qwen2.5-0.5B-Instruct",
    "v1 section 3",
    "and tiiuae/Falcon3-1B-Instruct, meta-llama/Llama-3.2-1B-Instruct: --policy; which commits is not known",
  ),
  same(
    "arms",
    "base, grpo, cosine, memory-r, memory-r+",
    "v1 section 3",
    "there Base, R1, Cosine, Memory-R, Memory-R+",
  ),
  same("seeds", "0, 1, 2", "v1 section 3; code", "three; which is said in the evaluation script alone"),
  other(
    "training questions",
    7090,
    7473,
    "v1 table 4",
    "383 are held out for validation, so that no checkpoint is chosen on test questions",
  ),
  same(
    "prompt",
    "paper",
    "code",
    "table 3 of the paper shows R1's system prompt instead: --prompt think; Llama had an example in it, which is not done",
  ),
  same(
    "rewards",
    "correctness 1, integer 0.5, layouts 0.5, tags 0.5",
    "code",
    "gold without commas",
  ),
  other("precision", "float32", "bfloat16", "v1 table 4", "weights and optimizer; small updates are lost in bfloat16"),
  other(
    "left padding",
    "never attended to",
    "attended to in a batch of two",
    "TRL",
    "a fault of that version, not repeated",
  ),
  other(
    "evaluated on",
    "gsm8k",
    "GSM8K, MATH-500, AIME24",
    "v1 section 3",
    "write the weights by `deno task policy`, then `deno task eval math500` and `deno task eval aime24`",
  ),
  other(
    "test answers",
    "greedy, up to rl.maxCompletionTokens",
    "one sample, up to 32768 tokens",
    "code",
    "the temperature is not stated; LightEval's default was then 1, so probably sampled",
  ),
  other(
    "test grading",
    "strict",
    "LightEval's extractive match",
    "v1 section 3",
    "--grading lenient is nearer to it",
  ),

  same("rl.updates", 467, "derived", "7473 questions, 16 an update; of the 7090 it is 1.05 epochs"),
  same("rl.tokens", 0, "derived", "updates end the training"),
  same("rl.questions", 16, "v1 table 4", "2 x 8, Falcon 1 x 16: prompts in TRL 0.14.0"),
  same("rl.completions", 16, "v1 table 4"),
  other(
    "rl.maxPromptTokens",
    512,
    256,
    "v1 table 4",
    "here a longer prompt is refused; there it was cut for the loss alone",
  ),
  same("rl.maxCompletionTokens", 200, "v1 table 4"),
  same("rl.temperature", 0.9, "TRL", "the paper states none"),
  unknown("rl.topK", 0, "the paper and the code state none"),
  unknown("rl.topP", 1, "the paper and the code state none"),
  same("rl.correctnessWeight", 1, "code"),
  same("rl.formatWeight", 1, "code"),
  same("rl.intrinsicOnZeroGroups", true, "v1 equation 8"),
  same("rl.redraws", 0, "code"),
  same("rl.replay", 0, "code"),
  same("rl.advantage", "std", "TRL"),
  same("rl.advantageEpsilon", 1e-4, "TRL"),
  same("rl.loss", "grpo", "TRL"),
  unknown("rl.clipLow", 0.2, "without effect: one update a batch, the ratio is 1"),
  unknown("rl.clipHigh", 0.2, "the same"),
  same("rl.updatesPerBatch", 1, "TRL"),
  same("rl.klBeta", 0.04, "TRL", "the paper states none"),
  same("rl.maskTruncated", false, "TRL"),
  unknown("rl.microBatch", 0, "chosen here; changes no update"),
  same("rl.learningRate", 5e-6, "v1 table 4"),
  same("rl.schedule", "cosine", "v1 table 4"),
  same("rl.warmup", 0.1, "v1 table 4"),
  same("rl.beta1", 0.9, "v1 table 4"),
  same("rl.beta2", 0.99, "v1 table 4"),
  unknown("rl.epsilon", 1e-8, "the default of AdamW"),
  same("rl.weightDecay", 0.1, "v1 table 4"),
  same("rl.maxGradNorm", 0.1, "v1 table 4"),

  same("memory.embedder", "minilm", "v1 table 5"),
  other(
    "memory.minilm",
    "Xenova/all-MiniLM-L6-v2",
    "sentence-transformers/all-MiniLM-L6-v2",
    "code",
    "the same weights in ONNX",
  ),
  same("memory.response", "reasoning", "code", "the paper says the response"),
  same(
    "memory.order",
    "as-released",
    "code",
    "the paper does not say; it tells the bonus what the verifier said: memory-r+:order=score-first is the control",
  ),
  other(
    "memory.key",
    "question",
    "as-released",
    "code",
    "the paper says the question; the code takes the first of each two: memory-r+:key=as-released",
  ),
  same("memory.keys", 7473, "v1 section 2.2", "the code has 10000; both hold every question"),
  same("memory.values", 100, "v1 section 2.2", "the code has 1000 in Memory-R"),
  same("memory.neighbours", 1, "v1 section 2.2"),
  same("memory.window", 100, "v1 section 2.2"),
  unknown("memory.epsilon", 1e-8, "equation 6 has one without a value"),
  same("memory.exploitWeight", 1, "v1 section 2.2"),
  same("memory.exploreWeight", 1, "v1 section 2.2"),
  same(
    "memory.warmup",
    0.107,
    "v1 section 2.2",
    "50 of 467 updates, an example in the paper; the code waits for 500 questions, some 31 to 62 updates",
  ),
  same("memory.annealing", 1, "v1 section 2.2; code"),
  unknown("memory.exactKeys", 20_000, "the code searches exactly, and so does this at that size"),
  same("cosine.unit", "chars", "code", "against a cap in tokens: a fault of units, kept"),

  same("evaluation.every", 100, "code", "there a checkpoint was kept, here validation is asked as well"),
  unknown("evaluation.validationItems", 383, "the paper has no validation questions"),
  same("evaluation.testItems", 1319, "v1 section 3"),
  same("evaluation.samples", 0, "v1 section 3", "one answer a question"),
  other(
    "evaluation.checkpoint",
    "last",
    "last and best",
    "v1 table 1",
    "there the best was chosen on the test questions; here best goes by validation: --set evaluation.checkpoint=best",
  ),
  unknown("evaluation.batch", 64, "bounds memory, changes no result"),
];

/** Training on NuminaMath-TIR: table 4 of the paper, right column. Its script was not released. */
export const aimoRecipe: readonly RecipeRow[] = changed(gsm8kRecipe, [
  same("task", "aimo", "v1 section 4.2"),
  same("policy", "Qwen/Qwen2.5-0.5B-Instruct", "v1 section 4.2", "which commit is not known"),
  other(
    "training questions",
    "about 1900",
    2000,
    "v1 table 4",
    "one in twenty is held out for validation; which 2000 is not known",
  ),
  unknown("prompt", "paper", "the script was not released; probably open-r1's, which is near to --prompt think"),
  other(
    "rewards",
    "correctness 1, layouts 0.5, tags 0.5",
    "correctness, XML, reasoning steps",
    "v1 section 4.2",
    "open-r1's reward for written steps is not paid here; answers are compared as mathematics",
  ),
  other(
    "evaluated on",
    "AI-MO's validation sets",
    "GSM8K, MATH-500, AIME24",
    "v1 table 2",
    "write the weights by `deno task policy`, then `deno task eval`; AIME24 is among the 173 questions",
  ),
  same("rl.updates", 124, "derived", "4 epochs of 2000 questions, 64 an update"),
  same("rl.questions", 64, "v1 table 4", "4 x 16: prompts in TRL 0.14.0"),
  other(
    "rl.maxPromptTokens",
    1024,
    512,
    "v1 table 4",
    "here a longer prompt is refused; there it was cut for the loss alone",
  ),
  same("rl.maxCompletionTokens", 300, "v1 table 4"),
  same("memory.keys", 2000, "v1 section 2.2"),
  same("memory.neighbours", 20, "v1 table 2", "best of 1, 10, 20 and 30"),
  same("memory.warmup", 0.4, "derived", "50 of 124 updates, if it was 50 here too; the paper does not say"),
  other("evaluation.every", 31, 100, "code", "an epoch; the released script, for GSM8K, keeps every 100th"),
  unknown("evaluation.validationItems", 100, "the paper has no validation questions"),
  other("evaluation.testItems", 173, null, "", "all that AI-MO's validation sets have"),
]);

function changed(rows: readonly RecipeRow[], changes: readonly RecipeRow[]): readonly RecipeRow[] {
  const byField = new Map(changes.map((row) => [row.field, row]));
  return rows.map((row) => byField.get(row.field) ?? row);
}

/** The config fields that a recipe sets, by group. */
export function recipeConfig(
  rows: readonly RecipeRow[],
): Readonly<Record<string, Readonly<Record<string, FieldValue>>>> {
  const config: Record<string, Record<string, FieldValue>> = {};
  for (const { field, value } of rows) {
    const [group, name] = field.split(".");
    if (group !== undefined && name !== undefined) (config[group] ??= {})[name] = value;
  }
  return config;
}
