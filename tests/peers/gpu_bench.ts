// Matchbox on the devices of one machine beside PyTorch on its card: GRPO steps of the embedded shape, of SmolLM2-135M's and
// of Qwen2.5-0.5B's, all weights and with an adapter, with random weights. It needs what the repository carries, and for
// PyTorch's rows a Python with torch and transformers. See README.md beside this file.
//
// A measurement is a process of its own with a time limit, so that one that crashes or runs out of memory leaves the
// others, and so that the memory that the card has lost meanwhile is this one's. Rounds interleave: each side of a shape
// once, then each again. This file only orchestrates: gpu_side.ts and gpu_torch.py take the times.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { PRECISIONS as PRECISION_NAMES } from "../../harness/base/device_names.ts";
import { MisuseError } from "../../harness/base/errors.ts";
import { alignColumns } from "../../harness/cli/format.ts";
import { parseCount } from "../../harness/cli/parse_count.ts";
import type { ModelConfig } from "../../harness/model/config.ts";
import { parameterLayout } from "../../harness/model/layout.ts";
import { acceleratorText } from "../../harness/runtime/choose_device.ts";
import { type Device, DEVICE_FACTS, DEVICES } from "../../harness/runtime/devices.ts";
import { probeDevice } from "../../harness/runtime/probe.ts";
import { readOptions } from "./command_line.ts";
import { type Card, cardOf } from "./gpu_cards.ts";
import { machine } from "./machine.ts";
import { modelShape, type ShapeName, SHAPES } from "./shapes.ts";

/** How products are computed; TF32 rounds their factors to 10 bits and sums in float32. */
export type Precision = "fp32" | "tf32" | "bf16" | "fp16";

/** What a process measures, see gpu_side.ts and gpu_torch.py. */
export interface Task {
  readonly shape: ShapeName;
  /** The shape as PyTorch's side reads it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Of the adapter that is trained; null: all weights are. */
  readonly rank: number | null;
  readonly device: Device;
  readonly precision: Precision;
  readonly prompts: number;
  readonly completions: number;
  readonly promptTokens: number;
  readonly tokens: number;
  /** Completions in a backward pass. */
  readonly microBatch: number;
  /** The first does not count. */
  readonly steps: number;
}

type Sizes = Pick<Task, "rank" | "prompts" | "completions" | "promptTokens" | "tokens" | "microBatch">;

interface Case extends Sizes {
  readonly name: string;
  readonly title: string;
  readonly shape: ShapeName;
}

const LARGE = { prompts: 16, completions: 16, promptTokens: 64, tokens: 200 };

const CASES: readonly Case[] = [
  {
    ...{ name: "embedded", title: "embedded", shape: "embedded", rank: null },
    ...{ prompts: 64, completions: 16, promptTokens: 48, tokens: 48, microBatch: 256 },
  },
  { name: "smollm2", title: "SmolLM2-135M", shape: "smollm2", rank: null, ...LARGE, microBatch: 32 },
  { name: "qwen", title: "Qwen2.5-0.5B", shape: "qwen", rank: null, ...LARGE, microBatch: 16 },
  { name: "qwen-lora", title: "Qwen2.5-0.5B, LoRA 16", shape: "qwen", rank: 16, ...LARGE, microBatch: 16 },
];

/** One row: who runs, where and how. */
interface Side {
  readonly title: string;
  readonly device: Device;
  readonly precision: Precision;
  readonly command: (task: Task) => [string, string[]];
}

/** The peak that a precision is held against. */
const PEAK = { fp32: "fp32", tf32: "tf32", bf16: "half", fp16: "half" } as const;

/** PyTorch's rows. */
const PRECISIONS: readonly Precision[] = ["bf16", "tf32", "fp32"];

interface Options {
  readonly device?: readonly Device[];
  readonly shapes?: readonly Case[];
  readonly python?: string;
  readonly pythonDevice: "cuda" | "cpu";
  readonly precisions?: readonly Precision[];
  readonly prompts?: number;
  readonly completions?: number;
  readonly promptTokens?: number;
  readonly tokens?: number;
  readonly microBatch?: number;
  readonly steps: number;
  readonly rounds: number;
  readonly timeout: number;
  readonly peakTflops?: readonly number[];
  readonly peakBandwidth?: number;
  readonly json?: boolean;
}

/** What a process said. */
interface Measured {
  /** Seconds of each step that counts. */
  readonly rollout: readonly number[];
  readonly update: readonly number[];
  readonly microBatch: number;
  /** MiB that the card's used memory rose by; null: nobody tells. */
  readonly deviceMib: number | null;
  readonly hostBytes: number | null;
  readonly configuration: string | null;
  readonly versions: Readonly<Record<string, string>>;
  /** What went wrong; the steps before that stand. */
  readonly error: string | null;
}

interface Row {
  readonly entry: Case;
  readonly side: Side;
  readonly rounds: Measured[];
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Fields of the first card as nvidia-smi tells them; null without it. */
function nvidiaSmi(...fields: readonly string[]): string[] | null {
  const args = [`--query-gpu=${fields.join()}`, "--format=csv,noheader,nounits", "--id=0"];
  const { status, stdout } = spawnSync("nvidia-smi", args, { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? stdout.trim().split("\n")[0]!.split(", ") : null;
}

const usedMib = (): number | null => {
  const used = Number(nvidiaSmi("memory.used")?.[0] ?? NaN);
  return Number.isNaN(used) ? null : used;
};

/** A line of a process; whatever else a library prints is nothing. */
function parse(line: string) {
  try {
    return JSON.parse(line) ?? {};
  } catch {
    return {};
  }
}

/** Runs one process to its end, or to the limit. */
async function measure(side: Side, task: Task, timeout: number): Promise<Measured> {
  const [command, args] = side.command(task), before = usedMib();
  let most = before, last = "", late = false;
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const limit = setTimeout(() => late = child.kill("SIGKILL"), timeout * 1000);
  const watch = setInterval(() => most = before === null ? null : Math.max(most!, usedMib() ?? 0), 1000);
  const rollout: number[] = [], update: number[] = [];
  let hostBytes: number | null = null, error: string | null = null, configuration: string | null = null;
  let versions: Record<string, string> = {};
  createInterface({ input: child.stdout }).on("line", (line) => {
    const said = parse(line);
    if (said.ready) [configuration, versions] = [said.ready, said.versions];
    if (said.rollout) [rollout.push(said.rollout), update.push(said.update)];
    hostBytes = said.peakBytes ?? hostBytes;
    error = said.error ?? error;
  });
  createInterface({ input: child.stderr }).on("line", (line) => last = line.trim() || last);
  try {
    const [code, signal] = await once(child, "close");
    if (late) error = `not done after ${timeout} s`;
    else if (code !== 0) error ??= signal ? `killed by ${signal}` : last || `exit code ${code}`;
  } catch (cause) {
    error = cause instanceof Error ? cause.message : `${cause}`; // no such program
  } finally {
    clearTimeout(limit);
    clearInterval(watch);
  }
  const deviceMib = before === null || side.device === "cpu" ? null : most! - before;
  const counted = { rollout: rollout.slice(1), update: update.slice(1) };
  return { ...counted, microBatch: task.microBatch, deviceMib, hostBytes, configuration, versions, error };
}

/** A pass that does not fit is tried again with half of it. */
async function measureFitting(side: Side, task: Task, timeout: number): Promise<Measured> {
  const measured = await measure(side, task, timeout);
  const full = /memory|alloc|device.*lost|killed/i.test(measured.error ?? "") && measured.rollout.length === 0;
  if (!full || task.microBatch < 2) return measured;
  console.error(`  ${measured.error}: again with ${task.microBatch >> 1} completions in a backward pass`);
  return await measureFitting(side, { ...task, microBatch: task.microBatch >> 1 }, timeout);
}

/** What a step needs at least, however it is done: prompts are read once for all of their completions. */
export function needs(config: ModelConfig, sizes: Sizes): { rollout: number; update: number; bytes: number } {
  const { layers, heads, kvHeads, headDim, vocabSize, hiddenSize } = config, { size } = parameterLayout(config);
  const { prompts, completions, promptTokens, tokens, rank } = sizes, rows = prompts * completions;
  const head = vocabSize * hiddenSize, wide = 4 * layers * heads * headDim; // attention, two products for each position
  const read = prompts * promptTokens * (2 * (size - head) + wide * promptTokens / 2);
  const forward = read + rows * tokens * (2 * size + wide * (promptTokens + tokens / 2));
  const caches = 2 * layers * kvHeads * headDim * (prompts * promptTokens + rows * tokens / 2); // in the mean
  return { rollout: forward, update: forward * (rank === null ? 3 : 2), bytes: tokens * (size + caches) };
}

/** NaN of none. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length / 2;
  return (sorted[Math.ceil(middle - 1)]! + sorted[Math.floor(middle)]!) / 2;
}
const largest = (values: readonly (number | null)[]) => Math.max(...values.map((value) => value ?? NaN));

/** The numbers of a row; NaN where there is none. */
function figures({ entry, side, rounds }: Row, card: Card | undefined) {
  const rollout = median(rounds.flatMap((round) => round.rollout));
  const update = median(rounds.flatMap((round) => round.update));
  const { prompts, completions, promptTokens, tokens } = entry, drawn = prompts * completions * tokens;
  const needed = needs(modelShape(entry.shape), entry), onCard = side.device !== "cpu";
  const flops = 1e12 * (onCard ? card?.tflops[PEAK[side.precision]] ?? card?.tflops.fp32 ?? NaN : NaN); // no TF32: float32
  const bytes = 1e9 * (onCard ? card?.gigabytes ?? NaN : NaN), width = PEAK[side.precision] === "half" ? 2 : 4;
  return {
    stepSeconds: rollout + update,
    rolloutSeconds: rollout,
    updateSeconds: update,
    drawnPerSecond: drawn / rollout,
    trainedPerSecond: (drawn + prompts * promptTokens) / update,
    flopsShare: needed.update / update / flops,
    bandwidthShare: needed.bytes * width / rollout / bytes,
    deviceMib: largest(rounds.map((round) => round.deviceMib)),
    hostBytes: largest(rounds.map((round) => round.hostBytes)),
    microBatch: Math.min(...rounds.map((round) => round.microBatch)),
    error: rounds.find(({ error }) => error !== null)?.error ?? null,
  };
}

const HEAD = [
  "shape",
  "side",
  "step, s",
  "rollout, s",
  "update, s",
  "drawn tokens/s",
  "trained tokens/s",
  "of peak FLOP/s",
  "of bandwidth",
  "device, GiB",
  "host, GiB",
  "pass",
  "",
];

function cells(row: Row, card: Card | undefined): string[] {
  const f = figures(row, card), { entry, side } = row;
  const number = (value: number, digits: number) => Number.isFinite(value) ? value.toFixed(digits) : "-";
  const share = (value: number) => Number.isFinite(value) ? `${(100 * value).toPrecision(2)} %` : "-";
  const seconds = [f.stepSeconds, f.rolloutSeconds, f.updateSeconds].map((value) => number(value, 3));
  const rates = [f.drawnPerSecond, f.trainedPerSecond].map((value) => number(value, 0));
  const memory = [f.deviceMib / 2 ** 10, f.hostBytes / 2 ** 30].map((value) => number(value, 2));
  const shares = [share(f.flopsShare), share(f.bandwidthShare)];
  return [entry.title, side.title, ...seconds, ...rates, ...shares, ...memory, `${f.microBatch}`, f.error ?? ""];
}

/** Matchbox on a device; CUDA's float32 products take TF32, which is ONNX Runtime's default, where the card has it. */
const matchbox = (device: Device, half: boolean): Side => ({
  title: `Matchbox ${device}${half ? " fp16" : ""}`,
  device,
  precision: half ? "fp16" : device === "cuda" ? "tf32" : "fp32",
  command: (task) => [process.execPath, ["run", "-A", "--no-check", here("gpu_side.ts"), JSON.stringify(task)]],
});

const pytorch = (python: string, device: "cuda" | "cpu", precision: Precision): Side => ({
  title: `PyTorch ${precision}, ${device}`,
  device,
  precision,
  command: (task) => [python, [here("gpu_torch.py"), JSON.stringify(task)]],
});

/** Matchbox's sides on devices that can be had, what those are, and of the others why not. */
async function findSides(asked: readonly Device[]) {
  const sides: Side[] = [], devices: Record<string, string> = {}, refused: Record<string, string> = {};
  for (const device of asked) {
    for (const precision of device === "cpu" ? PRECISION_NAMES.slice(0, 1) : PRECISION_NAMES) {
      const probed = await probeDevice({ device, index: null, threads: 1, timed: null, precision });
      const side = matchbox(device, precision === "float16");
      if (!probed.usable) {
        refused[side.title] = `${probed.why} … ${probed.remedy}`;
        break; // where there is no float32 there is no float16
      }
      const { name, driver } = probed.adapter, { provider } = DEVICE_FACTS[device];
      devices[device] = acceleratorText({ provider, index: null, adapter: name, driver });
      sides.push(side);
    }
  }
  return { sides, devices, refused };
}

const listOf = <T>(flag: string, known: Readonly<Record<string, T>>) => (text: string): T[] =>
  text.split(",").map((name) => {
    const found = known[name];
    if (found !== undefined) return found;
    throw new MisuseError(`Cannot use ${flag} ${name}: known are ${Object.keys(known).join(", ")}`);
  });

function parseNumbers(flag: string, count: number): (text: string) => number[] {
  const what = count === 1 ? "a number above 0" : `${count} numbers above 0 with commas between them`;
  return (text) => {
    const numbers = text.split(",").map(Number);
    if (numbers.length === count && numbers.every((number) => number > 0 && number < Infinity)) return numbers;
    throw new MisuseError(`Cannot use ${flag} ${text}: it must be ${what}`);
  };
}

function parseOptions(args: readonly string[]): Options {
  const count = (flag: string, least = 1) => [`--${flag} <n>`, parseCount(`--${flag}`, least)] as const;
  const sizes = {
    "prompts": "prompts of a step, instead of each shape's own",
    "completions": "completions of each",
    "prompt-tokens": "tokens of a prompt",
    "tokens": "tokens of a completion",
    "micro-batch": "completions in a backward pass; halved where the device's memory is too small",
  };
  const named = Object.fromEntries(CASES.map((entry) => [entry.name, entry]));
  const precisions = Object.fromEntries(PRECISIONS.map((precision) => [precision, precision]));
  const command = new Command("gpu_bench")
    .description("GRPO steps of Matchbox on this machine's devices beside PyTorch's on its card.")
    .addOption(
      new Option("--device <names...>", "devices (default: cuda and webgpu, and cpu at the embedded shape)").choices(
        DEVICES,
      ),
    )
    .option(
      "--shapes <names>",
      `of ${CASES.map(({ name }) => name).join(", ")} (default: all)`,
      listOf("--shapes", named),
    )
    .option("--python <path>", "a Python with torch and transformers; without one PyTorch's rows are left out")
    .addOption(new Option("--python-device <name>", "where PyTorch runs").choices(["cuda", "cpu"]).default("cuda"))
    .option(
      "--precisions <names>",
      "PyTorch's rows, of bf16, tf32, fp32 (default: all)",
      listOf("--precisions", precisions),
    )
    .option(count("steps")[0], "steps that count in a process, after one that does not", count("steps")[1], 3)
    .option(count("rounds")[0], "processes of each side, in turns", count("rounds")[1], 2)
    .option(count("timeout")[0], "seconds that a process may take", count("timeout")[1], 600)
    .option(
      "--peak-tflops <list>",
      "the card's peaks: float32, TF32 (float32's again where it has none) and 16-bit, e.g. 67,494.5,989",
      parseNumbers("--peak-tflops", 3),
    )
    .option("--peak-bandwidth <n>", "its memory's, GB/s", (text) => parseNumbers("--peak-bandwidth", 1)(text)[0]!)
    .option("--json", "JSON instead of the table")
    .addHelpText(
      "after",
      `
A device that cannot be had is a row with the reason. Exit code: 0 measured, 2 the command was wrong.

Examples:
  deno run -A tests/peers/gpu_bench.ts                              Matchbox on CUDA and WebGPU
  deno run -A tests/peers/gpu_bench.ts --python .venv/bin/python    beside PyTorch on the card
  deno run -A tests/peers/gpu_bench.ts --shapes qwen,qwen-lora --device cuda --rounds 1
  deno run -A tests/peers/gpu_bench.ts --device cpu --shapes embedded --prompts 2 --completions 4 --tokens 8
`,
    );
  for (const [flag, text] of Object.entries(sizes)) command.option(count(flag)[0], text, count(flag)[1]);
  return readOptions<Options>(command, args);
}

/** The card with its peaks, as asked for or as known. */
function peaksOf(name: string | null, { peakTflops, peakBandwidth }: Options): Card | undefined {
  const known = name === null ? undefined : cardOf(name);
  if (!peakTflops && !peakBandwidth) return known;
  const [fp32 = known?.tflops.fp32 ?? null, tf32 = known?.tflops.tf32 ?? null, half = known?.tflops.half ?? null] =
    peakTflops ?? [];
  const gigabytes = peakBandwidth ?? known?.gigabytes ?? NaN;
  return { name: name ?? "unknown", tflops: { fp32, tf32, half }, gigabytes, source: "the command line" };
}

function peaksText({ tflops: { fp32, tf32, half }, gigabytes, source }: Card): string {
  const known = (value: number | null) => value === null || Number.isNaN(value) ? "-" : `${value}`;
  return `peaks: float32 ${known(fp32)}, TF32 ${known(tf32)}, 16-bit ${known(half)} TFLOP/s, ${
    known(gigabytes)
  } GB/s ` +
    `(${source})`;
}

/** Takes the times of the sides of a shape, in turns, and tells each on standard error. */
async function runCase(entry: Case, sides: readonly Side[], options: Options, card: Card | undefined): Promise<Row[]> {
  const rows = sides.map((side): Row => ({ entry, side, rounds: [] }));
  for (let round = 1; round <= options.rounds; round++) {
    for (const { side, rounds } of rows) {
      if (rounds.some(({ error }) => error !== null)) continue; // it would fail again
      const { device, precision } = side, { shape, rank, prompts, completions, promptTokens, tokens } = entry;
      const sizes = { rank, prompts, completions, promptTokens, tokens };
      const microBatch = rounds[0]?.microBatch ?? Math.min(entry.microBatch, prompts * completions);
      const config = SHAPES[shape], steps = options.steps + 1;
      const task: Task = { shape, config, ...sizes, microBatch, device, precision, steps };
      rounds.push(await measureFitting(side, task, options.timeout));
      const told = cells({ entry, side, rounds: rounds.slice(-1) }, card);
      const named = told.flatMap((cell, i) => cell === "" || cell === "-" ? [] : [i > 1 ? `${HEAD[i]} ${cell}` : cell]);
      console.error(`${named.join("; ")} (round ${round} of ${options.rounds})`);
    }
  }
  return rows;
}

/** What went wrong stands behind the columns: it may be long. */
function table(rows: readonly string[][]): string {
  const notes = [HEAD, [], ...rows].map((row) => row[HEAD.length - 1] ?? "");
  const columns = [HEAD, [], ...rows].map((row) => row.slice(0, HEAD.length - 1));
  return alignColumns(columns, 2).split("\n").map((line, i) => `${line}  ${notes[i]}`.trimEnd()).join("\n");
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2)), { python, pythonDevice } = options;
  if (python !== undefined && spawnSync(python, ["--version"]).status !== 0) {
    throw new MisuseError(`Cannot use --python ${python}: it does not run … name a Python with torch and transformers`);
  }
  const [name = null, driver = null, memoryMib = null] = nvidiaSmi("name", "driver_version", "memory.total") ?? [];
  const card = peaksOf(name, options);
  const asked = options.device ?? (["cuda", "webgpu", "cpu"] as const),
    found = await findSides(asked),
    { devices, refused } = found;
  for (const [title, why] of Object.entries(refused)) console.error(`${title}: ${why}`);
  const rows: Row[] = [];
  for (const entry of options.shapes ?? CASES) {
    const sides = [
      ...found.sides.filter(({ device }) => options.device || device !== "cpu" || entry.shape === "embedded"),
      ...python ? (options.precisions ?? PRECISIONS).map((precision) => pytorch(python, pythonDevice, precision)) : [],
    ];
    rows.push(...await runCase({ ...entry, ...pickSizes(options) }, sides, options, card));
  }
  const facts = {
    date: new Date().toISOString(),
    machine: machine(),
    card: name === null ? null : { name, driver, memoryMib: Number(memoryMib) },
    peaks: card ?? null,
    devices,
    refused,
    versions: Object.assign({}, ...rows.flatMap(({ rounds }) => rounds.map(({ versions }) => versions))),
  };
  if (options.json) {
    const results = rows.map((row) => ({
      ...{ shape: row.entry.name, side: row.side.title, precision: row.side.precision, sizes: row.entry },
      ...{ configuration: row.rounds[0]!.configuration, ...figures(row, card), rounds: row.rounds },
    }));
    return console.log(JSON.stringify({ ...facts, results }));
  }
  const missing = Object.entries(refused).map(([title, why]) =>
    HEAD.map((_, i) => i === 1 ? title : i === HEAD.length - 1 ? why : i === 0 ? "all" : "-")
  );
  console.log(table([...rows.map((row) => cells(row, card)), ...missing]));
  const how = new Map(rows.map(({ side, rounds }) => [side.title, rounds.at(-1)!.configuration]));
  console.log("\n" + [...how].flatMap(([side, what]) => what === null ? [] : [`${side}: ${what}`]).join("\n"));
  const { cpu, cores, memoryBytes, os } = facts.machine;
  console.log(`${facts.date.slice(0, 10)}, ${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${os}`);
  console.log(name === null ? "no nvidia-smi" : `${name}, driver ${driver}, ${memoryMib} MiB`);
  console.log(Object.values(devices).join("; "));
  if (card) console.log(peaksText(card));
  console.log(Object.entries(facts.versions).map(([name, value]) => `${name} ${value}`).join(", "));
}

/** The sizes that the command line names. */
function pickSizes(options: Options): Partial<Sizes> {
  const names = ["prompts", "completions", "promptTokens", "tokens", "microBatch"] as const;
  return Object.fromEntries(names.flatMap((name) => options[name] === undefined ? [] : [[name, options[name]]]));
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof MisuseError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
