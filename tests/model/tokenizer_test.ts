import assert from "node:assert/strict";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { JsonObject } from "../../harness/base/json_file.ts";
import { ChatTemplate } from "../../harness/model/chat_template.ts";
import { PolicyTokenizer } from "../../harness/model/tokenizer.ts";
import { tinyTokenizer } from "./tiny_policy.ts";

const template = new ChatTemplate("{{ messages[0].content }}", "chat_template.jinja", {});
const { tokenizer: json, tokenizerConfig } = tinyTokenizer;
const model = json["model"] as JsonObject & { readonly vocab: Readonly<Record<string, number>> };

function make(
  { tokenizer = json, config = tokenizerConfig, vocabSize = 280, padTokenId = null, eos = [1] }: {
    tokenizer?: JsonObject;
    config?: JsonObject;
    vocabSize?: number;
    padTokenId?: number | null;
    eos?: readonly number[];
  } = {},
) {
  return new PolicyTokenizer(tokenizer, config, "tokenizer.json", template, { vocabSize, padTokenId }, eos);
}

Deno.test("PolicyTokenizer.encode() adds nothing to a text", () => {
  const tokenizer = make();
  assert.equal(tokenizer.encode("").length, 0);
  assert.deepEqual([...tokenizer.encode("<|end|>")], [1]);
  assert.equal(tokenizer.vocabSize, tinyTokenizer.vocabSize);
});

Deno.test("PolicyTokenizer.decode() leaves special tokens out unless asked, and ids without a token", () => {
  const tokenizer = make();
  const tokens = tokenizer.encode("<|user|>Anna<answer>5</answer><|end|>");
  assert.equal(tokenizer.decode(tokens), "Anna<answer>5</answer>");
  assert.equal(tokenizer.decode(tokens, { keepSpecial: true }), "<|user|>Anna<answer>5</answer><|end|>");
  assert.equal(tokenizer.decode([279, ...tokenizer.encode("x")]), "x");
  assert.equal(tokenizer.decode([]), "");
  assert.equal(tokenizer.decode([279]), "");
});

Deno.test("PolicyTokenizer.decode() cleans nothing, even where the config asks for it", () => {
  const tokenizer = make({ config: { ...tokenizerConfig, clean_up_tokenization_spaces: true } });
  assert.equal(tokenizer.decode(tokenizer.encode("a , b . it 's")), "a , b . it 's");
});

Deno.test("PolicyTokenizer.decode() shows a part of a character as U+FFFD", () => {
  const tokenizer = make();
  assert.equal(tokenizer.decode(tokenizer.encode("é").subarray(0, 1)), "\ufffd");
});

Deno.test("PolicyTokenizer takes end and padding from the model, then from its own config", () => {
  assert.deepEqual(make({ eos: [5, 6], padTokenId: 7 }).eosTokenIds, [5, 6]);
  assert.equal(make({ padTokenId: 7 }).padTokenId, 7);
  assert.deepEqual(make({ eos: [] }).eosTokenIds, [1]);
  assert.equal(make().padTokenId, 0);
  assert.equal(make({ config: { eos_token: { content: "<|end|>" } }, eos: [] }).padTokenId, 1);
  assert.throws(
    () => make({ config: {}, eos: [] }),
    (error) => error instanceof MisuseError && /end-of-sequence/.test(error.message),
  );
});

Deno.test("PolicyTokenizer refuses a vocabulary that the model cannot hold", () => {
  assert.throws(
    () => make({ vocabSize: 270 }),
    (error) => error instanceof MisuseError && /has id 270, the model has 270 tokens/.test(error.message),
  );
});

Deno.test("PolicyTokenizer refuses a broken tokenizer.json and names it", () => {
  const without = (name: string) => Object.fromEntries(Object.entries(json).filter(([key]) => key !== name));
  const withModel = (changes: JsonObject) => ({ ...json, model: { ...model, ...changes } });
  const cases: readonly (readonly [JsonObject, RegExp])[] = [
    [without("model"), /"model" must be an object/],
    [without("added_tokens"), /"added_tokens" must be a list/],
    [without("decoder"), /decoder/],
    [withModel({ type: "Magic" }), /"model.type" is "Magic"/],
    [withModel({ dropout: 0.1 }), /dropout/],
    [withModel({ vocab: {} }), /"model.vocab" must hold tokens/],
    [withModel({ vocab: { ...model.vocab, Q: -1 } }), /token "Q" has the id -1/],
    [withModel({ vocab: { ...model.vocab, new: model.vocab["Q"] } }), /share the id/],
    [withModel({ merges: 5 }), /"model.merges" must be a list/],
    [withModel({ merges: ["a b c"] }), /must hold pairs/],
    [withModel({ merges: [["Q", "Q"]] }), /the merge of "Q" and "Q" needs "QQ", which has no id/],
    [{ ...json, pre_tokenizer: { type: "Magic" } }, /Magic/],
    [
      { ...json, pre_tokenizer: { type: "Split", pattern: { Regeh: "x" }, behavior: "Isolated" } },
      /must have a "pattern"/,
    ],
    [{ ...json, added_tokens: [{ id: 0 }] }, /has the id 0/],
  ];
  for (const [tokenizer, message] of cases) {
    assert.throws(() => make({ tokenizer }), (error) => {
      assert.ok(error instanceof FailureError, String(error));
      assert.match(error.message, message);
      assert.match(error.message, /"tokenizer\.json"/);
      return true;
    });
  }
});
