import assert from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { ChatTemplate } from "../../harness/model/chat_template.ts";
import { PolicyTokenizer } from "../../harness/model/tokenizer.ts";
import { type TokenizerFiles, trainTokenizer } from "../../harness/model/train_tokenizer.ts";

const wholeTokens = ["<reasoning>", "</reasoning>", "<answer>", "</answer>"];

/** The tokenizer in use, template included. */
function load({ tokenizer, tokenizerConfig, vocabSize, eosTokenId, padTokenId }: TokenizerFiles): PolicyTokenizer {
  const template = new ChatTemplate(String(tokenizerConfig["chat_template"]), "tokenizer_config.json", {});
  return new PolicyTokenizer(tokenizer, tokenizerConfig, "tokenizer.json", template, { vocabSize, padTokenId }, [
    eosTokenId,
  ]);
}

/** The strings of a text's tokens. */
function pieces(tokenizer: PolicyTokenizer, text: string): readonly string[] {
  return Array.from(tokenizer.encode(text), (id) => tokenizer.decode([id], { keepSpecial: true }));
}

Deno.test("trainTokenizer() merges the commonest pair first, of equals the first in order", () => {
  // "ab" occurs 3 times, then "abc" twice; "x y" never within a word.
  const { tokenizer, vocabSize } = trainTokenizer(["ab abc", "abc"], { vocabSize: 500, wholeTokens: [] });
  const { merges } = tokenizer["model"] as { merges: string[] };
  assert.deepEqual(merges, ["a b", "ab c"]);
  assert.equal(vocabSize, 4 + 256 + 2);
});

Deno.test("trainTokenizer() stops at the size asked for", () => {
  assert.equal(trainTokenizer(["ab abc", "abc"], { vocabSize: 261, wholeTokens: [] }).vocabSize, 261);
  assert.throws(() => trainTokenizer([], { vocabSize: 259, wholeTokens: [] }), RangeError);
  assert.throws(() => trainTokenizer([], { vocabSize: 300, wholeTokens: ["<|end|>"] }), RangeError);
});

Deno.test("trainTokenizer() gives the same files for the same corpus", () => {
  const train = () => trainTokenizer(["one two three two one", "three one"], { vocabSize: 300, wholeTokens });
  assert.equal(JSON.stringify(train()), JSON.stringify(train()));
});

Deno.test("a trained tokenizer spells numbers, knows words and keeps whole tokens whole", () => {
  const corpus = Array.from({ length: 3 }, () => "Anna has 12 apples. <answer>12</answer>");
  const tokenizer = load(trainTokenizer(corpus, { vocabSize: 400, wholeTokens }));
  assert.deepEqual(pieces(tokenizer, "Anna has 12 apples.<answer>127</answer><|end|>"), [
    ...["Anna", " has", " ", "1", "2", " apples", "."],
    ...["<answer>", "1", "2", "7", "</answer>", "<|end|>"],
  ]);
});

Deno.test("a trained tokenizer gives any text back", () => {
  const tokenizer = load(trainTokenizer(["it's 12 apples", "it's 12 apples"], { vocabSize: 300, wholeTokens }));
  const random = stream(1, "texts");
  const codePoint = () => {
    const point = random.int(random.pick([0x80, 0x800, 0x10000, 0x110000]));
    return point >= 0xd800 && point < 0xe000 ? 0x20 : point;
  };
  const fixed = [
    "",
    " ",
    "a  b\n\n\tc ",
    "½ ½½ ²³ ١٢",
    "\u0085x\u0085",
    "\ufeffBOM \ufeff",
    "👩‍👩‍👧 中文",
    "<answer",
    "it's we'll",
  ];
  for (let i = 0; i < 300; i++) {
    const text = fixed[i] ?? String.fromCodePoint(...Array.from({ length: random.int(40) }, codePoint));
    assert.equal(tokenizer.decode(tokenizer.encode(text), { keepSpecial: true }), text);
  }
});

Deno.test("a trained tokenizer's chats leave out the system message and end where the assistant begins", () => {
  const tokenizer = load(trainTokenizer([], { vocabSize: 300, wholeTokens }));
  const { text, tokens } = tokenizer.chat([
    { role: "system", content: "Be brief." },
    { role: "user", content: "1+1?" },
    { role: "assistant", content: "2" },
    { role: "user", content: "2+2?" },
  ]);
  assert.equal(text, "<|user|>1+1?<|assistant|>2<|end|><|user|>2+2?<|assistant|>");
  assert.deepEqual(tokens, tokenizer.encode(text));
  assert.equal(tokenizer.decode(tokens), "1+1?22+2?");
});
