// The sentence encoder on a folder made on the spot; nothing is downloaded. That the real model gives the vectors of
// sentence-transformers is not tested here: its weights are not in the repository.

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../../harness/base/digest.ts";
import { minilmEmbedder } from "../../harness/memory/minilm_embedder.ts";
import { writeTinyEncoder } from "./tiny_encoder.ts";

const rows = { "[UNK]": [1, 0, 0], a: [0, 3, 4], b: [0, 0, 2], zero: [0, 0, 0] };

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "matchbox-encoder-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("minilmEmbedder() gives the mean of a text's hidden states, scaled to length 1", () =>
  inFolder(async (folder) => {
    await writeTinyEncoder(folder, rows);
    const embedder = await minilmEmbedder(folder);
    const digest = sha256(await readFile(join(folder, "onnx", "model.onnx")));
    deepEqual(embedder.identity, { name: "minilm", digest, dimensions: 3 });
    const [a, both, unknown, again] = await embedder.embed(["a", "a b", "b what", "a"]);
    deepEqual(a, Float32Array.of(0, 0.6, 0.8));
    deepEqual(both, Float32Array.from([0, 1, 2], (value) => value / Math.sqrt(5)));
    deepEqual(unknown, Float32Array.from([1, 0, 2], (value) => value / Math.sqrt(5)));
    deepEqual(again, a);
    const long = "a ".repeat(255);
    const [cut, longer] = await embedder.embed([`${long} b`, `${long} b b b`]); // cut to 256 tokens
    deepEqual(cut, longer);
    ok(cut![1]! < 0.6);
    for (const text of ["zero", ""]) {
      await rejects(embedder.embed([text]), {
        name: "FailureError",
        message: `Cannot embed "${text}": its vector is zero or no number`,
      });
    }
    await embedder.dispose();
  }));

Deno.test("minilmEmbedder() says which files a folder lacks, and what is damaged", () =>
  inFolder(async (folder) => {
    await writeTinyEncoder(folder, rows);
    await rm(join(folder, "tokenizer.json"));
    await rejects(minilmEmbedder(folder), {
      name: "FailureError",
      message: `Cannot load the embedder "${folder}": the folder has no tokenizer.json … ` +
        "it needs the files of https://huggingface.co/Xenova/all-MiniLM-L6-v2",
    });
    await writeTinyEncoder(folder, rows);
    await writeFile(join(folder, "onnx", "model.onnx"), "no model");
    await rejects(minilmEmbedder(folder), (error: Error) => {
      equal(error.name, "FailureError");
      match(error.message, /^Cannot load the embedder ".*": .* … get the files in ".*" anew$/s);
      return true;
    });
  }));

Deno.test("minilmEmbedder() refuses what is neither a folder nor a name on the Hub", async () => {
  for (const name of ["no such", "one", "x/y/z", "./none", "../x", "/nowhere/at/all"]) {
    await rejects(minilmEmbedder(name), {
      name: "MisuseError",
      message: `Cannot load the embedder "${name}": there is no such folder, and it is no name on the Hub … ` +
        "set memory.minilm to either, or memory.embedder to policy or hashing",
    });
  }
});
