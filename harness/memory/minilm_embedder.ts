// Vectors of texts from all-MiniLM-L6-v2 (384 dimensions), which Memory-R embeds with, or from another sentence encoder
// of its kind: the mean over a text's tokens of the last hidden states, scaled to length 1. Files as on the Hub
// (https://huggingface.co/Xenova/all-MiniLM-L6-v2), float32.
//
// The only file that knows Transformers.js, which is imported when an embedder is made: it is large, and few cells need it.

import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Tensor } from "@huggingface/transformers";
import { sha256 } from "../base/digest.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import type { Embedder } from "../contract.ts";

/** As sentence-transformers cuts texts for this model; its tokenizer would take 512. */
const MAX_TOKENS = 256;

const WEIGHTS = join("onnx", "model.onnx");
const FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS];

/** Where what comes from the Hub is kept: a folder for each model, as one may name it. */
const CACHE = join(homedir(), ".cache", "matchbox", "models");

const isThere = (path: string) => stat(path).then(() => true, () => false);

/**
 * An embedder from a folder, or by a name on the Hugging Face Hub, from where it is downloaded once.
 * @throws MisuseError for what is neither; FailureError where files are missing, or the Hub cannot be reached
 */
export async function minilmEmbedder(nameOrFolder: string): Promise<Embedder> {
  const local = await isThere(nameOrFolder);
  if (!local && !/^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(nameOrFolder)) {
    throw new MisuseError(
      `Cannot load the embedder "${nameOrFolder}": there is no such folder, and it is no name on the Hub … ` +
        `set memory.minilm to either, or memory.embedder to policy or hashing`,
    );
  }
  const folder = local ? resolve(nameOrFolder) : join(CACHE, ...nameOrFolder.split("/"));
  const missing = await missingFiles(folder);
  if (local && missing.length > 0) {
    throw new FailureError(
      `Cannot load the embedder "${nameOrFolder}": the folder has no ${missing.join(", ")} … ` +
        `it needs the files of https://huggingface.co/Xenova/all-MiniLM-L6-v2`,
    );
  }
  const { AutoModel, AutoTokenizer, env } = await import("@huggingface/transformers");
  env.useBrowserCache = false; // Deno has one; files are wanted, to digest them
  env.cacheDir = CACHE;
  const offline = missing.length === 0; // nothing is asked of the Hub once all is there
  const source = offline ? folder : nameOrFolder;
  const load = async () => {
    const tokenizer = await AutoTokenizer.from_pretrained(source, { local_files_only: offline });
    const model = await AutoModel.from_pretrained(source, {
      local_files_only: offline,
      dtype: "fp32",
      session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 },
    });
    // One text a pass: in a batch the last bits of a vector depend on what is beside it.
    const embed = async (text: string): Promise<Float32Array> => {
      const inputs = tokenizer([text], { truncation: true, max_length: MAX_TOKENS });
      const { last_hidden_state: states }: { last_hidden_state?: Tensor } = await model(inputs); // [1, T, D]
      if (!(states?.data instanceof Float32Array)) throw new FailureError("the model gives no float32 hidden states");
      const vector = unitMean(states.data, states.dims[2]!);
      states.dispose();
      if (vector !== null) return vector;
      throw new FailureError(`Cannot embed ${JSON.stringify(text)}: its vector is zero or no number`);
    };
    const { length: dimensions } = await embed("a");
    return { model, embed, dimensions, digest: sha256(await readFile(join(folder, WEIGHTS))) };
  };
  const { model, embed, dimensions, digest } = await load().catch((error: unknown) => {
    const remedy = offline
      ? `get the files in "${folder}" anew`
      : `with no way to the Hub, copy its files (${FILES.join(", ")}) into a folder and set memory.minilm to that`;
    const why = error instanceof Error ? error.message : error;
    throw new FailureError(`Cannot load the embedder "${nameOrFolder}": ${why} … ${remedy}`);
  });
  return {
    identity: { name: "minilm", digest, dimensions },
    async embed(texts) {
      const vectors: Float32Array[] = [];
      for (const text of texts) vectors.push(await embed(text));
      return vectors;
    },
    async dispose() {
      await model.dispose();
    },
  };
}

async function missingFiles(folder: string): Promise<string[]> {
  const there = await Promise.all(FILES.map((file) => isThere(join(folder, file))));
  return FILES.filter((_, i) => !there[i]);
}

/** The mean of rows [T, D] scaled to length 1; null where that is not possible. */
function unitMean(rows: Float32Array, dimensions: number): Float32Array | null {
  const sums = new Float64Array(dimensions);
  for (let i = 0; i < rows.length; i++) sums[i % dimensions]! += rows[i]!;
  const length = Math.sqrt(sums.reduce((sum, value) => sum + value * value, 0));
  return length > 0 && length < Infinity ? Float32Array.from(sums, (value) => value / length) : null;
}
