// A sentence encoder small enough to make on the spot, in the files of its big relatives: the tokenizer splits at spaces,
// and the model is one Gather, so that a token's hidden state is its row of a table.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import proto from "onnx-proto";
import { bytesOf } from "../../harness/base/digest.ts";

const { onnx } = proto;
const INT64 = 7, FLOAT = 1;

/** Writes the encoder into a folder. @param rows hidden state [D] of each word; "[UNK]" stands for all other words */
export async function writeTinyEncoder(folder: string, rows: Readonly<Record<string, readonly number[]>>) {
  const words = Object.keys(rows), dimensions = Object.values(rows)[0]!.length;
  const shape = (...sizes: (string | number)[]) => ({
    dim: sizes.map((size) => typeof size === "string" ? { dimParam: size } : { dimValue: size }),
  });
  const value = (name: string, elemType: number, ...sizes: (string | number)[]) => ({
    name,
    type: { tensorType: { elemType, shape: shape(...sizes) } },
  });
  const model = onnx.ModelProto.encode({
    irVersion: 10,
    opsetImport: [{ domain: "", version: 21 }],
    graph: {
      name: "tiny",
      node: [{ opType: "Gather", input: ["table", "input_ids"], output: ["last_hidden_state"] }],
      initializer: [{
        name: "table",
        dataType: FLOAT,
        dims: [words.length, dimensions],
        rawData: bytesOf(Float32Array.from(Object.values(rows).flat())),
      }],
      input: ["input_ids", "attention_mask", "token_type_ids"].map((name) => value(name, INT64, "batch", "length")),
      output: [value("last_hidden_state", FLOAT, "batch", "length", dimensions)],
    },
  }).finish();
  const tokenizer = {
    version: "1.0",
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "WhitespaceSplit" },
    post_processor: null,
    decoder: null,
    model: {
      type: "WordPiece",
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
    },
  };
  await mkdir(join(folder, "onnx"), { recursive: true });
  await writeFile(join(folder, "onnx", "model.onnx"), model);
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
  await writeFile(
    join(folder, "tokenizer_config.json"),
    JSON.stringify({ tokenizer_class: "BertTokenizer", model_max_length: 512 }),
  );
  await writeFile(join(folder, "config.json"), JSON.stringify({ model_type: "bert", hidden_size: dimensions }));
}
