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
import { parseCount } from "../../harness/cli/parse_count.ts";
import { acceleratorText } from "../../harness/runtime/choose_device.ts";
import { type Device, DEVICE_FACTS, DEVICES } from "../../harness/runtime/devices.ts";
import { probeDevice } from "../../harness/runtime/probe.ts";
import { readOptions } from "./command_line.ts";
import { type Card, cardOf } from "./gpu_cards.ts";
import {
  type Case,
  cells,
  figures,
  HEAD,
  type Measured,
  type Precision,
  type Row,
  type Side,
  type Sizes,
  table,
} from "./gpu_figures.ts";
import { machine } from "./machine.ts";
import { type ShapeName, SHAPES } from "./shapes.ts";

/** What a process measures, see gpu_side.ts and gpu_torch.py. */
export interface Task extends Sizes {
  readonly shape: ShapeName;
  /** The shape as PyTorch's side reads it. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly device: Device;
  readonly precision: Precision;
  /** The first does not count. */
  readonly steps: number;
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

/** One row's program. */
interface Runner extends Side {
  readonly command: (task: Task) => [string, string[]];
}

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
async function measure(side: Runner, task: Task, timeout: number): Promise<Measured> {
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
async function measureFitting(side: Runner, task: Task, timeout: number): Promise<Measured> {
  const measured = await measure(side, task, timeout);
  const full = /memory|alloc|device.*lost|killed/i.test(measured.error ?? "") && measured.rollout.length === 0;
  if (!full || task.microBatch < 2) return measured;
  console.error(`  ${measured.error}: again with ${task.microBatch >> 1} completions in a backward pass`);
  return await measureFitting(side, { ...task, microBatch: task.microBatch >> 1 }, timeout);
}

/** Matchbox on a device; CUDA's float32 products take TF32, which is ONNX Runtime's default, where the card has it. */
const matchbox = (device: Device, half: boolean): Runner => ({
  title: `Matchbox ${device}${half ? " fp16" : ""}`,
  device,
  precision: half ? "fp16" : device === "cuda" ? "tf32" : "fp32",
  command: (task) => [process.execPath, ["run", "-A", "--no-check", here("gpu_side.ts"), JSON.stringify(task)]],
});

const pytorch = (python: string, device: "cuda" | "cpu", precision: Precision): Runner => ({
  title: `PyTorch ${precision}, ${device}`,
  device,
  precision,
  command: (task) => [python, [here("gpu_torch.py"), JSON.stringify(task)]],
});

/** Matchbox's sides on devices that can be had, what those are, and of the others why not. */
async function findSides(asked: readonly Device[]) {
  const sides: Runner[] = [], devices: Record<string, string> = {}, refused: Record<string, string> = {};
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
  const [single, reduced, short, bandwidth] = [fp32, tf32, half, gigabytes].map(known);
  return `peaks: float32 ${single}, TF32 ${reduced}, 16-bit ${short} TFLOP/s, ${bandwidth} GB/s (${source})`;
}

/** Takes the times of the sides of a shape, in turns, and tells each on standard error. */
async function runCase(
  entry: Case,
  sides: readonly Runner[],
  options: Options,
  card: Card | undefined,
): Promise<Row[]> {
  const rows = sides.map((side) => ({ entry, side, rounds: [] as Measured[] }));
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
