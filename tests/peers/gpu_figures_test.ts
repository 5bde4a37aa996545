import { equal, ok } from "node:assert/strict";
import { cells, figures, type Measured, needs, type Row } from "./gpu_figures.ts";
import { modelShape } from "./shapes.ts";

const SIZES = { rank: null, prompts: 3, completions: 2, promptTokens: 40, tokens: 50, microBatch: 6 };

/** Counted product by product and position by position. */
function counted(): { forward: number; read: number } {
  const config = modelShape("embedded"), { layers, hiddenSize, intermediateSize, heads, kvHeads, headDim } = config;
  const product = (from: number, to: number) => from * to, head = product(hiddenSize, config.vocabSize);
  const layer = product(hiddenSize, (heads + 2 * kvHeads) * headDim) + product(heads * headDim, hiddenSize) +
    3 * product(hiddenSize, intermediateSize);
  let forward = 0, read = 0;
  const token = (at: number, last: number) => forward += 2 * (layers * (layer + 2 * heads * headDim * at) + last);
  for (let p = 0; p < SIZES.prompts; p++) {
    for (let t = 1; t <= SIZES.promptTokens; t++) token(t, 0);
    for (let c = 0; c < SIZES.completions; c++) {
      for (let t = 1; t <= SIZES.tokens; t++) token(SIZES.promptTokens + t, head);
    }
  }
  for (let t = 1; t <= SIZES.tokens; t++) { // weights once for all rows, prompts once for all of theirs
    const positions = SIZES.prompts * (SIZES.promptTokens + SIZES.completions * t);
    read += layers * (layer + 2 * kvHeads * headDim * positions) + head;
  }
  return { forward, read };
}

Deno.test("needs() is what products and positions come to, counted one by one", () => {
  const { forward, read } = counted(), close = (a: number, b: number) => ok(Math.abs(a / b - 1) < 0.01, `${a}, ${b}`);
  close(needs(modelShape("embedded"), SIZES).update, 3 * forward); // forward, and twice as much backward
  close(needs(modelShape("embedded"), { ...SIZES, rank: 8 }).update, 2 * forward); // no gradients of frozen weights
  close(needs(modelShape("embedded"), SIZES).bytes, read);
});

const round = (rollout: number[], update: number[], error: string | null = null): Measured => ({
  ...{ rollout, update, microBatch: 6, deviceMib: 512, hostBytes: 2 ** 30, configuration: null, versions: {}, error },
});
const row = (rounds: Measured[]): Row => ({
  entry: { name: "embedded", title: "embedded", shape: "embedded", ...SIZES },
  side: { title: "a side", device: "cuda", precision: "fp16" },
  rounds,
});

Deno.test("figures() takes medians over the steps of all rounds, and shares of the card's peaks", () => {
  const card = { name: "a card", tflops: { fp32: 1, tf32: null, half: 4 }, gigabytes: 10, source: "none" };
  const found = figures(row([round([1, 9], [3, 3]), round([2], [5])]), card);
  equal(found.rolloutSeconds, 2);
  equal(found.updateSeconds, 3);
  equal(found.drawnPerSecond, 3 * 2 * 50 / 2);
  equal(found.trainedPerSecond, (3 * 2 * 50 + 3 * 40) / 3);
  const needed = needs(modelShape("embedded"), SIZES);
  equal(found.flopsShare, needed.update / 3 / 4e12);
  equal(found.bandwidthShare, needed.bytes * 2 / 2 / 10e9); // two bytes a number
});

Deno.test("cells() shows a dash for what is not known, and what went wrong", () => {
  const [, , ...rest] = cells(row([round([], [], "out of memory")]), undefined);
  equal(rest.join("|"), "-|-|-|-|-|-|-|0.50|1.00|6|out of memory");
});
