// Reads and writes weights in the safetensors format: eight bytes with the length of a JSON header, the header (dtype,
// shape and place of each tensor), the data. Tensors go piece by piece from the file into one flat float32 array, so
// that a model never lies in memory twice. Everything the header claims is checked before anything is allocated.
// It is no general reader: what it returns has the model's layout. Little-endian machines only, as the format is.
// Source: https://github.com/huggingface/safetensors#format

import { existsSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import { bytesOf } from "../base/digest.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import { isObject, parseJson, readTextFile } from "../base/json_file.ts";
import type { Layout, Parameter, Weights } from "./layout.ts";

/** Bytes of one element of the number formats that are read. */
const DTYPE_BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

const LONGEST_HEADER = 100_000_000;
const PIECE_FLOATS = 2 ** 20;

/** One tensor of a file: where it lies and what it holds. */
interface Entry {
  readonly path: string;
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First and last byte in the file (the last one excluded). */
  readonly begin: number;
  readonly end: number;
}

const broken = (path: string, reason: string) =>
  new FailureError(`Cannot read "${path}": ${reason} … take the file from the model's source again`);

/**
 * The weights of a Hugging Face folder, from model.safetensors or the shards of model.safetensors.index.json.
 *
 * Beside the layout's tensors two kinds are accepted and left out: `rotary_emb.inv_freq` (old checkpoints store these
 * derived numbers), and `lm_head.weight` of a model whose head is tied, if it equals the embedding.
 * @throws FailureError naming the file, and the tensor that is missing, unexpected, misshapen or not finite
 */
export async function readWeights(folder: string, layout: Layout): Promise<Weights> {
  const held = new Map((await readEntries(folder)).map((entry) => [entry.name, entry]));
  const plan = layout.parameters.map((parameter) => {
    const entry = held.get(parameter.name);
    if (entry === undefined) {
      throw new FailureError(
        `Cannot read the weights of "${folder}": tensor "${parameter.name}" is missing … check that config.json belongs to them`,
      );
    }
    checkShape(entry, parameter);
    held.delete(parameter.name);
    return { entry, parameter };
  });
  const tiedHead = held.get("lm_head.weight");
  const [embedding] = layout.parameters;
  if (tiedHead !== undefined && embedding !== undefined) checkShape(tiedHead, embedding);
  for (const entry of held.values()) {
    if (entry === tiedHead || entry.name.endsWith(".rotary_emb.inv_freq")) continue;
    throw broken(entry.path, `tensor "${entry.name}" has no place in the model that config.json describes`);
  }

  // One for all pieces: the garbage collector is slow to take what lies outside of its heap.
  const data = allocate(layout.size, folder), halves = new Uint16Array(PIECE_FLOATS);
  for (const [path, items] of Map.groupBy(plan, ({ entry }) => entry.path)) {
    await withFile(path, async (file) => {
      for (const { entry, parameter: { offset, size } } of items) {
        await readTensor(file, entry, data.subarray(offset, offset + size), halves);
      }
    });
  }
  if (tiedHead !== undefined) {
    await withFile(tiedHead.path, async (file) => {
      const piece = new Float32Array(PIECE_FLOATS);
      for (const { begin, count, at } of piecesOf(tiedHead)) {
        await readPiece(file, tiedHead, begin, piece.subarray(0, count), halves);
        for (let i = 0; i < count; i++) { // the embedding lies first in the array
          if (piece[i] === data[at + i]) continue;
          throw broken(
            tiedHead.path,
            'tensor "lm_head.weight" differs from the embedding, but config.json ties the two',
          );
        }
      }
    });
  }
  return { layout, data };
}

/** A tensor of a file that was looked at. */
export interface StoredTensor {
  readonly shape: readonly number[];
  /** Its floats. @throws FailureError where the file cannot be read, or not all are finite */
  read(): Promise<Float32Array>;
}

/** The tensors of one file by name, none of which is read. @throws FailureError for a file that is missing or broken */
export async function openTensors(path: string): Promise<Map<string, StoredTensor>> {
  const entries = await readHeader(path);
  return new Map(entries.map((entry) => {
    const size = entry.shape.reduce((product, dimension) => product * dimension, 1);
    const read = async () => {
      const floats = new Float32Array(size), halves = new Uint16Array(Math.min(size, PIECE_FLOATS));
      await withFile(path, (file) => readTensor(file, entry, floats, halves));
      return floats;
    };
    return [entry.name, { shape: entry.shape, read }];
  }));
}

/** Writes weights as one safetensors file; BF16 rounds to nearest, ties to even. */
export async function writeWeights(path: string, weights: Weights, dtype: "F32" | "BF16"): Promise<void> {
  const bytes = dtype === "F32" ? 4 : 2;
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } }; // transformers refuses a file without it
  for (const { name, shape, offset, size } of weights.layout.parameters) {
    header[name] = { dtype, shape, data_offsets: [offset * bytes, (offset + size) * bytes] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const prefix = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20); // blanks align the data
  new DataView(prefix.buffer).setBigUint64(0, BigInt(prefix.length - 8), true);
  prefix.set(json, 8);

  function* chunks(): Iterable<Uint8Array> {
    yield prefix;
    for (let at = 0; at < weights.data.length; at += PIECE_FLOATS) {
      const piece = weights.data.subarray(at, at + PIECE_FLOATS);
      yield bytesOf(dtype === "F32" ? piece : toBfloat16(piece));
    }
  }
  await writeFileAtomic(path, chunks());
}

/** Upper halves of float32 bit patterns, rounded to nearest, ties to even. */
export function toBfloat16(floats: Float32Array): Uint16Array {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const isNaN = (word & 0x7fffffff) > 0x7f800000; // rounding could turn it into an infinity
    halves[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/** All tensors of a folder: of the single file, or of the shards that the index names. */
async function readEntries(folder: string): Promise<readonly Entry[]> {
  const single = join(folder, "model.safetensors");
  if (existsSync(single)) return await readHeader(single);
  const index = join(folder, "model.safetensors.index.json");
  if (!existsSync(index)) {
    throw new FailureError(
      `Cannot read the weights of "${folder}": neither model.safetensors nor model.safetensors.index.json is there … convert the model to safetensors`,
    );
  }
  const map = field(parseUniqueJson(await readTextFile(index), index), "weight_map");
  if (!isObject(map)) throw broken(index, '"weight_map" must be an object from tensor names to files');
  const unread = new Map(Object.entries(map));
  const entries: Entry[] = [];
  for (const [tensor, shard] of unread) {
    if (typeof shard === "string" && /^[\w.-]+\.safetensors$/.test(shard)) continue;
    throw broken(index, `"weight_map" names no safetensors file of this folder for tensor "${tensor}"`);
  }
  for (const shard of new Set(unread.values())) {
    for (const entry of await readHeader(join(folder, String(shard)))) {
      if (unread.get(entry.name) !== shard) {
        throw broken(index, `"weight_map" does not place tensor "${entry.name}" in "${shard}", which holds it`);
      }
      unread.delete(entry.name);
      entries.push(entry);
    }
  }
  for (const [tensor, shard] of unread) {
    throw broken(index, `"weight_map" places tensor "${tensor}" in "${shard}", which lacks it`);
  }
  return entries;
}

/** The tensors of one file, checked: sizes, bounds, and that they cover the data without a gap or an overlap. */
function readHeader(path: string): Promise<readonly Entry[]> {
  return withFile(path, async (file) => parseHeader(file, path, (await file.stat()).size));
}

async function parseHeader(file: FileHandle, path: string, fileBytes: number): Promise<readonly Entry[]> {
  if (fileBytes < 8) throw broken(path, `the file has ${fileBytes} bytes; a header needs 8`);
  const length = Number(new DataView((await readBytes(file, path, 0, 8)).buffer).getBigUint64(0, true));
  if (length > LONGEST_HEADER || 8 + length > fileBytes) {
    throw broken(path, `the header claims ${length} bytes; the file has ${fileBytes}`);
  }
  const header = parseUniqueJson(decodeText(await readBytes(file, path, 8, length), path), path);
  if (!isObject(header)) throw broken(path, "the header must be a JSON object");

  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name !== "__metadata__") entries.push(parseEntry(name, value, 8 + length, path));
    else if (!isObject(value) || Object.values(value).some((text) => typeof text !== "string")) {
      throw broken(path, '"__metadata__" must hold strings');
    }
  }
  let covered = 8 + length;
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      throw broken(
        path,
        `tensor "${name}" ${begin < covered ? "overlaps the one before it" : "leaves a gap before it"}`,
      );
    }
    covered = end;
  }
  if (covered !== fileBytes) {
    throw broken(
      path,
      `the header places ${covered} bytes; the file has ${fileBytes}${covered > fileBytes ? " (truncated)" : ""}`,
    );
  }
  return entries;
}

function parseEntry(name: string, value: unknown, dataBegin: number, path: string): Entry {
  const bad = (reason: string) => broken(path, `tensor "${name}" ${reason}`);
  const dtype = field(value, "dtype");
  if (typeof dtype !== "string") throw bad("has no dtype");
  const bytes = Object.hasOwn(DTYPE_BYTES, dtype) ? DTYPE_BYTES[dtype] : undefined;
  if (bytes === undefined) {
    throw new MisuseError(
      `Cannot use the weights of "${path}": tensor "${name}" has dtype ${dtype} … choose a model with F32, F16 or BF16 weights`,
    );
  }
  const shape = integers(field(value, "shape"));
  if (shape === null) throw bad("has a malformed shape");
  const offsets = integers(field(value, "data_offsets"));
  const [begin, end] = offsets ?? [];
  if (offsets?.length !== 2 || begin === undefined || end === undefined || begin > end) {
    throw bad("has malformed offsets");
  }
  const size = shape.reduce((product, dimension) => product * dimension, bytes);
  if (size !== end - begin) throw bad(`has ${end - begin} bytes; ${dtype} [${shape}] needs ${size}`);
  return { path, name, dtype, shape, begin: dataBegin + begin, end: dataBegin + end };
}

function checkShape({ path, name, shape }: Entry, parameter: Parameter): void {
  if (shape.length !== parameter.shape.length || shape.some((dimension, i) => dimension !== parameter.shape[i])) {
    throw broken(path, `tensor "${name}" has shape [${shape}]; config.json asks for [${parameter.shape}]`);
  }
}

/** Parts of a tensor that are read at once: the first byte in the file, and which floats of the tensor they are. */
function* piecesOf({ dtype, begin, end }: Entry): Iterable<{ begin: number; count: number; at: number }> {
  const bytes = DTYPE_BYTES[dtype]!, size = (end - begin) / bytes;
  for (let at = 0; at < size; at += PIECE_FLOATS) {
    yield { begin: begin + at * bytes, count: Math.min(PIECE_FLOATS, size - at), at };
  }
}

/** Fills `floats` with a tensor, piece by piece. */
async function readTensor(
  file: FileHandle,
  entry: Entry,
  floats: Float32Array,
  halves: Uint16Array<ArrayBuffer>,
): Promise<void> {
  for (const { begin, count, at } of piecesOf(entry)) {
    if (await readPiece(file, entry, begin, floats.subarray(at, at + count), halves)) continue;
    throw broken(entry.path, `tensor "${entry.name}" holds NaN or an infinity`);
  }
}

/**
 * Fills `floats` with what lies in the file from `position` on; what is shorter than a float passes through `halves`.
 * @returns whether all of it is finite
 */
async function readPiece(
  file: FileHandle,
  { path, dtype }: Entry,
  position: number,
  floats: Float32Array,
  halves: Uint16Array<ArrayBuffer>,
): Promise<boolean> {
  const { length } = floats;
  await readInto(file, path, position, bytesOf(dtype === "F32" ? floats : halves.subarray(0, length)));
  if (dtype === "BF16") return widen(halves, new Uint32Array(floats.buffer, floats.byteOffset, length));
  if (dtype === "F16") floats.set(new Float16Array(halves.buffer, 0, length));
  return allFinite(floats);
}

/** Upper halves of float32 bit patterns as the whole of them, two at a time. @returns whether all are finite */
function widen(halves: Uint16Array<ArrayBuffer>, words: Uint32Array): boolean {
  const pairs = new Uint32Array(halves.buffer, 0, words.length >> 1), last = words.length - 1, exponent = 0x7f800000;
  let finite = true;
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i]!, low = pair << 16;
    words[2 * i] = low;
    words[2 * i + 1] = pair & 0xffff0000;
    if ((low & exponent) === exponent || (pair & exponent) === exponent) finite = false;
  }
  if (words.length % 2 === 1) words[last] = halves[last]! << 16;
  return finite && (words.length % 2 === 0 || (words[last]! & exponent) !== exponent);
}

async function readBytes(file: FileHandle, path: string, position: number, length: number) {
  const bytes = new Uint8Array(length);
  await readInto(file, path, position, bytes);
  return bytes;
}

async function readInto(file: FileHandle, path: string, position: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at);
    if (bytesRead === 0) throw broken(path, `the file ends at byte ${position + at}`);
    at += bytesRead;
  }
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    const file = await open(path, "r");
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError("read", path, error);
  }
}

function allocate(floats: number, folder: string): Float32Array {
  try {
    return new Float32Array(floats);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const gigabytes = (floats * 4 / 2 ** 30).toFixed(1);
    throw new FailureError(
      `Cannot hold the weights of "${folder}": they need ${gigabytes} GiB … choose a smaller model`,
    );
  }
}

function allFinite(floats: Float32Array): boolean {
  for (let i = 0; i < floats.length; i++) if (!(Math.abs(floats[i]!) < Infinity)) return false;
  return true;
}

function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw broken(path, "the header is not UTF-8");
  }
}

/** JSON.parse keeps the last of two equal keys; the format forbids them. */
function parseUniqueJson(text: string, path: string): unknown {
  const value = parseJson(text, path);
  const open: Set<string>[] = [];
  for (const [token, string, colon] of text.matchAll(/[{}]|("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?/gs)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (string !== undefined && colon !== undefined) {
      const key = String(JSON.parse(string));
      if (open.at(-1)?.has(key)) throw broken(path, `the key "${key}" appears twice`);
      open.at(-1)?.add(key);
    }
  }
  return value;
}

function field(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function integers(value: unknown): readonly number[] | null {
  if (!Array.isArray(value)) return null;
  const list: unknown[] = value;
  return list.every((item): item is number => Number.isSafeInteger(item) && Number(item) >= 0) ? list : null;
}
