// The graphs that training and sampling run, as text. A change of their structure shows here line by line: wanted ones
// are taken over with UPDATE_GOLDEN=1 deno test -A --no-check tests/graph/golden_test.ts and committed.

import { strictEqual } from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Graph } from "../../harness/graph/ir.ts";
import { lower, type Target } from "../../harness/graph/lower.ts";
import { fingerprint, printGraph } from "../../harness/graph/print.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";
import { parameterLayout } from "../../harness/model/layout.ts";
import { decodeGraph, type DecodeOptions, prefillGraph, type Staying } from "../../harness/rl/decode_graph.ts";
import { stayingDecodeGraph } from "../../harness/rl/staying_decode_graph.ts";
import { trainGraph } from "../../harness/rl/train_graph.ts";
import { tinyConfig } from "../model/tiny_policy.ts";

const FOLDER = join(import.meta.dirname!, "../golden");

/** One layer with everything: grouped queries, biases of query, key and value, two prompts, groups of two. */
const config = tinyConfig({
  architectures: ["Qwen2ForCausalLM"],
  model_type: "qwen2",
  vocab_size: 32,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: undefined,
  eos_token_id: 2,
  pad_token_id: 0,
});
const layout = parameterLayout(config);
const decoding: DecodeOptions = {
  config,
  layout,
  length: 16,
  sampling: { greedy: false, temperature: 0.8, topK: 5, topP: 0.9 },
  endTokens: [2, 3],
  prompts: 2,
  promptLength: 4,
  group: 2,
  products: "rows",
};

/** Where caches stay on a device. */
const staying: Staying = { tokens: 2, capacity: 12, precision: "float32" };

/** The same with heads that are normalised. */
const headNorm = tinyConfig({ ...config.raw, architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", head_dim: 4 });
const headNormLayout = parameterLayout(headNorm);

const GRAPHS: Readonly<Record<string, () => Graph>> = {
  train_graph: () =>
    trainGraph({
      config,
      layout,
      shape: { kind: "completions", promptLength: 4, prompts: 2, length: 3, group: 2 },
      objective: { kind: "policy-gradient", clipLow: 0.2, clipHigh: 0.3, klBeta: 0.1 },
      temperature: 0.8,
      kept: true,
      length: 16,
    }),
  prefill_graph: () => prefillGraph(decoding),
  decode_graph: () => decodeGraph(decoding),
  decode_graph_columns: () =>
    decodeGraph({ ...decoding, products: "columns", sampling: { greedy: true, temperature: 1, topK: 0, topP: 1 } }),
  train_graph_head_norm: () =>
    trainGraph({
      config: headNorm,
      layout: headNormLayout,
      shape: { kind: "sequences", length: 3, batch: 2 },
      objective: { kind: "supervised" },
      temperature: 1,
      kept: false,
      length: 16,
    }),
  decode_graph_staying: () => stayingDecodeGraph(decoding, staying),
  prefill_graph_staying: () => prefillGraph({ ...decoding, staying }),
  decode_graph_head_norm: () => decodeGraph({ ...decoding, config: headNorm, layout: headNormLayout }),
};

/** The graph, and the fingerprint of what each device runs. */
function text(graph: Graph): string {
  verifyGraph(graph);
  const lowered = (["plain", "cpu", "webgpu", "cuda"] as const).map((target: Target) => {
    const result = lower(graph, target);
    verifyGraph(result);
    return `${target}: ${fingerprint(result)}\n`;
  });
  return printGraph(graph) + lowered.join("");
}

for (const [name, build] of Object.entries(GRAPHS)) {
  Deno.test(`the golden ${name} is what the code builds`, () => {
    const path = join(FOLDER, `${name}.txt`), actual = text(build());
    if (process.env.UPDATE_GOLDEN) writeFileSync(path, actual);
    const expected = readFileSync(path, "utf8").split("\n");
    const line = actual.split("\n").findIndex((found, i) => found !== expected[i]);
    strictEqual(
      actual,
      expected.join("\n"),
      `${name} differs from tests/golden/${name}.txt in line ${line + 1}; if that is wanted, run ` +
        "UPDATE_GOLDEN=1 deno test -A --no-check tests/graph/golden_test.ts and commit the files",
    );
  });

  Deno.test(`the ${name} is built the same twice`, () => strictEqual(fingerprint(build()), fingerprint(build())));
}
