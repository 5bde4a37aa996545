// Broken files of a policy, made by seeded mutations: each is refused in a sentence or read, never an error of another
// kind, a crash or a hang. A mutation that is read must give a policy that can be used, for it may have hit a blank.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { type Prng, stream } from "../../harness/base/prng.ts";
import { initialWeights } from "../../harness/model/layout.ts";
import { readPolicy, writePolicy } from "../../harness/model/policy.ts";
import { tinyCompanions, tinyConfig, withFolder } from "./tiny_policy.ts";

const MUTATIONS_PER_FILE = 150;

/** Bytes flipped, cut, doubled, filled or inserted. */
function mutateBytes(bytes: Uint8Array, random: Prng): Uint8Array {
  // Half of the hits go to the front, where a safetensors header lies.
  const at = random.int(random.int(2) === 0 ? bytes.length : Math.min(bytes.length, 2000));
  const length = 1 + random.int(random.pick([1, 8, 300]));
  const [head, middle, tail] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)];
  switch (random.int(6)) {
    case 0:
      return Buffer.concat([head, middle.map((byte) => byte ^ (1 << random.int(8))), tail]);
    case 1:
      return head;
    case 2:
      return Buffer.concat([head, tail]);
    case 3:
      return Buffer.concat([head, middle, middle, tail]);
    case 4:
      return Buffer.concat([head, middle.map(() => random.pick([0x00, 0x30, 0x39, 0xff])), tail]);
    default:
      return Buffer.concat([head, Uint8Array.from({ length }, () => random.int(256)), middle, tail]);
  }
}

const STRANGE = [null, true, -1, 0, 1.5, 1e9, 1e300, 2 ** 53, "", "x", "\u0000", [], [[]], {}, { a: 1 }, "__proto__"];

/** The text with one value of its JSON replaced, dropped, changed or copied from elsewhere. */
function mutateJson(text: string, random: Prng): string {
  const root: unknown = JSON.parse(text);
  const places: (readonly [Record<string, unknown>, string])[] = [];
  const visit = (node: unknown) => {
    if (typeof node !== "object" || node === null) return;
    const record = node as Record<string, unknown>;
    const keys = Object.keys(record);
    // Of a vocabulary's hundreds of entries a few stand for all.
    for (const key of keys.length > 40 ? random.shuffle(keys).slice(0, 4) : keys) places.push([record, key]);
    keys.forEach((key) => visit(record[key]));
  };
  visit(root);
  const [record, key] = random.pick(places);
  const value = record[key];
  const kind = random.int(4);
  if (kind === 0) delete record[key];
  else if (kind === 1 && typeof value === "number") {
    record[key] = random.pick([value + 1, -value, value / 3, value * 1e6]);
  } else if (kind === 2) {
    const [from, name] = random.pick(places);
    record[key] = structuredClone(from[name]);
  } else record[key] = random.pick(STRANGE);
  return JSON.stringify(root);
}

/** Puts the policy through what a run asks of it. */
async function use(folder: string): Promise<void> {
  const { config, weights, tokenizer } = await readPolicy(folder);
  assert.equal(weights.data.length, weights.layout.size);
  assert.ok(weights.data.every(Number.isFinite));
  const { tokens } = tokenizer.chat([{ role: "system", content: "s" }, {
    role: "user",
    content: "Anna has 12 apples.",
  }]);
  assert.ok(tokens.every((token) => token >= 0 && token < config.vocabSize));
  assert.equal(typeof tokenizer.decode(tokens), "string");
  assert.equal(typeof tokenizer.decode([...tokenizer.eosTokenIds, 7, 200], { keepSpecial: true }), "string");
}

const FILES = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];

for (const [index, name] of FILES.entries()) {
  Deno.test(`a mutated ${name} is refused in a sentence or read`, () =>
    withFolder(async (folder) => {
      const config = tinyConfig({ architectures: ["Qwen2ForCausalLM"], rope_scaling: { type: "linear", factor: 2 } });
      await writePolicy(folder, { config, weights: initialWeights(config, 1), companions: tinyCompanions }, {
        dtype: "BF16",
      });
      const path = join(folder, name);
      const good = await readFile(path);
      await use(folder);
      let refused = 0;
      for (let i = 0; i < MUTATIONS_PER_FILE; i++) {
        const random = stream(index, "mutation", i);
        const structured = name.endsWith(".json") && i % 2 === 0;
        await writeFile(path, structured ? mutateJson(good.toString(), random) : mutateBytes(good, random));
        try {
          await use(folder);
        } catch (error) {
          if (!(error instanceof MisuseError || error instanceof FailureError)) {
            throw new Error(`Mutation ${i} of ${name} gave an error of another kind`, { cause: error });
          }
          assert.match(error.message, /^Cannot .* … /s);
          refused++;
        }
      }
      assert.ok(refused > MUTATIONS_PER_FILE / 4, `only ${refused} refused`);
    }));
}
