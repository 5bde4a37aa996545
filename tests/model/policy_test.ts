import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FailureError } from "../../harness/base/errors.ts";
import { parseModelConfig } from "../../harness/model/config.ts";
import { initialWeights } from "../../harness/model/layout.ts";
import { readPolicy, weightsDigest, writePolicy } from "../../harness/model/policy.ts";
import { tinyCompanions, tinyConfig, tinyRaw, withFolder } from "./tiny_policy.ts";

const untied = {
  architectures: ["Qwen2ForCausalLM"],
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  note: { kept: true },
};

async function writeTiny(folder: string, changes: Readonly<Record<string, unknown>> = {}) {
  const config = tinyConfig(changes);
  const weights = initialWeights(config, 1);
  await writePolicy(folder, { config, weights, companions: tinyCompanions }, { dtype: "F32" });
  return { config, weights };
}

Deno.test("readPolicy() reads what writePolicy() wrote", () =>
  withFolder(async (parent) => {
    const folder = join(parent, "new", "policy");
    const { config, weights } = await writeTiny(folder, untied);
    const policy = await readPolicy(folder);
    assert.deepEqual(policy.weights.data, weights.data);
    assert.equal(policy.digest, weightsDigest(weights));
    assert.deepEqual({ ...policy.config, raw: null }, { ...config, raw: null });
    assert.deepEqual(policy.tokenizer.eosTokenIds, [1]);
    assert.equal(policy.tokenizer.chat([{ role: "user", content: "Hi" }]).text, "<|user|>Hi<|assistant|>");
  }));

Deno.test("writePolicy() keeps the config but for the number format, and copies companions from a folder", () =>
  withFolder(async (parent) => {
    const folder = join(parent, "a"), copy = join(parent, "b");
    await writeTiny(folder, untied);
    await writeFile(join(folder, "generation_config.json"), '{"eos_token_id":[1,2]}');
    await writeFile(join(folder, "chat_template.jinja"), "{{ messages[0].content }}\n");
    await writeFile(join(folder, "notes.txt"), "not a part of a policy");
    const policy = await readPolicy(folder);
    await writePolicy(copy, { ...policy, companions: folder }, { dtype: "BF16" });

    const { torch_dtype: _, ...raw } = tinyRaw(untied);
    assert.deepEqual(JSON.parse(await readFile(join(copy, "config.json"), "utf8")), { ...raw, dtype: "bfloat16" });
    assert.deepEqual((await readdir(copy)).sort(), [
      "chat_template.jinja",
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    for (const name of ["chat_template.jinja", "generation_config.json", "tokenizer.json"]) {
      assert.deepEqual(await readFile(join(copy, name)), await readFile(join(folder, name)));
    }
    assert.equal((await readPolicy(copy)).tokenizer.chat([{ role: "user", content: "Hi" }]).text, "Hi");
  }));

Deno.test("readPolicy() joins the ends of config.json and generation_config.json", () =>
  withFolder(async (folder) => {
    await writeTiny(folder);
    await writeFile(join(folder, "generation_config.json"), '{"eos_token_id":[5,1]}');
    assert.deepEqual((await readPolicy(folder)).tokenizer.eosTokenIds, [1, 5]);
    await writeFile(join(folder, "generation_config.json"), '{"eos_token_id":"x"}');
    await assert.rejects(readPolicy(folder), /generation_config.json": "eos_token_id" is "x"/);
  }));

Deno.test("readPolicy() names the folder or the file that is missing or malformed", () =>
  withFolder(async (folder) => {
    const refused = (path: string, message: RegExp) =>
      assert.rejects(readPolicy(path), (error) => error instanceof FailureError && message.test(error.message));
    await refused(join(folder, "none"), /the policy ".*none": there is no such file or folder/);
    await refused(folder, /config\.json": there is no such file/);
    await writeTiny(folder);
    await refused(join(folder, "config.json"), /it is a file … name the folder/);
    for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]) {
      const path = join(folder, name);
      const content = await readFile(path);
      await rm(path);
      await refused(folder, new RegExp(name.replace(".", "\\.")));
      await writeFile(path, content.subarray(0, content.length >> 1));
      await refused(folder, new RegExp(name.replace(".", "\\.")));
      await writeFile(path, content);
    }
    await readPolicy(folder);
  }));

Deno.test("readPolicy() refuses weights that the config does not describe", () =>
  withFolder(async (folder) => {
    await writeTiny(folder);
    const config = (changes: Readonly<Record<string, unknown>>) =>
      writeFile(join(folder, "config.json"), JSON.stringify(tinyRaw(changes)));
    await config({ num_hidden_layers: 3 });
    await assert.rejects(readPolicy(folder), /tensor "model.layers.2.self_attn.q_proj.weight" is missing/);
    await config({ num_hidden_layers: 1 });
    await assert.rejects(readPolicy(folder), /tensor "model.layers.1\..*" has no place/);
    await config({ intermediate_size: 21 });
    await assert.rejects(readPolicy(folder), /gate_proj.weight" has shape \[20,12\]; config.json asks for \[21,12\]/);
    await config({ tie_word_embeddings: false });
    await assert.rejects(readPolicy(folder), /tensor "lm_head.weight" is missing/);
  }));

Deno.test("writePolicy() names the file where it cannot write", () =>
  withFolder(async (folder) => {
    const taken = join(folder, "taken");
    await writeFile(taken, "");
    const config = parseModelConfig(tinyRaw(), "config.json");
    const content = { config, weights: initialWeights(config, 1), companions: {} };
    await assert.rejects(
      writePolicy(taken, content, { dtype: "F32" }),
      /^FailureError: Cannot create the folder ".*taken"/,
    );
  }));
