// From what --device asks for to the devices that cells run on. "auto" tries what the platform could have and takes the
// fastest that computes correctly; a device that was asked for by name is had or refused, never replaced.

import { availableParallelism } from "node:os";
import process from "node:process";
import type { Precision } from "../base/device_names.ts";
import { MisuseError } from "../base/errors.ts";
import type { Accelerator } from "../contract.ts";
import { type AskedDevice, type Device, DEVICE_FACTS, isOffered, platformOf, PREFERENCE } from "./devices.ts";
import { type Probed, probeDevice, type Prober, type Usable } from "./probe.ts";

/** What was chosen. */
export interface ChosenDevice {
  readonly device: Device;
  /** One for each index that was asked for; none on the CPU. */
  readonly accelerators: readonly Accelerator[];
  /** Which device, and why, in a line; null where there was nothing to choose or to say. */
  readonly said: string | null;
}

/** How it is chosen. */
export interface ChooseOptions {
  /** What tries a device. @default probeDevice */
  readonly probe?: Prober;
  /** What a policy is to compute in. @default "float32" */
  readonly precision?: Precision;
  /** The kind of machine, "os-arch". @default this one's */
  readonly platform?: string;
  /** Widths of the policy: `auto` compares devices at them. @default those of a small one */
  readonly model?: { readonly hiddenSize: number; readonly intermediateSize: number; readonly vocabSize: number };
}

/** Tokens of the layer that is timed, as a small pass of training has them. */
const ROWS = 512;
/** A larger vocabulary makes the trial long, and decides nothing. */
const MOST_WORDS = 8192;
const SMALL_MODEL = { hiddenSize: 576, intermediateSize: 1536, vocabSize: MOST_WORDS };
/** A device that is no faster than this share of another's time is not preferred to it. */
const CLOSE = 0.9;

/**
 * Tries what is asked for.
 * @throws MisuseError for a device that cannot be had, with what is wrong and what to do
 */
export async function chooseDevice(asked: AskedDevice, options: ChooseOptions = {}): Promise<ChosenDevice> {
  const { probe = probeDevice } = options,
    half = options.precision === "float16" ? { precision: options.precision } : {};
  if (asked === "auto") return await fastest(options);
  const { device, indexes } = asked;
  if (device === "cpu" && half.precision) throw noHalf("--device cpu computes in float32");
  if (device === "cpu") return { device, accelerators: [], said: null };
  const accelerators: Accelerator[] = [];
  for (const index of indexes.length === 0 ? [null] : indexes) {
    const trial = { device, index, threads: availableParallelism(), timed: null };
    const probed = await probe({ ...trial, ...half });
    if (!probed.usable) {
      const name = index === null ? device : `${device}:${index}`, whole = half.precision ? await probe(trial) : probed;
      const [asked, { why, remedy }, other] = whole.usable
        ? [`--device ${name} --precision float16`, probed, "--precision float32"]
        : [`--device ${name}`, whole, "--device cpu"]; // whatever it is to compute in
      throw new MisuseError(`Cannot use ${asked}: ${why} … ${remedy}, or choose ${other}`);
    }
    accelerators.push(acceleratorOf(device, index, probed));
  }
  return {
    device,
    accelerators,
    said: `Device: ${accelerators.map(acceleratorText).join(", ")}${half.precision ? ", in float16" : ""}`,
  };
}

const noHalf = (why: string) =>
  new MisuseError(
    `Cannot use --precision float16: ${why} … choose --device cuda or webgpu on a GPU that has float16, or --precision float32`,
  );

const acceleratorOf = (device: Device, index: number | null, { adapter: { name, driver } }: Usable): Accelerator => (
  { provider: DEVICE_FACTS[device].provider, adapter: name, driver, index }
);

/** "cuda:1 (NVIDIA H100, driver 580.65)" */
export function acceleratorText({ provider, adapter, driver, index }: Accelerator): string {
  const known = [adapter, driver && `driver ${driver}`].filter((part) => part !== null && part !== "");
  return `${provider}${index === null ? "" : `:${index}`}${known.length > 0 ? ` (${known.join(", ")})` : ""}`;
}

interface Candidate {
  readonly device: Device;
  readonly seconds: number;
  readonly probed: Usable;
}

async function fastest({ probe = probeDevice, platform, model, precision }: ChooseOptions): Promise<ChosenDevice> {
  const here = platform ?? platformOf(process.platform, process.arch), threads = availableParallelism();
  const { hiddenSize: width, intermediateSize: inner, vocabSize } = model ?? SMALL_MODEL;
  const timed = { rows: ROWS, width, inner, vocabulary: Math.min(vocabSize, MOST_WORDS) };
  const half = precision === "float16" ? { precision } : {}, candidates: Candidate[] = [], passedOver: string[] = [];
  const others = PREFERENCE.filter((device) => device !== "cpu" && isOffered(device, here));
  for (const device of others) {
    const probed = await probe({ device, index: null, threads, timed: null, ...half });
    const refusal = refusalOf(probed);
    // Only now: a renderer on the processor would take minutes for it.
    const again = refusal === null ? await probe({ device, index: null, threads, timed, ...half }) : probed;
    const why = refusal ?? refusalOf(again);
    if (why !== null) passedOver.push(`${device}: ${why}`);
    else if (again.usable) candidates.push({ device, probed: again, seconds: again.seconds ?? Infinity });
  }
  const because = (told: readonly string[]) => told.length > 0 ? ` (${told.join("; ")})` : "";
  if (candidates.length === 0) {
    if (half.precision) throw noHalf(`no device has it${because(passedOver)}`);
    const said = `Device: cpu, no other can be used${because(passedOver)}`;
    const help = passedOver.length > 0 ? "; `deno task doctor --devices` says what would help" : "";
    return { device: "cpu", accelerators: [], said: said + help };
  }
  const cpu = half.precision ? null : await probe({ device: "cpu", index: null, threads, timed });
  if (cpu?.usable) candidates.push({ device: "cpu", probed: cpu, seconds: cpu.seconds ?? Infinity });
  const best = candidates.reduce((one, other) => other.seconds < CLOSE * one.seconds ? other : one);
  const times = candidates.map(({ device, seconds }) => `${device} ${milliseconds(seconds)} ms`).join(", ");
  const accelerators = best.device === "cpu" ? [] : [acceleratorOf(best.device, null, best.probed)];
  const name = accelerators.map(acceleratorText)[0] ?? "cpu";
  return {
    device: best.device,
    accelerators,
    said: `Device: ${name}, the fastest at a layer of this width${half.precision ? ", in float16" : ""}: ${times}${
      because(passedOver)
    }`,
  };
}

const milliseconds = (seconds: number) => seconds < 0.1 ? (1000 * seconds).toPrecision(2) : Math.round(1000 * seconds);

/** Why `auto` does not take it; null: it may. */
function refusalOf(probed: Probed): string | null {
  if (!probed.usable) return probed.why;
  return probed.adapter.software ? `${probed.adapter.name} computes on the processor` : null;
}
