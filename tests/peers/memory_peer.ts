// The episodic memory at 100,000 keys beside FAISS's IndexFlatL2, the paper's choice, one thread each.
//
//   .venv/bin/pip install faiss-cpu==1.15.1
//   deno run -A tests/peers/memory_peer.ts --python .venv/bin/python
//   deno run -A tests/peers/memory_peer.ts --python .venv/bin/python --only clustered --keys 20000
//   deno run -A tests/peers/memory_peer.ts --python .venv/bin/python --vectors FILE --dimensions 384
//
// Both hold the same rows; then they take turns with the same queries, one query a call, for each k. The resting side
// sleeps in a read. Times are CPU seconds of each process, which equal the clock's on a machine that does nothing else.
// Reported are medians and the median of the ratios taken round by round with their range, and which share of FAISS's k
// nearest the memory finds (an answer that is as near counts, whichever it is).
//
//   clustered   1,000 kinds of question: centres and the spread about them fall off over the dimensions, as real
//               embeddings do; the nearest of 100,000 keys has a cosine of 0.70 on average
//   sphere      all directions equally likely: there is no structure for a graph to follow, and no use for memory either
//   --vectors   float32 rows of an embedder of your choice; the last 300 are the queries

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bytesOf } from "../../harness/base/digest.ts";
import { type Prng, stream } from "../../harness/base/prng.ts";
import { EpisodicMemory } from "../../harness/memory/episodic_memory.ts";

const QUERIES = 300;
const ROUNDS = 7;
const KS = [1, 20];

interface Data {
  readonly name: string;
  readonly dimensions: number;
  readonly rows: Float32Array; // [N, D]
  readonly queries: Float32Array; // [QUERIES, D]
}

/** Row `i` of a matrix, a copy: usearch and FAISS get what an embedder would give. */
const row = (matrix: Float32Array, i: number, d: number) => matrix.slice(i * d, (i + 1) * d);

function normalised(matrix: Float32Array, d: number): Float32Array {
  for (let begin = 0; begin < matrix.length; begin += d) {
    const vector = matrix.subarray(begin, begin + d);
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    for (let i = 0; i < d; i++) vector[i]! /= length;
  }
  return matrix;
}

/** About normal, from the four bytes of one word: twice 38 million draws are to take seconds. */
function draw(random: Prng): number {
  const word = random.uint32();
  return ((word & 255) + (word >>> 8 & 255) + (word >>> 16 & 255) + (word >>> 24) - 510) / 147.8;
}

const kinds = {
  clustered(random: Prng, d: number) {
    const scale = Float64Array.from({ length: d }, (_, i) => 1 / Math.sqrt(1 + i / 8));
    const centres = Float32Array.from({ length: 1000 * d }, (_, i) => draw(random) * scale[i % d]!);
    return () => {
      const centre = random.int(1000) * d;
      return (i: number) => centres[centre + i]! + 0.8 * draw(random) * scale[i]!;
    };
  },
  sphere: (random: Prng, _d: number) => () => () => draw(random),
};

function generate(name: keyof typeof kinds, keys: number, d: number): Data {
  const vector = kinds[name](stream(4, `peer-${name}`), d);
  const make = (count: number) => {
    const matrix = new Float32Array(count * d);
    for (let begin = 0; begin < matrix.length; begin += d) {
      const value = vector();
      for (let i = 0; i < d; i++) matrix[begin + i] = value(i);
    }
    return normalised(matrix, d);
  };
  return { name, dimensions: d, rows: make(keys), queries: make(QUERIES) };
}

async function readVectors(path: string, keys: number, d: number): Promise<Data> {
  const all = normalised(new Float32Array((await readFile(path)).slice().buffer), d), queries = QUERIES * d;
  const rows = all.slice(0, Math.min(keys * d, all.length - queries));
  return { name: path.split("/").at(-1) ?? path, dimensions: d, rows, queries: all.slice(-queries) };
}

/** FAISS in a process of its own. */
async function startFaiss(python: string, { rows, queries, dimensions }: Data, folder: string) {
  const paths = [join(folder, "rows.f32"), join(folder, "queries.f32")];
  await writeFile(paths[0]!, bytesOf(rows));
  await writeFile(paths[1]!, bytesOf(queries));
  const script = fileURLToPath(new URL("memory_peer.py", import.meta.url));
  const child = spawn(python, [script, ...paths, `${dimensions}`], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async (): Promise<{ version?: string; seconds?: number; ids?: number[][] }> => {
    const { done, value } = await lines.next();
    if (done) throw new Error(`"${python}" ended early; has it faiss-cpu?`);
    return JSON.parse(value);
  };
  const { version } = await read();
  return {
    version,
    ask(command: string) {
      child.stdin.write(`${command}\n`);
      return read();
    },
    async end() {
      const gone = once(child, "exit");
      child.stdin.end();
      await gone;
    },
  };
}

/** CPU seconds of this process, all its threads. */
const seconds = (work: () => void): number => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
};
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Fills both, lets them take turns, and gives one line of the table for each k. */
async function compare(data: Data, python: string): Promise<{ lines: string[][]; version: string | undefined }> {
  const { name, dimensions: d, rows } = data, keys = rows.length / d;
  const queries = Array.from({ length: QUERIES }, (_, q) => row(data.queries, q, d));
  const folder = await mkdtemp(join(tmpdir(), "matchbox-memory-peer-"));
  const faiss = await startFaiss(python, data, folder);
  try {
    await faiss.ask("add");
    const memory = new EpisodicMemory(d, { keys, values: 1, exactKeys: 20_000 });
    const insertSeconds = seconds(() => {
      for (let i = 0; i < keys; i++) {
        const value = new Float32Array(d).fill(1, 0, 1); // one response a key, by which the key is known again
        value[0] = i + 1;
        memory.insert(`${i}`, row(rows, i, d), [value]);
      }
    });
    const lines: string[][] = [];
    for (const k of KS) {
      const ours: number[] = [], theirs: number[] = [];
      let found: (readonly Float32Array[])[] = [];
      for (let round = -1; round < ROUNDS; round++) { // the first is a warm-up
        const mine = seconds(() => found = queries.map((query) => memory.neighbours(query, k)));
        const other = (await faiss.ask(`search ${k}`)).seconds ?? NaN;
        if (round >= 0) [ours[round], theirs[round]] = [mine, other];
      }
      const { ids = [] } = await faiss.ask(`answers ${k}`);
      const cosine = (query: Float32Array, id: number) =>
        query.reduce((sum, value, i) => sum + value * rows[id * d + i]!, 0);
      const hits = queries.map((query, q) => {
        const last = Math.min(...ids[q]!.map((id) => cosine(query, id))) - 1e-6;
        return found[q]!.filter((value) => cosine(query, value[0]! - 1) >= last).length;
      });
      const ratios = theirs.map((value, round) => value / ours[round]!);
      lines.push([
        name,
        `${keys} x ${d}`,
        (keys / insertSeconds).toFixed(0),
        `${k}`,
        (1000 * median(ours) / QUERIES).toFixed(3),
        (1000 * median(theirs) / QUERIES).toFixed(3),
        `${median(ratios).toFixed(1)} (${Math.min(...ratios).toFixed(1)} to ${Math.max(...ratios).toFixed(1)})`,
        (hits.reduce((sum, count) => sum + count, 0) / (k * QUERIES)).toFixed(4),
      ]);
    }
    return { lines, version: faiss.version };
  } finally {
    await faiss.end();
    await rm(folder, { recursive: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      python: { type: "string", default: "python3" },
      only: { type: "string", default: "clustered,sphere" },
      keys: { type: "string", default: "100000" },
      dimensions: { type: "string", default: "384" },
      vectors: { type: "string" },
    },
  });
  const keys = Number(values.keys), d = Number(values.dimensions);
  const names = Object.keys(kinds).filter((name) => values.only.split(",").includes(name)) as (keyof typeof kinds)[];
  const sources = values.vectors
    ? [() => readVectors(values.vectors!, keys, d)]
    : names.map((name) => () => generate(name, keys, d));
  const table = [["data", "keys", "inserts/s", "k", "memory, ms", "FAISS, ms", "ratio", "recall"]];
  let version: string | undefined;
  for (const source of sources) {
    const result = await compare(await source(), values.python);
    table.push(...result.lines);
    version = result.version;
  }
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  for (const line of table) console.log(line.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
  console.log(
    `\n${cpus()[0]?.model.trim()}, one thread each, CPU time, faiss-cpu ${version}, medians of ${ROUNDS} rounds`,
  );
}

await main();
process.exit(0);
