// What `doctor` says of this machine's devices: which are there, which compute correctly, what is missing and how to get
// it; where the operators of the graphs run; and how CUDA's libraries come in. Trials are harness/runtime/probe.ts.

import { availableParallelism, cpus } from "node:os";
import process from "node:process";
import { MisuseError } from "../base/errors.ts";
import { findPolicy } from "../experiment/policies.ts";
import { GRAPHS, type OpCounts, type Placement, placementOf } from "../rl/placement.ts";
import type { Adapter } from "../runtime/adapter.ts";
import {
  type AskedDevice,
  type Device,
  DEVICE_FACTS,
  DEVICES,
  elsewhere,
  isOffered,
  parseDevice,
  platformOf,
  PREFERENCE,
} from "../runtime/devices.ts";
import { enableCuda as enableCudaFrom, missingLibraries, runtimeHome } from "../runtime/enable_cuda.ts";
import { type Probed, probeDevice, type Prober } from "../runtime/probe.ts";
import { fetchProgress } from "./fetch_progress.ts";
import { alignColumns } from "./format.ts";

/** A device as it was found. */
export interface FoundDevice {
  readonly device: Device;
  /** Which of several; null where it takes no index. */
  readonly index: number | null;
  /** Whether ONNX Runtime's package has it for this platform. */
  readonly offered: boolean;
  readonly probed: Probed;
  /** The trial in float16; null for the CPU, which has none, and where the first failed. */
  readonly half: Probed | null;
}

/** Flags of `doctor` that are about devices. */
export interface DeviceFlags {
  readonly devices?: boolean;
  readonly device?: string;
  readonly ops?: boolean;
  readonly enableCuda?: string;
  /** Whose graphs `--ops` lists; false with --no-policy. */
  readonly policy: string | false;
  readonly json?: boolean;
}

type Print = (text: string) => void;

/** More are not looked for. */
const MOST = 16;

/** `doctor` with flags that are about devices. @param task that was named besides, which is a mistake */
export async function lookAtDevices(task: string | undefined, flags: DeviceFlags, probe?: Prober): Promise<number> {
  const { devices, device, ops, enableCuda, json, policy } = flags, print = json ? console.error : console.log;
  const modes = Object.entries({ "--devices": devices, "--ops": ops, "--enable-cuda": enableCuda })
    .flatMap(([flag, value]) => value === undefined ? [] : [flag]);
  if (device !== undefined && !ops) modes.push("--device"); // with --ops it says on which
  const [flag, other = task && `task ${task}`] = modes;
  if (other !== undefined) throw new MisuseError(`Cannot use ${flag} with ${other}: they ask for different things`);
  if (ops) {
    if (policy === false) throw new MisuseError("Cannot use --ops with --no-policy: the graphs are a policy's");
    const [chosen, index] = await deviceForOps(device, probe);
    const { folder } = await findPolicy(policy, { report: fetchProgress() });
    const placements = [];
    for (const graph of GRAPHS) placements.push(await placementOf({ graph, device: chosen, index, policy: folder }));
    showPlacements(chosen, placements, print);
    if (json) console.log(JSON.stringify({ device: chosen, index, placements }));
    return 0;
  }
  if (enableCuda !== undefined) {
    const home = await runtimeHome(), written = await enableCudaFrom(enableCuda, home);
    for (const path of written) print(`Laid down ${path}`);
    const missing = await missingLibraries(home);
    if (missing && missing.length > 0) print(`It needs what this machine lacks: ${missing.join(", ")}`);
    print("");
  }
  const wanted = enableCuda !== undefined ? "cuda" : device,
    asked = wanted === undefined ? "auto" : parseDevice(wanted);
  const found = asked === "auto" ? await findDevices(probe) : await findAsked(asked, probe);
  showDevices(found, print);
  const ok = asked === "auto" || found.every(({ probed }) => probed.usable);
  if (json) console.log(JSON.stringify({ ok, devices: found }));
  return ok ? 0 : 1;
}

/** Tries every device, and of one that takes an index each, until there is no further one. */
export async function findDevices(probe: Prober = probeDevice, platform = thisPlatform()): Promise<FoundDevice[]> {
  const found = await Promise.all(DEVICES.map(async (device): Promise<FoundDevice[]> => {
    if (!isOffered(device, platform)) {
      const probed: Probed = { usable: false, ...elsewhere(device, platform) };
      return [{ device, index: null, offered: false, probed, half: null }];
    }
    if (device === "cpu") return [processor()];
    return await findEach(device, DEVICE_FACTS[device].indexed ? 0 : null, probe);
  }));
  return found.flat();
}

function processor(): FoundDevice {
  const adapter = { name: cpus()[0]?.model ?? null, driver: null, software: false };
  const probed: Probed = { usable: true, adapter, error: 0, seconds: null };
  return { device: "cpu", index: null, offered: true, probed, half: null };
}

/** A device in both precisions. */
async function tryBoth(
  device: Device,
  index: number | null,
  probe: Prober,
): Promise<Pick<FoundDevice, "probed" | "half">> {
  const task = { device, index, threads: availableParallelism(), timed: null }, probed = await probe(task);
  return { probed, half: probed.usable ? await probe({ ...task, precision: "float16" }) : null };
}

/** Tries the device that was named, at each index that was. */
export async function findAsked(
  asked: Exclude<AskedDevice, "auto">,
  probe: Prober = probeDevice,
): Promise<FoundDevice[]> {
  const { device, indexes } = asked, offered = isOffered(device, thisPlatform());
  if (device === "cpu") return [processor()];
  const found: FoundDevice[] = [];
  for (const index of indexes.length === 0 ? [null] : indexes) {
    found.push({ device, index, offered, ...await tryBoth(device, index, probe) });
  }
  return found;
}

async function findEach(device: Device, first: number | null, probe: Prober): Promise<FoundDevice[]> {
  const found: FoundDevice[] = [];
  for (let index = first; found.length < MOST; index++) {
    const { probed, half } = await tryBoth(device, index, probe);
    if (!probed.usable && found.length > 0) break;
    found.push({ device, index: probed.usable ? index : null, offered: true, probed, half });
    if (index === null || !probed.usable) break;
  }
  return found;
}

const thisPlatform = () => platformOf(process.platform, process.arch);

/** The table, and below it what would make more of it usable. */
export function showDevices(found: readonly FoundDevice[], print: Print): void {
  const rows = found.map(({ device, index, offered, probed, half }) => {
    const name = index === null ? device : `${device}:${index}`;
    if (!probed.usable) return [name, offered ? "no" : "elsewhere", probed.why];
    const float16 = half === null ? "" : half.usable ? "; float16 too" : `; no float16: ${half.why}`;
    return [name, "usable", adapterText(probed.adapter) + float16];
  });
  print(alignColumns([["device", "", "found"], [], ...rows], 3));
  const mended = found.flatMap(({ device, offered, probed }) =>
    offered && !probed.usable ? [`  ${device}: ${probed.remedy}`] : []
  );
  if (mended.length > 0) print(`\nWhat would help:\n${mended.join("\n")}`);
}

function adapterText({ name, driver, software }: Adapter): string {
  const known = [name ?? "unnamed", driver && `driver ${driver}`].filter(Boolean).join(", ");
  return `${known}${software ? ": computes on the processor, for tests; auto never takes it" : ""}`;
}

/** The device that was named, or the first usable one beside the processor. */
export async function deviceForOps(
  text: string | undefined,
  probe: Prober = probeDevice,
): Promise<[Device, number | null]> {
  const asked: AskedDevice = text === undefined ? "auto" : parseDevice(text);
  const wanted = asked === "auto" ? PREFERENCE.filter((one) => one !== "cpu") : [asked.device];
  const index = asked === "auto" ? null : asked.indexes[0] ?? null, refused: string[] = [];
  for (const device of wanted) {
    if (device === "cpu") return [device, null];
    const probed = await probe({ device, index, threads: availableParallelism(), timed: null });
    if (probed.usable) return [device, index];
    const told = asked !== "auto" || isOffered(device, thisPlatform());
    if (told) refused.push(`${device}: ${probed.why} … ${probed.remedy}`);
  }
  const why = refused.join("; ") || "there is none for this platform … use another machine";
  throw new MisuseError(`Cannot list the operators of a device: ${why}, or choose --device cpu`);
}

/** Each graph's operators by where they run. */
export function showPlacements(device: Device, placements: readonly Placement[], print: Print): void {
  const total = (ops: OpCounts) => Object.values(ops).reduce((sum, n) => sum + n, 0);
  const head = ["graph", "nodes", `on ${device}`, "fallen back", "copies"];
  const rows = placements.map(({ graph, nodes, device, cpu, copies }) => [
    ...[graph, `${nodes}`, `${total(device)}`, `${total(cpu)}`, `${copies}`],
  ]);
  print(alignColumns([head, [], ...rows]));
  for (const { graph, device: own, cpu } of placements) {
    print(`\n${graph}, on ${device}: ${opsText(own)}`);
    if (total(cpu) > 0) print(`${graph}, fallen back to the CPU: ${opsText(cpu)}`);
  }
}

/** "Mul 36, Add 21": the most frequent first. */
function opsText(ops: OpCounts): string {
  const sorted = Object.entries(ops).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return sorted.map(([op, n]) => `${op} ${n}`).join(", ") || "nothing";
}
