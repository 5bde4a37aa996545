// The transformer against PyTorch and transformers, through the train graph that training runs, on ONNX Runtime: logits,
// log-probabilities and the gradient of every weight. tests/fixtures/make_model_fixtures.py makes what is compared with.

import { deepStrictEqual, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Graph } from "../../harness/graph/ir.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";
import { type ModelConfig, parseModelConfig } from "../../harness/model/config.ts";
import { initialWeights, parameterLayout, type Weights } from "../../harness/model/layout.ts";
import { readWeights } from "../../harness/model/safetensors.ts";
import { causal, declareModel, decoder, fusedWeights, headWeight } from "../../harness/model/transformer.ts";
import { gradientName, trainGraph } from "../../harness/rl/train_graph.ts";
import { type Array64, relativeError } from "../oracles/float64.ts";
import { runGraph } from "../oracles/onnx.ts";
import { tinyConfig } from "./tiny_policy.ts";

const FIXTURES = join(import.meta.dirname!, "../fixtures/models");
const TOLERANCE = 1e-4;

/** What PyTorch computed: objective = sum of weights * log-probabilities. */
interface Expected {
  readonly tokens: number[][]; // [B][T]
  readonly logits: number[][][]; // [B][T][V]
  readonly logProbabilities: number[][]; // [B][T-1]
  readonly weights: number[][]; // [B][T-1]
  readonly objective: number;
  readonly gradients: Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>;
}

interface Fixture {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly expected: Expected;
}

async function readFixture(name: string): Promise<Fixture> {
  const folder = join(FIXTURES, name), read = (file: string) => JSON.parse(readFileSync(join(folder, file), "utf8"));
  const config = parseModelConfig(read("config.json"), join(folder, "config.json"));
  const weights = await readWeights(folder, parameterLayout(config));
  return { config, weights, expected: read("expected.json") as Expected };
}

const array = (data: Iterable<number>, ...shape: number[]): Array64 => ({ shape, data: Float64Array.from(data) });

/** Weights as the graphs take them, each by its name and query, key and value as one; a graph uses what it declares. */
const weightArrays = ({ layout, data }: Weights): Record<string, Array64> =>
  Object.fromEntries(
    [...layout.parameters, ...fusedWeights(layout)].map((
      { name, shape, offset, size },
    ) => [name, array(data.subarray(offset, offset + size), ...shape)]),
  );

/** [B][T] to rows (t, b). */
const timeMajor = <T>(rows: readonly (readonly T[])[]): T[] => rows[0]!.flatMap((_, t) => rows.map((row) => row[t]!));

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string, tolerance = TOLERANCE): void {
  const error = relativeError(actual, expected);
  ok(error <= tolerance, `${what} is off by ${error}`);
}

const gradientsByName = ({ layout }: Weights, results: Readonly<Record<string, Array64>>): Map<string, Float64Array> =>
  new Map(layout.parameters.map(({ name }) => [name, results[gradientName(name)]!.data]));

for (const name of readdirSync(FIXTURES).sort()) {
  Deno.test(`decoder() and the head give PyTorch's logits, as training and as decoding multiply: ${name}`, async () => {
    const { config, weights, expected: { tokens, logits } } = await readFixture(name);
    const batch = tokens.length, length = tokens[0]!.length, rows = batch * length;
    const { parameters } = weights.layout, fused = fusedWeights(weights.layout);
    for (const [inputs, products] of [[parameters, "rows"], [fused, "rows"], [fused, "columns"]] as const) {
      const g = new Graph(), model = declareModel(g, config, inputs, length, products);
      const positions = g.constant(BigInt64Array.from({ length: rows }, (_, i) => BigInt(Math.floor(i / batch))), [
        rows,
        1,
      ]);
      const hidden = decoder(
        g,
        model,
        g.input("tokens", "int64", [rows]),
        positions,
        causal(g, model, length, batch).attend,
      );
      g.output("logits", g.op("Linear", [hidden, headWeight(model)]));
      verifyGraph(g);
      const results = await runGraph(g, { ...weightArrays(weights), tokens: array(timeMajor(tokens), rows) });
      close(results.logits!.data, timeMajor(logits).flat(), `logits, ${products}`);
    }
  });

  Deno.test(`trainGraph() gives PyTorch's log-probabilities, objective and every gradient: ${name}`, async () => {
    const { config, weights, expected } = await readFixture(name), { tokens } = expected;
    const batch = tokens.length, length = tokens[0]!.length, rows = batch * length;
    const graph = trainGraph({
      config,
      layout: weights.layout,
      shape: { kind: "sequences", length, batch },
      objective: { kind: "supervised" },
      temperature: 1,
      kept: false,
      length, // a dynamic table is made for the sequence's length
    });
    verifyGraph(graph);
    const shifted = (values: readonly (readonly number[])[]) => timeMajor(values.map((row) => [...row, 0]));
    const results = await runGraph(graph, {
      ...weightArrays(weights),
      tokens: array(timeMajor(tokens), rows),
      targets: array(shifted(tokens.map((row) => row.slice(1))), rows, 1),
      weight: array(shifted(expected.weights), rows, 1),
    });
    const scored = results.probability!.data.subarray(0, rows - batch);
    close(scored.map(Math.log), timeMajor(expected.logProbabilities), "log-probabilities");
    close(results.loss!.data, [-expected.objective], "objective");
    const gradients = gradientsByName(weights, results);
    deepStrictEqual([...gradients.keys()].sort(), Object.keys(expected.gradients).sort());
    for (const [parameter, { shape, data }] of Object.entries(expected.gradients)) {
      deepStrictEqual([...weights.layout.parameters.find(({ name }) => name === parameter)!.shape], shape);
      close(gradients.get(parameter)!.map((x) => -x), data, `gradient of ${parameter}`);
    }
  });
}

/** A text in two parts: what is given and what is scored, with a weight for each scored token. */
interface Text {
  readonly prompt: readonly number[];
  readonly completion: readonly number[];
  readonly weights: readonly number[];
}

/** Feeds of the "sequences" kind. */
function sequenceFeeds(texts: readonly Text[], length: number): Record<string, Array64> {
  const rows = length * texts.length;
  const tokens = new Float64Array(rows), targets = new Float64Array(rows), weight = new Float64Array(rows);
  texts.forEach(({ prompt, completion, weights }, b) => {
    const text = [...prompt, ...completion];
    text.slice(0, -1).forEach((token, t) => {
      const row = t * texts.length + b;
      tokens[row] = token;
      targets[row] = text[t + 1]!;
      weight[row] = t + 1 < prompt.length ? 0 : weights[t + 1 - prompt.length]!;
    });
  });
  return { tokens: array(tokens, rows), targets: array(targets, rows, 1), weight: array(weight, rows, 1) };
}

/** Feeds of the "completions" kind: `texts[p][g]` share their prompt. Padding holds token 1, which must not matter. */
function completionFeeds(
  texts: readonly (readonly Text[])[],
  promptLength: number,
  length: number,
): Record<string, Array64> {
  const prompts = texts.length, group = texts[0]!.length, width = prompts * group, rows = width * length;
  const promptTokens = new Float64Array(promptLength * prompts).fill(1),
    mask = new Float64Array(prompts * promptLength);
  const tokens = new Float64Array(rows - width).fill(1), positions = new Float64Array(rows - width);
  const targets = new Float64Array(rows), weight = new Float64Array(rows);
  texts.forEach((samples, p) => {
    const { prompt } = samples[0]!;
    prompt.forEach((token, t) => promptTokens[t * prompts + p] = token);
    mask.fill(-1e9, p * promptLength + prompt.length, (p + 1) * promptLength);
    samples.forEach(({ completion, weights }, s) =>
      completion.forEach((token, t) => {
        const row = t * width + p * group + s;
        targets[row] = token;
        weight[row] = weights[t]!;
        if (t === length - 1) return;
        tokens[row] = token;
        positions[row] = prompt.length + t;
      })
    );
  });
  return {
    promptTokens: array(promptTokens, promptLength * prompts),
    promptLast: array(texts.map((samples, p) => (samples[0]!.prompt.length - 1) * prompts + p), prompts),
    promptMask: array(mask, prompts, 1, 1, 1, promptLength),
    tokens: array(tokens, rows - width),
    positions: array(positions, rows - width, 1),
    targets: array(targets, rows, 1),
    weight: array(weight, rows, 1),
  };
}

/** Two prompts of 5 and 3 tokens with three completions each, of 1 to 6 tokens. */
const TEXTS: readonly (readonly Text[])[] = [[5, 6, 2, 4], [3, 1, 5, 3]].map(([promptLength, ...lengths], p) => {
  const prompt = Array.from({ length: promptLength! }, (_, t) => (7 * t + 11 * p + 3) % 48);
  return lengths.map((length, s) => ({
    prompt,
    completion: Array.from({ length }, (_, t) => (5 * t + 13 * s + 17 * p + 2) % 48),
    weights: Array.from({ length }, (_, t) => ((3 * t + s + p) % 5 - 1.5) / 4),
  }));
});

for (const name of ["llama-mha", "qwen2-gqa", "qwen3-bias"]) {
  Deno.test(`trainGraph() of completions gives the gradients of the same texts as sequences: ${name}`, async () => {
    const { config, weights } = await readFixture(name), length = 11;
    const common = {
      config,
      layout: weights.layout,
      objective: { kind: "supervised" },
      temperature: 0.8,
      kept: false,
      length: 16,
    } as const;
    const flat = TEXTS.flat(),
      whole = trainGraph({ ...common, shape: { kind: "sequences", length, batch: flat.length } });
    const expected = await runGraph(whole, { ...weightArrays(weights), ...sequenceFeeds(flat, length) });
    for (const [promptLength, completionLength] of [[5, 6], [8, 8]] as const) { // without and with padding
      const shape = { kind: "completions", promptLength, prompts: 2, length: completionLength, group: 3 } as const;
      const split = trainGraph({ ...common, shape });
      verifyGraph(split);
      const actual = await runGraph(split, {
        ...weightArrays(weights),
        ...completionFeeds(TEXTS, promptLength, completionLength),
      });
      TEXTS.forEach((samples, p) =>
        samples.forEach(({ prompt, completion }, s) => {
          const here = completion.map((_, t) => actual.probability!.data[(t * 2 + p) * 3 + s]!);
          const there = completion.map((_, t) => expected.probability!.data[(prompt.length + t - 1) * 6 + p * 3 + s]!);
          close(here, there, `probabilities of completion ${p}.${s}`, 1e-5);
        })
      );
      close(actual.loss!.data, expected.loss!.data, "loss", 1e-5);
      const wanted = gradientsByName(weights, expected);
      for (const [parameter, gradient] of gradientsByName(weights, actual)) {
        close(gradient, wanted.get(parameter)!, `gradient of ${parameter}`, 2e-5);
      }
    }
  });
}

Deno.test("decoder() adds the biases of the output and of the MLP where the config has them", async () => {
  const config = tinyConfig({ attention_bias: true, mlp_bias: true }), weights = initialWeights(config, 3);
  const biased = weights.layout.parameters.filter(({ name }) => name.endsWith(".bias"));
  deepStrictEqual(biased.length, 2 * 7);
  const graph = trainGraph({
    config,
    layout: weights.layout,
    shape: { kind: "sequences", length: 4, batch: 2 },
    objective: { kind: "supervised" },
    temperature: 1,
    kept: false,
    length: 4,
  });
  const feeds = {
    tokens: array([1, 2, 3, 4, 5, 6, 7, 8], 8),
    targets: array([3, 4, 5, 6, 7, 8, 9, 9], 8, 1),
    weight: array([1, 1, 1, 1, 1, 1, 1, 1], 8, 1),
  };
  const before = await runGraph(graph, { ...weightArrays(weights), ...feeds });
  for (const { name, offset, size } of biased) {
    const moved = { ...weights, data: weights.data.slice() };
    moved.data.fill(0.5, offset, offset + size);
    const after = await runGraph(graph, { ...weightArrays(moved), ...feeds });
    const matters = relativeError(after.probability!.data, before.probability!.data) > 1e-7;
    // A bias of the keys shifts all scores of a query alike where positions do not turn them; these are turned.
    ok(matters, `${name} must matter`);
  }
});
