// The objective against a naive loop (fixtures/grpo.json), and whole passes in float64: the gradient along a direction is
// the slope of the loss along it, through layers, temperature, limited support, clipping and KL at once.

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stream } from "../../harness/base/prng.ts";
import { elements, Graph, reachable } from "../../harness/graph/ir.ts";
import { gradients } from "../../harness/graph/reverse.ts";
import { verifyGraph } from "../../harness/graph/verify.ts";
import { type AdapterOptions, adapterOptions } from "../../harness/model/lora.ts";
import { tokenWeights } from "../../harness/rl/objective.ts";
import { gradientName, loss, type PassOptions, type PassShape, trainGraph } from "../../harness/rl/train_graph.ts";
import { type Array64, interpret, relativeError } from "../oracles/float64.ts";
import { runGraph } from "../oracles/onnx.ts";
import { type Policy, POLICY_NAMES, smallPolicy } from "./small_policies.ts";

type Table = readonly (readonly number[])[];

interface GrpoCase {
  readonly name: string;
  readonly maxCompletionTokens: number;
  readonly clipLow: number;
  readonly clipHigh: number;
  readonly klBeta: number;
  readonly advantages: readonly number[];
  readonly mask: Table; // [sequences][tokens]
  readonly new: Table; // log-probabilities, as are old and reference
  readonly old: Table;
  readonly reference: Table;
  readonly expected: Readonly<
    Record<
      "grpo" | "dapo" | "dr_grpo",
      { readonly loss: number; readonly gradient: Table; readonly clipShare: number; readonly kl: number }
    >
  >;
}

const { cases } = JSON.parse(readFileSync(join(import.meta.dirname!, "../fixtures/grpo.json"), "utf8")) as {
  readonly cases: readonly GrpoCase[];
};
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

/** Weight of every token, by the definition of the variant; through tokenWeights() where the mask is whole sequences. */
function weightsOf({ mask, maxCompletionTokens }: GrpoCase, variant: "grpo" | "dapo" | "dr_grpo"): Table {
  const lengths = mask.map(total),
    prefix = mask.every((row, s) => row.every((flag, t) => flag === (t < lengths[s]! ? 1 : 0)));
  if (prefix) {
    const completions = lengths.map((length, s) => ({
      tokens: new Int32Array(length || mask[s]!.length),
      truncated: length === 0,
    }));
    const weights = tokenWeights(completions, { loss: variant, maskTruncated: true, maxCompletionTokens });
    return mask.map((row, s) => row.map((flag) => flag * weights[s]!));
  }
  const divisor = (s: number) =>
    ({ grpo: lengths[s]! * mask.length, dapo: total(lengths), dr_grpo: mask.length * maxCompletionTokens })[variant];
  return mask.map((row, s) => row.map((flag) => flag / divisor(s)));
}

Deno.test("trainGraph() sparing memory gives the bits that it gives without, of all weights and of an adapter", async () => {
  for (const name of ["GQA", "Qwen3"] as const) {
    const { config, weights: { layout, data } } = smallPolicy(name), adapter = adapterOptions(config, 3, 5, null);
    const shape = { kind: "completions", promptLength: 4, prompts: 2, length: 5, group: 2 } as const;
    const objective = { kind: "policy-gradient", clipLow: 0.2, clipHigh: 0.2, klBeta: 0 } as const;
    const run = (adapter: AdapterOptions | null, sparing: boolean) => {
      const options = { config, layout, adapter, shape, objective, temperature: 1, kept: false, length: 16 };
      const g = trainGraph({ ...options, logitsBytes: 1000, sparing }), feeds: Record<string, Array64> = {};
      verifyGraph(g);
      const weights = new Map(layout.parameters.map((parameter) => [parameter.name, parameter]));
      for (const [input, { dtype, shape }] of g.inputs) {
        const sizes = shape as readonly number[], place = weights.get(input);
        const values = place ? data.subarray(place.offset, place.offset + place.size) : null;
        const made = (_: unknown, i: number) =>
          values?.[i] ?? (dtype === "int64" ? i % 4 : input === "promptMask" ? 0 : 0.1 + 0.05 * (i % 7));
        feeds[input] = { shape: sizes, data: Float64Array.from({ length: elements(sizes) }, made) };
      }
      return runGraph(g, feeds);
    };
    for (const one of [null, adapter]) deepStrictEqual(await run(one, true), await run(one, false), name);
  }
});

for (const entry of cases) {
  Deno.test(`loss() and its gradient equal a naive loop over tokens: ${entry.name}`, async () => {
    for (const variant of ["grpo", "dapo", "dr_grpo"] as const) {
      const { clipLow, clipHigh, klBeta, mask, advantages, expected } = entry, rows = mask.flat().length;
      const column = (values: Iterable<number>): Array64 => ({ shape: [rows, 1], data: Float64Array.from(values) });
      const g = new Graph(),
        logarithm = g.input("new", "float32", [rows, 1]),
        entropy = g.input("entropies", "float32", [rows, 1]);
      const value = loss(g, { kind: "policy-gradient", clipLow, clipHigh, klBeta }, {
        probability: g.exp(logarithm),
        entropy,
      })!;
      g.output("loss", value);
      g.output("gradient", gradients(g, value, [logarithm])[0]!);
      verifyGraph(g);
      const feeds = {
        new: column(entry.new.flat()),
        entropies: column(entry.new.flat().map((x) => -x)),
        old: column(entry.old.flat().map(Math.exp)),
        reference: column(entry.reference.flat().map(Math.exp)),
        weight: column(weightsOf(entry, variant).flat()),
        advantage: column(mask.flatMap((row, s) => row.map(() => advantages[s]!))),
        counted: column(mask.flat()),
      };
      const results = [[interpret(g, feeds), 1e-6], [await runGraph(g, feeds), 1e-5]] as const; // float64 with float32 constants
      for (const [result, tolerance] of results) {
        const { loss, gradient, clipShare, kl } = expected[variant], tokens = total(mask.flat());
        const largest = Math.max(...advantages.map(Math.abs), 0.1); // a loss may cancel to 0
        ok(
          Math.abs(result.loss!.data[0]! - loss) <= tolerance * largest,
          `${variant}: loss ${result.loss!.data[0]} is not ${loss}`,
        );
        const error = relativeError(result.gradient!.data, gradient.flat());
        ok(error <= tolerance, `${variant}: the gradient is off by ${error}`);
        strictEqual(Math.round(result.clipped!.data[0]!), Math.round(clipShare * tokens));
        ok(
          relativeError(result.entropy!.data, [total(mask.flat().map((flag, i) => -flag * entry.new.flat()[i]!))]) <=
            tolerance,
        );
        if (klBeta > 0) ok(Math.abs(result.kl!.data[0]! / tokens - kl) <= 10 * tolerance, `${variant}: KL`);
      }
    }
  });
}

/** Random feeds of a pass with policy-gradient columns. */
function passFeeds({ config, weights }: Policy, shape: PassShape): Record<string, Array64> {
  const random = stream(5, "pass"), { vocabSize } = config;
  const array = (dims: readonly number[], element: (i: number) => number): Array64 => ({
    shape: dims,
    data: Float64Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => element(i)),
  });
  const column = (rows: number, element: (i: number) => number) => array([rows, 1], element);
  const id = () => random.int(vocabSize), arrays: Record<string, Array64> = {};
  for (const { name, shape, offset, size } of weights.layout.parameters) {
    arrays[name] = array(shape, (i) => weights.data.subarray(offset, offset + size)[i]!);
  }
  let rows: number;
  if (shape.kind === "sequences") {
    rows = shape.length * shape.batch;
    arrays.tokens = array([rows], id);
  } else {
    const { promptLength, prompts, length, group } = shape, width = prompts * group;
    rows = width * length;
    arrays.promptTokens = array([promptLength * prompts], id);
    const lengths = Array.from({ length: prompts }, (_, p) => promptLength - p);
    arrays.promptLast = array([prompts], (p) => (lengths[p]! - 1) * prompts + p);
    arrays.promptMask = array(
      [prompts, 1, 1, 1, promptLength],
      (i) => i % promptLength < lengths[Math.floor(i / promptLength)]! ? 0 : -1e9,
    );
    arrays.tokens = array([rows - width], id);
    arrays.positions = column(
      rows - width,
      (row) => lengths[Math.floor(row % width / group)]! + Math.floor(row / width),
    );
  }
  const targets = column(rows, id);
  return {
    ...arrays,
    targets,
    kept: array(
      [rows, vocabSize],
      (i) => i % vocabSize === targets.data[Math.floor(i / vocabSize)] || random.uniform() < 0.7 ? 1 : 0,
    ),
    weight: column(rows, () => random.uniform() < 0.2 ? 0 : random.uniform()),
    advantage: column(rows, () => random.normal()),
    counted: column(rows, () => 1),
    old: column(rows, () => 0.01 + 0.1 * random.uniform()),
    reference: column(rows, () => 0.01 + 0.1 * random.uniform()),
  };
}

const SHAPES: readonly PassShape[] = [
  { kind: "sequences", length: 4, batch: 2 },
  { kind: "completions", promptLength: 4, prompts: 2, length: 3, group: 2 },
];
const OBJECTIVES: readonly (PassOptions["objective"])[] = [
  { kind: "supervised" },
  { kind: "policy-gradient", clipLow: 0.2, clipHigh: 0.3, klBeta: 0.1 },
];

for (const name of POLICY_NAMES) {
  Deno.test(`trainGraph()'s gradient is the slope of its loss along random directions, in float64: ${name}`, () => {
    const policy = smallPolicy(name, { vocab_size: 11 }), { config, weights: { layout } } = policy;
    for (const shape of SHAPES) {
      for (const objective of OBJECTIVES) {
        const graph = trainGraph({ config, layout, shape, objective, temperature: 0.8, kept: true, length: 16 });
        verifyGraph(graph);
        const feeds = passFeeds(policy, shape), results = interpret(graph, feeds);
        const lossOnly = new Map([["loss", graph.outputs.get("loss")!]]);
        const random = stream(6, "direction"),
          directions = layout.parameters.map(({ name, size }) =>
            [name, Float64Array.from({ length: size }, () => random.normal())] as const
          );
        const slope = total(
          directions.map(([name, direction]) =>
            total([...direction.map((d, i) => d * results[gradientName(name)]!.data[i]!)])
          ),
        );
        const moved = (step: number) => {
          const shifted = Object.fromEntries(
            directions.map(([name, direction]) => [name, {
              ...feeds[name]!,
              data: feeds[name]!.data.map((x, i) => x + step * direction[i]!),
            }]),
          );
          return interpret({ inputs: graph.inputs, outputs: lossOnly }, { ...feeds, ...shifted }).loss!.data[0]!;
        };
        const h = 1e-6, difference = (moved(h) - moved(-h)) / (2 * h);
        ok(
          Math.abs(slope - difference) <= 1e-6 * Math.abs(difference),
          `${shape.kind}, ${objective.kind}: slope ${slope}, difference ${difference}`,
        );
      }
    }
  });

  Deno.test(`trainGraph() on ONNX Runtime equals the oracle: ${name}`, async () => {
    const policy = smallPolicy(name, { vocab_size: 11 }), { config, weights: { layout } } = policy;
    for (const shape of SHAPES) {
      for (const products of ["rows", "columns"] as const) {
        const graph = trainGraph({
          config,
          layout,
          shape,
          objective: OBJECTIVES[1]!,
          temperature: 0.8,
          kept: true,
          length: 16,
          products,
        });
        const feeds = passFeeds(policy, shape),
          expected = interpret(graph, feeds),
          actual = await runGraph(graph, feeds);
        for (const [output, { data }] of Object.entries(expected)) {
          const error = relativeError(actual[output]!.data, data);
          ok(error <= 1e-4, `${shape.kind}, ${products}: ${output} is off by ${error}`);
        }
      }
    }
  });
}

Deno.test("trainGraph() reports the entropy of the tempered and limited distribution", async () => {
  const policy = smallPolicy("MHA", { vocab_size: 11 }),
    { config, weights: { layout } } = policy,
    shape = SHAPES[0]!,
    rows = 8;
  for (const kept of [false, true]) {
    const common = { config, layout, shape, temperature: 0.8, kept, length: 16 } as const,
      feeds = passFeeds(policy, shape);
    const { entropy } = await runGraph(trainGraph({ ...common, objective: OBJECTIVES[1]! }), feeds);
    // Probabilities of all tokens, target by target.
    const scoring = trainGraph({ ...common, objective: { kind: "none" } });
    let expected = 0;
    for (let target = 0; target < 11; target++) {
      const targets = { shape: [rows, 1], data: new Float64Array(rows).fill(target) };
      for (const p of (await runGraph(scoring, { ...feeds, targets })).probability!.data) {
        expected -= p === 0 ? 0 : p * Math.log(p);
      }
    }
    ok(relativeError(entropy!.data, [expected]) < 1e-5, `${entropy!.data[0]} is not ${expected}`);
  }
});

Deno.test("trainGraph() stays finite where padding targets a token of probability 0", async () => {
  const policy = smallPolicy("MHA", { vocab_size: 11 }), { config, weights: { layout } } = policy, shape = SHAPES[0]!;
  const feeds = passFeeds(policy, shape), embedding = feeds["model.embed_tokens.weight"]!;
  const huge = { ...embedding, data: embedding.data.map((x) => 200 * x) };
  const graph = trainGraph({
    config,
    layout,
    shape,
    objective: OBJECTIVES[1]!,
    temperature: 1,
    kept: false,
    length: 16,
  });
  const tokens = feeds.tokens!.data; // a tied head likes what it has just read: half of the rows target that
  const targets = { shape: [8, 1], data: tokens.map((token, row) => row % 2 ? token : (token + 1) % 11) };
  const scored = await runGraph(graph, { ...feeds, targets, "model.embed_tokens.weight": huge });
  const zero = scored.probability!.data.map((p) => p === 0 ? 1 : 0);
  ok(zero.includes(1) && zero.includes(0));
  const column = (data: Float64Array) => ({ shape: [8, 1], data }), counted = column(zero.map((flag) => 1 - flag));
  const results = await runGraph(graph, {
    ...feeds,
    targets,
    "model.embed_tokens.weight": huge,
    weight: counted,
    counted,
    old: column(new Float64Array(8).fill(1)),
  });
  for (const [output, { data }] of Object.entries(results)) ok(data.every(Number.isFinite), `${output} must be finite`);
});

Deno.test("trainGraph() makes logits in chunks without changing a bit", async () => {
  const policy = smallPolicy("MHA"), { config, weights: { layout } } = policy;
  const shape: PassShape = { kind: "sequences", length: 30, batch: 2 }, rows = 60;
  const common = { config, layout, objective: { kind: "none" }, temperature: 1, kept: false, length: 70 } as const;
  const logitsBytes = 50 * config.vocabSize * 4; // 40 rows fit, 60 do not
  const build = (shape: PassShape) => trainGraph({ ...common, shape, logitsBytes });
  const whole = build({ ...shape, length: 20 }), chunked = build(shape);
  const chunks = (graph: Graph) =>
    reachable(graph.outputs.values()).filter(({ op }) => op === "TokenProbability").length;
  ok(chunks(chunked) > chunks(whole));
  const feeds = passFeeds(policy, { kind: "sequences", length: 1, batch: 1 });
  const tokens = Float64Array.from({ length: rows }, (_, i) => 1 + i % 9);
  const arrays = (count: number) => ({
    ...feeds,
    tokens: { shape: [count], data: tokens.slice(0, count) },
    targets: { shape: [count, 1], data: tokens.slice(0, count) },
  });
  const some = await runGraph(whole, arrays(40)), all = await runGraph(chunked, arrays(rows));
  strictEqual(all.probability!.data.slice(0, 40).join(), some.probability!.data.join());
});
