// The hashing embedder: its vectors, what they overlook, and that they stay what their digest stands for.

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { FailureError } from "../../harness/base/errors.ts";
import { hashingEmbedder } from "../../harness/memory/hashing_embedder.ts";
import { cosine } from "./naive_memory.ts";

const embedder = hashingEmbedder();

Deno.test("hashingEmbedder() gives vectors of length 1, the same for a text whatever is beside it", async () => {
  const texts = ["7", "12 + 30 = ?", "Tom has 3 apples.", "Tom has 3 apples.", "Ω 数学 😀", "x".repeat(5000)];
  const vectors = await embedder.embed(texts);
  for (const [i, vector] of vectors.entries()) {
    equal(vector.length, embedder.identity.dimensions);
    ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6);
    deepEqual(vector, (await hashingEmbedder().embed([texts[i]!]))[0]);
  }
  deepEqual(vectors[2], vectors[3]);
  deepEqual(await embedder.embed([]), []);
});

Deno.test("hashingEmbedder() counts n-grams of 3 to 5, with a space at both ends", async () => {
  // " 7 " has one n-gram, " 42 " three, and they are signed: sums of -1, 0 and 1 before scaling.
  const [one, three] = await embedder.embed(["7", "42"]);
  deepEqual(one!.filter((value) => value !== 0).map(Math.abs), Float32Array.of(1));
  const found = three!.filter((value) => value !== 0).map((value) => value * value);
  deepEqual([...found].map((value) => Math.round(3 * value)), [1, 1, 1]);
});

Deno.test("hashingEmbedder() overlooks case, white space and compatibility forms", async () => {
  const [plain, ...others] = await embedder.embed(["ab cd", "  Ab\n\tCD ", "ＡＢ ｃｄ", "ab\u00a0cd"]);
  for (const other of others) deepEqual(other, plain);
});

Deno.test("hashingEmbedder() puts texts that share words nearer than texts that don't", async () => {
  const [question, similar, other] = await embedder.embed([
    "Tom has 3 apples and buys 4 more. How many apples does he have?",
    "Ann has 5 apples and buys 2 more. How many apples does she have?",
    "A train leaves the station at noon and travels east at 60 miles an hour.",
  ]);
  ok(cosine(question!, similar!) > 0.5);
  ok(cosine(question!, other!) < 0.2);
});

Deno.test("hashingEmbedder() spreads the n-grams of numbers over its dimensions and signs", async () => {
  const vectors = await embedder.embed(Array.from({ length: 2000 }, (_, i) => `${100 + i}`));
  const used = new Set(
    vectors.flatMap((vector) => [...vector].flatMap((value, d) => value === 0 ? [] : [d * Math.sign(value)])),
  );
  equal(used.size, 2 * 256 - 1); // both signs of each, but for dimension 0, whose signs look alike here
});

Deno.test("hashingEmbedder() refuses a blank text", async () => {
  for (const blank of ["", "   ", "\n\t"]) {
    await rejects(embedder.embed(["good", blank]), (error) => {
      ok(error instanceof FailureError);
      equal(error.message, `Cannot embed ${JSON.stringify(blank)}: it is blank, so its vector would be zero`);
      return true;
    });
  }
});

Deno.test("hashingEmbedder() does what it did: the vectors behind its digest are pinned", async () => {
  const [vector] = await embedder.embed(["1 + 1 = 2"]);
  const scale = Math.min(...vector!.map(Math.abs).filter((value) => value > 0));
  const sums = [...vector!].flatMap((value, d) => value === 0 ? [] : [`${d}:${Math.round(value / scale)}`]).join(" ");
  equal(
    `${embedder.identity.digest.slice(0, 8)} ${sums}`,
    "078d8b45 7:1 27:2 37:-1 40:-1 55:1 67:-1 89:-1 112:1 140:1 142:1 144:-1 145:1 159:1 167:-1 170:-1 174:-1 " +
      "198:2 220:1 224:1 236:1 241:-1 245:1",
  );
});
