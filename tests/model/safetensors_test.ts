import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { bytesOf } from "../../harness/base/digest.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { Layout } from "../../harness/model/layout.ts";
import { initialWeights, parameterLayout } from "../../harness/model/layout.ts";
import { readWeights, toBfloat16, writeWeights } from "../../harness/model/safetensors.ts";
import { tinyConfig, withFolder } from "./tiny_policy.ts";

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A file as the format describes it, written without the code under test. */
function encode(tensors: Readonly<Record<string, Tensor>>, change: (header: string) => string = (header) => header) {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => [
      name,
      { dtype, shape, data_offsets: [end, end += bytes.length] },
    ]),
  );
  const json = new TextEncoder().encode(change(JSON.stringify(header)));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  return Buffer.concat([length, json, ...Object.values(tensors).map(({ bytes }) => bytes)]);
}

const f32 = (shape: readonly number[], values: readonly number[]): Tensor => ({
  dtype: "F32",
  shape,
  bytes: bytesOf(Float32Array.from(values)),
});
const halves = (dtype: string, bits: readonly number[]): Tensor => ({
  dtype,
  shape: [bits.length],
  bytes: bytesOf(Uint16Array.from(bits)),
});

/** A layout of vectors and matrices under the given names. */
function layoutOf(shapes: Readonly<Record<string, readonly number[]>>): Layout {
  let size = 0;
  const parameters = Object.entries(shapes).map(([name, shape]) => {
    const floats = shape.reduce((product, dimension) => product * dimension, 1);
    const parameter = { name, shape, offset: size, size: floats, decay: true };
    size += floats;
    return parameter;
  });
  return { parameters, size, decayed: size };
}

const twoTensors = { a: f32([2], [1, 2]), b: f32([1, 2], [3, 4]) };
const twoLayout = layoutOf({ b: [1, 2], a: [2] });

Deno.test("readWeights() puts tensors where the layout wants them, whatever their order in the file", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "model.safetensors"), encode(twoTensors, (header) => `${header}     `));
    assert.deepEqual([...(await readWeights(folder, twoLayout)).data], [3, 4, 1, 2]);
  }));

Deno.test("readWeights() decodes known bit patterns of BF16 and F16", () =>
  withFolder(async (folder) => {
    const bfloat16 = [0x0000, 0x8000, 0x3f80, 0xc000, 0x3eaa, 0x7f7f, 0x0001];
    const float16 = [0x0000, 0x8000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0x0001, 0x03ff, 0x0400];
    await writeFile(
      join(folder, "model.safetensors"),
      encode({ b: halves("BF16", bfloat16), h: halves("F16", float16) }),
    );
    const { data } = await readWeights(folder, layoutOf({ b: [7], h: [9] }));
    assert.deepEqual([...data], [
      ...[0, -0, 1, -2, 0.33203125, 3.3895313892515355e38, 2 ** -133],
      ...[0, -0, 1, -2, 0.333251953125, 65504, 2 ** -24, 1023 * 2 ** -24, 2 ** -14],
    ]);
  }));

Deno.test("toBfloat16() rounds to nearest, ties to even", () => {
  const cases: readonly (readonly [number, number])[] = [
    [0x3f800000, 0x3f80], // exact
    [0x3f807fff, 0x3f80], // just under the tie
    [0x3f808000, 0x3f80], // tie, to even: down
    [0x3f818000, 0x3f82], // tie, to even: up
    [0x3f808001, 0x3f81], // just over the tie
    [0xbf818000, 0xbf82],
    [0x7f7fffff, 0x7f80], // the largest float32 rounds to infinity
    [0x80000000, 0x8000],
    [0x7f800000, 0x7f80], // infinity
    [0x7f800001, 0x7fc0], // a NaN stays one
    [0xffffffff, 0xffff],
  ];
  const floats = new Float32Array(Uint32Array.from(cases, ([bits]) => bits).buffer);
  assert.deepEqual([...toBfloat16(floats)], cases.map(([, bits]) => bits));
});

Deno.test("writeWeights() then readWeights() gives the floats back, rounded once under BF16", () =>
  withFolder(async (folder) => {
    const weights = initialWeights(tinyConfig(), 1);
    const path = join(folder, "model.safetensors");
    await writeWeights(path, weights, "F32");
    assert.deepEqual((await readWeights(folder, weights.layout)).data, weights.data);
    const headerBytes = Number((await readFile(path)).readBigUInt64LE(0));
    assert.equal(headerBytes % 8, 0);

    await writeWeights(path, weights, "BF16");
    const rounded = (await readWeights(folder, weights.layout)).data;
    rounded.forEach((value, i) => assert.ok(Math.abs(value - weights.data[i]!) <= Math.abs(weights.data[i]!) / 256));
    await writeWeights(path, { layout: weights.layout, data: rounded }, "BF16");
    assert.deepEqual((await readWeights(folder, weights.layout)).data, rounded);
  }));

Deno.test("readWeights() reads shards by their index", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "x-1.safetensors"), encode({ a: twoTensors.a }));
    await writeFile(join(folder, "x-2.safetensors"), encode({ b: twoTensors.b }));
    const index = join(folder, "model.safetensors.index.json");
    await writeFile(index, JSON.stringify({ weight_map: { a: "x-1.safetensors", b: "x-2.safetensors" } }));
    assert.deepEqual([...(await readWeights(folder, twoLayout)).data], [3, 4, 1, 2]);

    const bad: readonly (readonly [unknown, RegExp])[] = [
      [{}, /"weight_map" must be an object/],
      [{ weight_map: { a: "x-1.safetensors", b: "../x-2.safetensors" } }, /names no safetensors file .* tensor "b"/],
      [
        { weight_map: { a: "x-1.safetensors", b: "x-1.safetensors" } },
        /places tensor "b" in "x-1.safetensors", which lacks/,
      ],
      [{ weight_map: { b: "x-1.safetensors" } }, /does not place tensor "a" in "x-1.safetensors"/],
      [{ weight_map: { a: "x-1.safetensors", b: "x-3.safetensors" } }, /x-3.safetensors": there is no such file/],
    ];
    for (const [content, message] of bad) {
      await writeFile(index, JSON.stringify(content));
      await assert.rejects(readWeights(folder, twoLayout), (error) =>
        error instanceof FailureError && message.test(error.message));
    }
  }));

Deno.test("readWeights() leaves out stored rotary frequencies and a copy of the tied embedding", () =>
  withFolder(async (folder) => {
    const path = join(folder, "model.safetensors");
    const layout = layoutOf({ "model.embed_tokens.weight": [2] });
    const embedding = { "model.embed_tokens.weight": twoTensors.a };
    const rotary = { "model.layers.0.self_attn.rotary_emb.inv_freq": f32([1], [9]) };
    await writeFile(path, encode({ ...embedding, "lm_head.weight": twoTensors.a, ...rotary }));
    assert.deepEqual([...(await readWeights(folder, layout)).data], [1, 2]);

    await writeFile(path, encode({ ...embedding, "lm_head.weight": f32([2], [1, 3]) }));
    await assert.rejects(readWeights(folder, layout), /"lm_head.weight" differs from the embedding/);
  }));

Deno.test("readWeights() refuses tensors that are missing, unexpected, misshapen or not finite, by name", () =>
  withFolder(async (folder) => {
    const path = join(folder, "model.safetensors");
    await assert.rejects(readWeights(folder, twoLayout), /neither model.safetensors nor model.safetensors.index.json/);
    const cases: readonly (readonly [Record<string, Tensor>, RegExp])[] = [
      [{ a: twoTensors.a }, /tensor "b" is missing/],
      [{ ...twoTensors, c: f32([1], [1]) }, /tensor "c" has no place/],
      [{ ...twoTensors, b: f32([2], [3, 4]) }, /tensor "b" has shape \[2\]; config.json asks for \[1,2\]/],
      [{ ...twoTensors, a: f32([2], [1, NaN]) }, /tensor "a" holds NaN or an infinity/],
      [{ ...twoTensors, a: halves("BF16", [0x3f80, 0x7f80]) }, /tensor "a" holds NaN or an infinity/],
      [{ ...twoTensors, a: halves("BF16", [0xff81, 0x3f80]) }, /tensor "a" holds NaN or an infinity/],
    ];
    for (const [tensors, message] of cases) {
      await writeFile(path, encode(tensors));
      await assert.rejects(
        readWeights(folder, twoLayout),
        (error) => error instanceof FailureError && message.test(error.message),
      );
    }
    await writeFile(path, encode({ ...twoTensors, a: { ...twoTensors.a, dtype: "F64", shape: [1] } }));
    await assert.rejects(readWeights(folder, twoLayout), MisuseError);
  }));

Deno.test("readWeights() refuses a file whose header does not describe its bytes", () =>
  withFolder(async (folder) => {
    const path = join(folder, "model.safetensors");
    const good = encode(twoTensors);
    const changed = (from: string, to: string) => encode(twoTensors, (header) => header.replace(from, to));
    const cases: readonly (readonly [Uint8Array, RegExp])[] = [
      [good.subarray(0, 5), /has 5 bytes; a header needs 8/],
      [good.subarray(0, 40), /the header claims \d+ bytes; the file has 40/],
      [good.subarray(0, -1), /\(truncated\)/],
      [Buffer.concat([good, Uint8Array.of(0)]), /the header places/],
      [Buffer.concat([new Uint8Array(8).fill(0xff), good]), /the header claims/],
      [encode(twoTensors, () => "[]"), /must be a JSON object/],
      [encode(twoTensors, () => "{"), /JSON is malformed/],
      [changed('"a"', '"\\'), /JSON is malformed/],
      [changed("[0,8]", "[4,8]"), /tensor "a" has 4 bytes; F32 \[2\] needs 8/],
      [changed("[0,8]", "[8,16]"), /tensor "a" leaves a gap before it/],
      [changed("[8,16]", "[0,8]"), /tensor "b" overlaps the one before it/],
      [changed("[8,16]", "[16,24]"), /tensor "b" leaves a gap before it/],
      [changed("[8,16]", "[16,8]"), /tensor "b" has malformed offsets/],
      [changed("[8,16]", "[8]"), /tensor "b" has malformed offsets/],
      [changed("[2]", "[-2]"), /tensor "a" has a malformed shape/],
      [changed("[2]", "[2.5]"), /tensor "a" has a malformed shape/],
      [changed("[2]", "[2e300]"), /tensor "a" has a malformed shape/],
      [changed('"dtype":"F32"', '"dtype":3'), /tensor "a" has no dtype/],
      [changed('"b":', '"a":'), /the key "a" appears twice/],
      [changed('"b":', '"\\u0061":'), /the key "a" appears twice/],
      [changed("{", '{"__metadata__":{"x":1},'), /"__metadata__" must hold strings/],
    ];
    for (const [bytes, message] of cases) {
      await writeFile(path, bytes);
      await assert.rejects(readWeights(folder, twoLayout), (error) => {
        assert.ok(error instanceof FailureError && error.message.includes(path), String(error));
        assert.match(error.message, message);
        return true;
      });
    }
  }));

Deno.test("readWeights() accepts a brace or a quote inside a name", () =>
  withFolder(async (folder) => {
    const name = 'a{"\\}:';
    await writeFile(join(folder, "model.safetensors"), encode({ [name]: twoTensors.a }));
    assert.deepEqual([...(await readWeights(folder, layoutOf({ [name]: [2] }))).data], [1, 2]);
  }));

Deno.test("readWeights() checks the file before it allocates", () =>
  withFolder(async (folder) => {
    const huge = parameterLayout(tinyConfig({ vocab_size: 2 ** 22, hidden_size: 2 ** 20, head_dim: 6 }));
    await writeFile(join(folder, "model.safetensors"), encode({ "model.embed_tokens.weight": twoTensors.b }));
    await assert.rejects(readWeights(folder, huge), /has shape \[1,2\]; config.json asks for \[4194304,1048576\]/);
  }));
