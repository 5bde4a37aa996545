// A policy's tokenizer: text to token ids and back, and chats to prompts. The work is done by Hugging Face's own
// JavaScript implementation, whose only import is here; this file checks what that library takes on trust (ids against
// the model, tokens without an id) and turns its errors into messages that name the file. Nothing is added to a text
// (no BOS) and nothing cleaned from a decoded one: a chat template writes the special tokens that belong into a prompt.
// Source: https://github.com/huggingface/tokenizers.js

import { Tokenizer } from "@huggingface/tokenizers";
import { join } from "node:path";
import { FailureError, MisuseError } from "../base/errors.ts";
import { isObject, type JsonObject, readJsonFile } from "../base/json_file.ts";
import type { Message } from "../contract.ts";
import { type ChatTemplate, readChatTemplate, tokenText } from "./chat_template.ts";
import type { ModelConfig } from "./config.ts";

/** Text to tokens and back, for one policy. */
export class PolicyTokenizer {
  readonly #library: Tokenizer;
  readonly #special: ReadonlySet<number>;

  /** Any of these ends a completion. */
  readonly eosTokenIds: readonly number[];
  /** Fills rows up to a common length; never read by the model. */
  readonly padTokenId: number;
  /** Token ids are below this; the model may have room for more. */
  readonly vocabSize: number;

  /**
   * @param json content of tokenizer.json
   * @param tokenizerConfig content of tokenizer_config.json
   * @param path of tokenizer.json, for messages
   * @param eosTokenIds of the model and its generation config; where empty, the tokenizer's own counts
   */
  constructor(
    json: JsonObject,
    tokenizerConfig: JsonObject,
    readonly path: string,
    readonly template: ChatTemplate,
    model: Pick<ModelConfig, "vocabSize" | "padTokenId">,
    eosTokenIds: readonly number[],
  ) {
    this.vocabSize = checkTokenizer(json, path, model.vocabSize);
    this.#library = this.#guard("read", () => new Tokenizer(json, tokenizerConfig));
    const added = this.#library.get_added_tokens_decoder();
    this.#special = new Set([...added].filter(([, token]) => token.special).map(([id]) => id));

    const idOf = (name: string) => this.#library.token_to_id(tokenText(tokenizerConfig[name]) ?? "");
    const eos = idOf("eos_token");
    this.eosTokenIds = eosTokenIds.length > 0 || eos === undefined ? eosTokenIds : [eos];
    const [firstEos] = this.eosTokenIds;
    if (firstEos === undefined) {
      throw new MisuseError(
        `Cannot use the policy of "${path}": no end-of-sequence token is named … set "eos_token_id" in its config.json`,
      );
    }
    this.padTokenId = model.padTokenId ?? idOf("pad_token") ?? firstEos;
    this.encode("A 1-token\nprobe: é 中 🙂"); // what is broken shows before anything is computed
  }

  /** Token ids of a text; special tokens written in it count as such, none is added. */
  encode(text: string): Int32Array {
    const ids = this.#guard("encode with", () => this.#library.encode(text, { add_special_tokens: false }).ids);
    return Int32Array.from(ids, (id: number | undefined) => {
      if (id !== undefined && Number.isInteger(id)) return id;
      throw this.#broken("encode with", "a part of the text has no token and there is no unknown token");
    });
  }

  /**
   * Text of the tokens; incomplete UTF-8 shows as U+FFFD. Ids that the model has and the tokenizer lacks are left out.
   * @param options.keepSpecial keep special tokens such as end-of-sequence; they are left out by default
   */
  decode(tokens: Iterable<number>, options: { readonly keepSpecial?: boolean } = {}): string {
    const known = Array.from(tokens).filter((id) =>
      (options.keepSpecial || !this.#special.has(id)) && this.#library.id_to_token(id) !== undefined
    );
    if (known.length === 0) return "";
    return this.#guard("decode with", () => this.#library.decode(known, { clean_up_tokenization_spaces: false }));
  }

  /** A chat as the prompt that asks the assistant to answer. */
  chat(messages: readonly Message[]): { readonly text: string; readonly tokens: Int32Array } {
    const text = this.template.render(messages);
    return { text, tokens: this.encode(text) };
  }

  #guard<T>(action: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#broken(action, error instanceof Error ? error.message : String(error));
    }
  }

  #broken(action: string, reason: string): FailureError {
    return new FailureError(`Cannot ${action} "${this.path}": ${reason} … take the file from the model's source again`);
  }
}

/**
 * The tokenizer of a policy folder: tokenizer.json, tokenizer_config.json and the chat template.
 * @throws MisuseError where it does not fit the model or has no chat template, FailureError where a file is broken
 */
export async function readTokenizer(
  folder: string,
  model: Pick<ModelConfig, "vocabSize" | "padTokenId">,
  eosTokenIds: readonly number[],
): Promise<PolicyTokenizer> {
  const path = join(folder, "tokenizer.json");
  const json = await readJsonFile(path);
  const config = await readJsonFile(join(folder, "tokenizer_config.json"));
  return new PolicyTokenizer(json, config, path, await readChatTemplate(folder, config), model, eosTokenIds);
}

/** Checks the ids, which the library would use as they are, and returns the largest plus 1. */
function checkTokenizer(json: JsonObject, path: string, modelVocabSize: number): number {
  const bad = (reason: string) =>
    new FailureError(`Cannot read "${path}": ${reason} … take the file from the model's source again`);
  const { model, added_tokens: added } = json;
  if (!isObject(model)) throw bad('"model" must be an object');
  if (model["type"] !== "BPE" && model["type"] !== "Unigram" && model["type"] !== "WordPiece") {
    throw bad(`"model.type" is ${JSON.stringify(model["type"])}; it must be "BPE", "Unigram" or "WordPiece"`);
  }
  if (model["dropout"]) throw bad('"model.dropout" makes encoding random; it must be null');
  const vocab = model["vocab"];
  const tokens: [unknown, unknown][] = Array.isArray(vocab)
    ? vocab.map((item, id) => [Array.isArray(item) ? item[0] : item, id])
    : isObject(vocab)
    ? Object.entries(vocab)
    : [];
  if (!Array.isArray(added)) throw bad('"added_tokens" must be a list');
  if (tokens.length === 0) throw bad('"model.vocab" must hold tokens');

  const tokenOf = new Map<number, string>();
  for (const [token, id] of [...tokens, ...added.map((item): [unknown, unknown] => [item?.content, item?.id])]) {
    if (typeof token !== "string" || typeof id !== "number" || !Number.isInteger(id) || id < 0) {
      throw bad(`token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}`);
    }
    if (id >= modelVocabSize) {
      throw new MisuseError(
        `Cannot use the tokenizer "${path}": token ${
          JSON.stringify(token)
        } has id ${id}, the model has ${modelVocabSize} tokens … take tokenizer and model from the same source`,
      );
    }
    if (tokenOf.has(id) && tokenOf.get(id) !== token) {
      throw bad(`tokens ${JSON.stringify(tokenOf.get(id))} and ${JSON.stringify(token)} share the id ${id}`);
    }
    tokenOf.set(id, token);
  }
  checkPatterns([json["normalizer"], json["pre_tokenizer"], json["decoder"]], bad);
  if (model["type"] === "BPE") checkMerges(model, new Set(tokenOf.values()), bad);
  return tokenOf.keys().reduce((largest, id) => Math.max(largest, id)) + 1;
}

/** The library warns of a pattern that it does not know, and goes on without it. */
function checkPatterns(part: unknown, bad: (reason: string) => FailureError): void {
  if (Array.isArray(part)) part.forEach((item) => checkPatterns(item, bad));
  if (!isObject(part)) return;
  const { type, pattern } = part;
  if (type === "Split" || type === "Replace") {
    const text = isObject(pattern) ? pattern["Regex"] ?? pattern["String"] : undefined;
    if (typeof text !== "string") throw bad(`a part of type "${type}" must have a "pattern" with "Regex" or "String"`);
  }
  Object.values(part).forEach((child) => checkPatterns(child, bad));
}

/** A merge whose result has no id would drop text silently; Python's tokenizers refuses it as well. */
function checkMerges(model: JsonObject, vocab: ReadonlySet<string>, bad: (reason: string) => FailureError): void {
  const { merges, continuing_subword_prefix: prefix } = model;
  if (!Array.isArray(merges)) throw bad('"model.merges" must be a list');
  const skipped = typeof prefix === "string" ? prefix.length : 0;
  for (const merge of merges) {
    const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    const [left, right] = Array.isArray(pair) && pair.length === 2 ? pair : [];
    if (typeof left !== "string" || typeof right !== "string") throw bad('"model.merges" must hold pairs of tokens');
    for (const token of [left, right, left + right.slice(skipped)]) {
      if (!vocab.has(token)) throw bad(`the merge of "${left}" and "${right}" needs "${token}", which has no id`);
    }
  }
}
