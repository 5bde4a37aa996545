// `deno task peers`: Matchbox beside PyTorch, transformers and TRL on one machine, in one run.
//
// Each side of a case is a process of its own that runs one repetition when asked (protocol: README.md beside this
// file), so the two take turns, A B A B: a noisy machine slows both, and the ratio is taken pair by pair. The two sides
// differ in their command line and in nothing else. This file only orchestrates: it measures nothing itself.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { readOptions } from "./command_line.ts";
import { machine } from "./machine.ts";

/** A comparison: what Matchbox runs, what PyTorch runs, and how often by default. */
interface Case {
  /** Name for `--only`, and PyTorch's case. */
  readonly name: string;
  /** Matchbox's case: its float32 run stands against every variant of PyTorch's. */
  readonly matchbox: string;
  readonly title: string;
  readonly warmUps: number;
  readonly repeats: number;
  /** It is of a real policy and real questions: --policy and --data-dir. */
  readonly real?: true;
}

const EMBEDDED = { warmUps: 2, repeats: 15 } as const;
const SMOLLM2 = { warmUps: 1, repeats: 5 } as const;
const LONG = { warmUps: 1, repeats: 3 } as const;

const QWEN = { warmUps: 1, repeats: 5 } as const;

const CASES: readonly Case[] = [
  { name: "grpo-step", matchbox: "grpo-step", title: "GRPO step, embedded, 8 x 8, 48 + 48 | TRL", ...EMBEDDED },
  ...trainCases("embedded", "64 x 96", EMBEDDED),
  ...trainCases("smollm2", "4 x 256", SMOLLM2),
  {
    name: "generate-embedded",
    matchbox: "generate-embedded",
    title: "generate, embedded, 64 rows, 48 + 48 | transformers",
    ...EMBEDDED,
  },
  {
    name: "generate-smollm2",
    matchbox: "generate-smollm2",
    title: "generate, SmolLM2-135M, 16 rows, 48 + 64 | transformers",
    ...SMOLLM2,
  },
  {
    name: "generate-qwen",
    matchbox: "generate-qwen",
    title: "generate, Qwen2.5-0.5B, 16 rows, 48 + 200 | transformers",
    ...LONG,
  },
  {
    name: "grpo-smollm2",
    matchbox: "grpo-smollm2",
    title: "GRPO step, SmolLM2-135M-Instruct, GSM8K, 4 x 8, up to 200 | TRL",
    ...LONG,
    real: true,
  },
  ...tuningCases("lora", "LoRA 16", "PEFT"),
  ...tuningCases("full", "all weights", "PyTorch"),
];

function trainCases(shape: "embedded" | "smollm2", batch: string, counts: Pick<Case, "warmUps" | "repeats">): Case[] {
  const model = shape === "embedded" ? "embedded" : "SmolLM2-135M";
  const variants = { "": "eager", "-compile": "compile", "-bf16": "bf16", "-bf16-compile": "bf16 + compile" };
  return Object.entries(variants).map(([suffix, variant]) => ({
    name: `train-${shape}${suffix}`,
    matchbox: `train-${shape}`,
    title: `forward + backward + AdamW, ${model}, ${batch} | PyTorch ${variant}`,
    ...counts,
  }));
}

function tuningCases(kind: "lora" | "full", trained: string, peer: string): Case[] {
  return Object.entries({ "": "float32", "-bf16": "bf16" }).map(([suffix, variant]) => ({
    name: `${kind}-qwen${suffix}`,
    matchbox: `${kind}-qwen`,
    title: `update, Qwen2.5-0.5B, ${trained}, 2 x (256 + 200) | ${peer} ${variant}`,
    ...QWEN,
  }));
}

/** A side's answer to one "run". */
interface Repetition {
  readonly seconds: number;
  /** Of all its threads: what is left of a loaded machine's noise. */
  readonly cpuSeconds: number;
  /** Tokens that were drawn, where a case does not say how many. */
  readonly tokens?: number;
  /** Largest resident size of the process so far. */
  readonly peakBytes: number;
}

/** What a side says when it is built. */
interface Ready {
  readonly configuration: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** What one side of a case came to. */
interface SideResult extends Ready {
  readonly seconds: readonly number[];
  readonly medianSeconds: number;
  readonly cpuSeconds: readonly number[];
  readonly tokens: readonly number[];
  readonly peakBytes: number;
}

type SideName = "matchbox" | "torch";

interface CaseResult {
  readonly name: string;
  readonly title: string;
  readonly sides: Readonly<Partial<Record<SideName, SideResult>>>;
  /** PyTorch's seconds over Matchbox's, pair by pair; null when only one side ran. */
  readonly ratios: readonly number[] | null;
  readonly medianRatio: number | null;
}

interface Options {
  readonly python: string;
  readonly only?: readonly Case[];
  readonly side?: SideName;
  readonly repeats?: number;
  readonly warmUps?: number;
  readonly threads?: number;
  readonly vocabulary: number;
  readonly policy?: string;
  readonly dataDir?: string;
  readonly json?: boolean;
}

const REMEDY = "pip install -r tests/peers/requirements.txt, then name that interpreter with --python";

/** One process of one side. It holds its model in memory between repetitions and rests while the other side runs. */
class Peer {
  readonly #command: string;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #reader: Interface;
  readonly #lines: AsyncIterator<string>;
  readonly #case: string;
  readonly #log: string[] = [];

  static async start(command: string, args: readonly string[], caseName: string): Promise<Peer> {
    const child = spawn(command, [...args], { stdio: "pipe" });
    try {
      await once(child, "spawn");
    } catch (error) {
      throw new FailureError(
        `Cannot start '${command}': ${error instanceof Error ? error.message : error} … ${REMEDY}`,
      );
    }
    return new Peer(command, child, caseName);
  }

  private constructor(command: string, child: ChildProcessWithoutNullStreams, caseName: string) {
    this.#command = command;
    this.#process = child;
    this.#case = caseName;
    const { stdin, stdout, stderr } = child;
    stdin.on("error", () => {}); // a child that ended: the read that follows reports it
    createInterface({ input: stderr }).on("line", (line) => {
      this.#log.push(line);
      if (this.#log.length > 12) this.#log.shift();
    });
    this.#reader = createInterface({ input: stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async ready(): Promise<Ready> {
    const message = await this.#read();
    if (message["ready"] !== this.#case) throw this.#unexpected(message);
    const { configuration, versions } = message;
    if (typeof configuration !== "string" || typeof versions !== "object" || versions === null) {
      throw this.#unexpected(message);
    }
    return {
      configuration,
      versions: Object.fromEntries(Object.entries(versions).map(([name, value]) => [name, String(value)])),
    };
  }

  async run(): Promise<Repetition> {
    this.#process.stdin.write(`run ${this.#case}\n`);
    const message = await this.#read();
    const { seconds, cpuSeconds, peakBytes, tokens } = message;
    if (typeof seconds !== "number" || typeof cpuSeconds !== "number" || typeof peakBytes !== "number") {
      throw this.#unexpected(message);
    }
    return { seconds, cpuSeconds, peakBytes, ...(typeof tokens === "number" ? { tokens } : {}) };
  }

  /** Ends the process and waits until it is gone, so that the next case has the machine's memory. */
  async end(): Promise<void> {
    this.#reader.close();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await gone;
  }

  async #read(): Promise<Record<string, unknown>> {
    const { done, value } = await this.#lines.next();
    if (done) throw new FailureError(`Cannot run '${this.#case}': '${this.#command}' ended early${this.#tail()}`);
    const message: unknown = parseJson(value);
    if (typeof message !== "object" || message === null) {
      throw new FailureError(
        `Cannot run '${this.#case}': '${this.#command}' wrote '${value}', which is no JSON object`,
      );
    }
    const { error, missing, ...rest } = message as Record<string, unknown>;
    if (missing !== undefined) {
      throw new FailureError(`Cannot run '${this.#case}': '${this.#command}' has no package '${missing}' … ${REMEDY}`);
    }
    if (error !== undefined) throw new FailureError(`Cannot run '${this.#case}': ${error}${this.#tail()}`);
    return rest;
  }

  #unexpected(message: unknown): FailureError {
    return new FailureError(`Cannot run '${this.#case}': '${this.#command}' answered ${JSON.stringify(message)}`);
  }

  #tail(): string {
    return this.#log.length === 0 ? "" : `; its last words:\n${this.#log.join("\n")}`;
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** The two command lines: all that the sides differ in. */
function startPeer(side: SideName, { matchbox, name, real }: Case, options: Options): Promise<Peer> {
  const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const caseName = side === "torch" ? name : matchbox;
  const shared = [caseName, "--vocabulary", String(options.vocabulary)];
  if (options.threads !== undefined) shared.push("--threads", String(options.threads));
  if (real) shared.push("--policy", options.policy ?? "", "--data-dir", options.dataDir ?? "");
  if (side === "torch") return Peer.start(options.python, [here("torch_side.py"), ...shared], caseName);
  const script = here("matchbox_side.ts");
  if (!existsSync(script)) {
    throw new FailureError(
      `Cannot run Matchbox's side: '${script}' does not exist … --side torch measures PyTorch alone`,
    );
  }
  return Peer.start(process.execPath, ["run", "-A", script, ...shared], caseName);
}

async function runCase(entry: Case, options: Options, progress: (text: string) => void): Promise<CaseResult> {
  const names: SideName[] = options.side === undefined ? ["matchbox", "torch"] : [options.side];
  const { repeats = entry.repeats, warmUps = entry.warmUps } = options;
  const peers: { name: SideName; peer: Peer; ready?: Ready; runs: Repetition[] }[] = [];
  try {
    for (const name of names) peers.push({ name, peer: await startPeer(name, entry, options), runs: [] });
    for (const side of peers) {
      progress(`${entry.name}: ${side.name} is building`);
      side.ready = await side.peer.ready();
    }
    for (let turn = 0; turn < warmUps + repeats; turn++) {
      for (const side of peers) {
        const phase = turn < warmUps ? "warm-up" : `${turn - warmUps + 1} of ${repeats}`;
        progress(`${entry.name}: ${phase}, ${side.name}`);
        side.runs.push(await side.peer.run());
      }
    }
  } finally {
    await Promise.all(peers.map(({ peer }) => peer.end()));
  }

  const sides: Partial<Record<SideName, SideResult>> = {};
  for (const { name, ready, runs } of peers) {
    if (ready === undefined) throw new Error(`Side '${name}' ran before it was ready`);
    const counted = runs.slice(warmUps), seconds = counted.map((run) => run.seconds);
    const cpuSeconds = counted.map((run) => run.cpuSeconds), tokens = counted.flatMap((run) => run.tokens ?? []);
    const peakBytes = Math.max(...runs.map((run) => run.peakBytes));
    sides[name] = { ...ready, seconds, medianSeconds: median(seconds), cpuSeconds, tokens, peakBytes };
  }
  const { matchbox, torch } = sides;
  const ratios = matchbox && torch ? torch.seconds.map((value, pair) => value / matchbox.seconds[pair]!) : null;
  return { name: entry.name, title: entry.title, sides, ratios, medianRatio: ratios && median(ratios) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The results as a Markdown table. A ratio above 1 means that Matchbox is faster, a memory ratio above 1 smaller. */
function table(results: readonly CaseResult[]): string {
  const milliseconds = (side?: SideResult) => side ? `${(side.medianSeconds * 1000).toFixed(0)} ms` : "-";
  const gibibytes = (side?: SideResult) => side ? `${(side.peakBytes / 2 ** 30).toFixed(2)} GiB` : "-";
  const processor = (side?: SideResult) => side ? median(side.cpuSeconds) : NaN;
  const rows = results.map(({ title, sides: { matchbox, torch }, ratios, medianRatio }) => [
    ...title.split(" | "),
    milliseconds(matchbox),
    milliseconds(torch),
    ratios && medianRatio !== null
      ? `${medianRatio.toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`
      : "-",
    matchbox && torch ? (processor(torch) / processor(matchbox)).toFixed(2) : "-",
    gibibytes(matchbox),
    gibibytes(torch),
    matchbox && torch ? (torch.peakBytes / matchbox.peakBytes).toFixed(2) : "-",
  ]);
  const head = [
    "case",
    "peer",
    "Matchbox",
    "peer takes",
    "times as fast",
    "by CPU time",
    "peak",
    "peer's peak",
    "memory ratio",
  ];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function parseCases(text: string): readonly Case[] {
  return text.split(",").map((name) => {
    const found = CASES.find((entry) => entry.name === name);
    if (!found) {
      throw new InvalidArgumentError(`no case is called '${name}'; known: ${CASES.map((c) => c.name).join(", ")}`);
    }
    return found;
  });
}

function parseWhole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("it must be a whole number");
  return Number(text);
}

function parsePositive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("it must be a whole number of at least 1");
  return Number(text);
}

function parseOptions(args: readonly string[]): Options {
  const command = new Command("peers")
    .description(
      "Measures Matchbox beside PyTorch, transformers and TRL: alternating runs, medians, ratios pair by pair.",
    )
    .option("--python <path>", "Python interpreter with tests/peers/requirements.txt installed", "python3")
    .option("--only <cases>", `comma-separated cases, of ${CASES.map((entry) => entry.name).join(", ")}`, parseCases)
    .addOption(new Option("--side <side>", "run one side alone").choices(["matchbox", "torch"]))
    .option("--repeats <n>", "measured repetitions of each side, instead of each case's own", parsePositive)
    .option("--warm-ups <n>", "repetitions before that do not count, instead of each case's own", parseWhole)
    .option("--threads <n>", "threads of each side, instead of its own choice", parsePositive)
    .option("--vocabulary <n>", "vocabulary of the embedded shape", parsePositive, 512)
    .option("--policy <folder>", "SmolLM2-135M-Instruct, for the case of a real policy")
    .option("--data-dir <folder>", "GSM8K's train.jsonl and test.jsonl, for the same")
    .option("--json", "write one line of JSON instead of the table");
  return readOptions<Options>(command, args);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const { policy, dataDir } = options, lacking = policy === undefined || dataDir === undefined;
  if (lacking && options.only?.some(({ real }) => real)) {
    throw new MisuseError(
      "Cannot run a case of a real policy: name it with --policy, and GSM8K's folder with --data-dir",
    );
  }
  const cases = options.only ?? CASES.filter(({ real }) => !real || !lacking);
  const progress = (text: string) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
    else console.error(text);
  };
  const results: CaseResult[] = [];
  try {
    for (const entry of cases) results.push(await runCase(entry, options, progress));
  } finally { // a case that fails ends the run; what was measured before it is still written
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    if (results.length > 0) {
      console.log(options.json ? JSON.stringify({ machine: machine(), cases: results }) : report(results));
    }
  }
}

/** The table, and below it the machine and the versions that it holds for. */
function report(results: readonly CaseResult[]): string {
  const { cpu, cores, memoryBytes, os } = machine();
  const versions = new Map(
    results.flatMap(({ sides }) => Object.values(sides)).flatMap((side) => Object.entries(side.versions)),
  );
  return [
    table(results),
    "",
    `${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${os}`,
    [...versions].map(([name, value]) => `${name} ${value}`).join(", "),
  ].join("\n");
}

try {
  await main();
} catch (error) {
  if (!(error instanceof MisuseError) && !(error instanceof FailureError)) throw error;
  console.error(error.message);
  process.exitCode = error instanceof MisuseError ? 2 : 1;
}
