// Trains the small byte-level BPE tokenizer of an embedded policy (Sennrich et al., arXiv:1508.07909; bytes as in GPT-2).
// Any text can be encoded and comes back byte for byte. Digits stand alone, so that a number is spelled and not looked
// up. The pre-tokenizer is GPT-2's with \p{N} for digits, written as a pattern as Llama 3 and Qwen2 have it: its classes
// mean the same in Rust and in JavaScript, those of the built-in one do not (U+0085, U+FEFF, "½").
// Meant for a few hundred merges: pairs are counted anew for each, which is simple and takes seconds.

import type { JsonObject } from "../base/json_file.ts";

const PAD = "<|pad|>";
const END = "<|end|>";
const USER = "<|user|>";
const ASSISTANT = "<|assistant|>";
const SPECIAL_TOKENS = [PAD, END, USER, ASSISTANT];

/** System messages are left out: the policy is too small to heed them. */
const CHAT_TEMPLATE = `{% for m in messages %}{% if m.role == 'user' %}${USER}{{ m.content }}` +
  `{% elif m.role == 'assistant' %}${ASSISTANT}{{ m.content }}${END}{% endif %}{% endfor %}` +
  `{% if add_generation_prompt %}${ASSISTANT}{% endif %}`;

const PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
/** Rust's \s is Unicode's white space; JavaScript's is not quite. */
const WORDS = new RegExp(
  PATTERN.replaceAll(String.raw`\s`, String.raw`\p{White_Space}`).replaceAll(
    String.raw`\S`,
    String.raw`\P{White_Space}`,
  ),
  "gu",
);

/** What a tokenizer is trained for. */
export interface TokenizerOptions {
  /** Tokens in all: special, whole, 256 bytes, merges. Fewer come out where no pair is left that occurs twice. */
  readonly vocabSize: number;
  /** Strings that are one token each, e.g. "<answer>"; unlike special tokens they stay in decoded text. */
  readonly wholeTokens: readonly string[];
}

/** The files of a tokenizer, as JSON objects. */
export interface TokenizerFiles {
  /** tokenizer.json */
  readonly tokenizer: JsonObject;
  /** tokenizer_config.json, with the chat template */
  readonly tokenizerConfig: JsonObject;
  readonly vocabSize: number;
  readonly padTokenId: number;
  readonly eosTokenId: number;
}

/**
 * Trains a tokenizer on a corpus; the same corpus gives the same tokenizer.
 * @throws RangeError where `vocabSize` has no room for the special tokens, the whole tokens and the bytes
 */
export function trainTokenizer(corpus: Iterable<string>, { vocabSize, wholeTokens }: TokenizerOptions): TokenizerFiles {
  const reserved = [...SPECIAL_TOKENS, ...wholeTokens];
  const alphabet = byteAlphabet();
  const vocab = [...reserved, ...alphabet];
  if (new Set(vocab).size !== vocab.length || wholeTokens.includes("")) {
    throw new RangeError(`Cannot train a tokenizer: the whole tokens must differ and be no special token or byte`);
  }
  if (vocabSize < vocab.length) {
    throw new RangeError(
      `Cannot train a tokenizer: a vocabulary of ${vocabSize} must hold ${vocab.length} fixed tokens`,
    );
  }

  const words = countWords(corpus, reserved, alphabet);
  const merges: string[] = [];
  const known = new Set(vocab);
  while (vocab.length < vocabSize) {
    const pair = commonestPair(words);
    if (pair === null) break;
    const [left, right] = pair;
    merges.push(`${left} ${right}`);
    for (const word of words) mergePair(word.symbols, left, right);
    if (!known.has(left + right)) vocab.push(left + right); // two merges can spell the same token
    known.add(left + right);
  }

  const ids = new Map(vocab.map((token, id) => [token, id]));
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: reserved.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: SPECIAL_TOKENS.includes(content),
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: PATTERN }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges,
    },
  };
  const tokenizerConfig = {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: null,
    eos_token: END,
    pad_token: PAD,
    additional_special_tokens: [USER, ASSISTANT],
    clean_up_tokenization_spaces: false,
    chat_template: CHAT_TEMPLATE,
  };
  return {
    tokenizer,
    tokenizerConfig,
    vocabSize: vocab.length,
    padTokenId: reserved.indexOf(PAD),
    eosTokenId: reserved.indexOf(END),
  };
}

/** A distinct word of the corpus, as the symbols that the merges so far make of it. */
interface Word {
  readonly symbols: string[];
  readonly count: number;
}

function countWords(
  corpus: Iterable<string>,
  reserved: readonly string[],
  alphabet: readonly string[],
): readonly Word[] {
  const boundaries = new RegExp(reserved.map((token) => token.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"), "u");
  const counts = new Map<string, number>();
  for (const text of corpus) {
    for (const part of text.split(boundaries)) {
      for (const [word] of part.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const encoder = new TextEncoder();
  return [...counts].map(([word, count]) => ({
    symbols: Array.from(encoder.encode(word), (byte) => alphabet[byte]!),
    count,
  }));
}

/** The pair that occurs most often, at least twice; of equals the first by code units. */
function commonestPair(words: readonly Word[]): readonly [string, string] | null {
  const counts = new Map<string, number>();
  for (const { symbols, count } of words) {
    for (let i = 1; i < symbols.length; i++) {
      const pair = `${symbols[i - 1]} ${symbols[i]}`; // no symbol holds a blank
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  let best: string | null = null;
  let most = 1;
  for (const [pair, count] of counts) {
    if (count > most || (count === most && best !== null && pair < best)) [best, most] = [pair, count];
  }
  const [left, right] = best?.split(" ") ?? [];
  return left === undefined || right === undefined ? null : [left, right];
}

/** Joins each occurrence of a pair, from the left, in place. */
function mergePair(symbols: string[], left: string, right: string): void {
  for (let i = 0; i + 1 < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) symbols.splice(i, 2, left + right);
  }
}

/** GPT-2's printable character for each byte, [256]. */
function byteAlphabet(): readonly string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}
