import { ok, rejects, strictEqual } from "node:assert/strict";
import { FailureError } from "../../harness/base/errors.ts";
import { Graph } from "../../harness/graph/ir.ts";
import { lower } from "../../harness/graph/lower.ts";
import { refuseCut } from "../../harness/runtime/cut_tensors.ts";
import { OutOfDeviceMemory } from "../../harness/runtime/device_failure.ts";

const LEAST = 2 ** 27, WIDTH = 2 ** 15, ROWS = LEAST / 4 / WIDTH;

/** As WebGPU runs it: a softmax over so many rows of 128 KiB. */
function softmax(rows: number): Graph {
  const g = new Graph();
  g.output("y", g.softmax(g.input("x", "float32", [rows, WIDTH])));
  return lower(g, "webgpu");
}

/** Gradients of embeddings [rows, WIDTH], which are fed as well or not. */
function embeddingGradient(rows: number, fed: boolean): Graph {
  const g = new Graph(), indices = g.input("indices", "int64", [4]), dy = g.input("dy", "float32", [4, WIDTH]);
  g.output("gradient", g.op("EmbeddingGradient", [indices, dy], { rows }));
  if (fed) g.output("looked up", g.gather(g.input("weight", "float32", [rows, WIDTH]), indices));
  return lower(g, "webgpu");
}

Deno.test("refuseCut() takes what every driver binds, and does not ask for more", async () => {
  const unasked = () => Promise.reject(new Error("it asked"));
  await refuseCut(softmax(ROWS), unasked);
  await refuseCut(embeddingGradient(ROWS, true), unasked);
});

Deno.test("refuseCut() refuses what a driver does not bind as one, which a smaller batch mends", async () => {
  const over = softmax(ROWS + 1);
  await refuseCut(over, () => Promise.resolve(LEAST + 4 * WIDTH));
  for (const bound of [LEAST, null]) {
    await rejects(refuseCut(over, () => Promise.resolve(bound)), OutOfDeviceMemory);
  }
  await rejects(refuseCut(embeddingGradient(ROWS + 1, false), () => Promise.resolve(LEAST)), OutOfDeviceMemory);
});

Deno.test("refuseCut() tells embeddings that are too large, which no batch mends", async () => {
  const failure: unknown = await refuseCut(embeddingGradient(ROWS + 1, true), () => Promise.resolve(LEAST))
    .catch((error) => error);
  ok(failure instanceof FailureError);
  strictEqual(failure instanceof OutOfDeviceMemory, false);
  ok(/^Cannot run on webgpu: the gradient of the embeddings .* --lora, .* --device cpu$/.test(failure.message));
});
