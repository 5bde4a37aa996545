// Whether a device is there and computes what the CPU computes: it is tried in a process of its own (probe_child.ts), and
// what went wrong is told in words, with what to do about it. Only a device that gave right numbers is trusted.

import process from "node:process";
import type { Precision } from "../base/device_names.ts";
import type { Adapter } from "./adapter.ts";
import { type Device, elsewhere, isOffered, platformOf } from "./devices.ts";
import { explain } from "./explain.ts";
import type { ProbeShape } from "./probe_graph.ts";

/** What is tried. */
export interface ProbeTask {
  readonly device: Device;
  /** Which of several; null: the first. */
  readonly index: number | null;
  readonly threads: number;
  /** The layer whose time is taken, at its rows and at those of a draw; null: numbers alone. */
  readonly timed: ProbeShape | null;
  /** What its products compute in; the CPU's, with which it is compared, are float32. @default "float32" */
  readonly precision?: Precision;
}

/** What the process says. */
export type ProbeFact =
  /** The output that is furthest from the CPU's, and how far, relative to its largest value. */
  | { readonly type: "numbers"; readonly output: string; readonly error: number }
  | { readonly type: "adapter" } & Adapter
  | { readonly type: "time"; readonly seconds: number };

/** What is wrong with a device, and what to do. */
export interface Unusable {
  readonly usable: false;
  readonly why: string;
  readonly remedy: string;
}

export interface Usable {
  readonly usable: true;
  readonly adapter: Adapter;
  /** Largest relative difference from the CPU's numbers. */
  readonly error: number;
  /** Seconds of the timed layer at both; null: it was not asked for. */
  readonly seconds: number | null;
}

export type Probed = Usable | Unusable;

/** What tries a device; tests give another. */
export type Prober = (task: ProbeTask) => Promise<Probed>;

/** Largest relative difference that is rounding. ONNX Runtime's CUDA rounds what float32 products take to TF32's 10 bits. */
export const toleranceOf = (device: Device, precision: Precision): number =>
  precision === "float16" ? 2e-2 : device === "cuda" ? 1e-2 : 1e-3;
/** A driver that has not answered by then hangs; a software renderer takes seconds to compile the kernels. */
const PATIENCE_SECONDS = 90;

/** How the process ended. */
export interface ProbeEnd {
  readonly facts: readonly ProbeFact[];
  /** What it said on standard error. */
  readonly said: string;
  /** Null where it was killed. */
  readonly code: number | null;
  /** It was killed because it did not end. */
  readonly hung: boolean;
}

/** Tries a device of this machine. Never throws for what is wrong with the device. */
export async function probeDevice(task: ProbeTask): Promise<Probed> {
  const platform = platformOf(process.platform, process.arch);
  if (isOffered(task.device, platform)) return judge(task, await runChild(task));
  return { usable: false, ...elsewhere(task.device, platform) };
}

async function runChild(task: ProbeTask): Promise<ProbeEnd> {
  const program = new URL("./probe_child.ts", import.meta.url).href;
  const args = ["run", "--allow-all", "--quiet", program, JSON.stringify(task)];
  const options = { args, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(Deno.execPath(), options).spawn();
  let hung = false;
  const patience = setTimeout(() => {
    hung = true;
    child.kill("SIGKILL");
  }, PATIENCE_SECONDS * 1000);
  try {
    const { stdout, stderr, code, signal } = await child.output(),
      text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const lines = text(stdout).split("\n").filter((line) => line.startsWith('{"type":'));
    const facts = lines.map((line): ProbeFact => JSON.parse(line)); // the child is ours, and exits between lines
    return { facts, said: text(stderr), code: signal === null ? code : null, hung };
  } finally {
    clearTimeout(patience);
  }
}

/** What the end of the process means. */
export function judge(
  { device, index, timed, precision = "float32" }: ProbeTask,
  { facts, said, code, hung }: ProbeEnd,
): Probed {
  const of = <T extends ProbeFact["type"]>(type: T) =>
    facts.find((fact): fact is Extract<ProbeFact, { type: T }> => fact.type === type);
  const numbers = of("numbers"), time = of("time"), adapter = of("adapter");
  const tolerance = toleranceOf(device, precision), update = "update its driver";
  if (numbers && !(numbers.error <= tolerance)) {
    const by = numbers.error > 1e6 ? "beyond all measure" : `by ${numbers.error.toPrecision(2)} of its largest value`;
    const why = `its numbers are wrong: "${numbers.output}" differs from the CPU's ${by}, and ${tolerance} is rounding`;
    return { usable: false, why, remedy: update };
  }
  if ((numbers || device === "cpu") && (time || !timed)) {
    const { type: _, ...known } = adapter ?? { type: null, name: null, driver: null, software: false };
    return { usable: true, adapter: known, error: numbers?.error ?? 0, seconds: time?.seconds ?? null };
  }
  if (hung) return { usable: false, why: `it gave no answer within ${PATIENCE_SECONDS} s`, remedy: update };
  const { why, remedy } = explain(device, index, said);
  if (why !== null) return { usable: false, why, remedy };
  const how = code === null ? "its driver crashed" : `the trial ended with exit code ${code}`;
  return { usable: false, why: `${how}${lastWord(said)}`, remedy: update };
}

/** The last line that tells of an error. */
function lastWord(said: string): string {
  const word = said.split("\n").findLast((line) => /error|exception|fail/i.test(line))?.trim();
  return word ? ` after "${word.slice(0, 200)}"` : " without saying why";
}
