// The name and driver of a device, and what it takes, from whoever tells: nvidia-smi for CUDA, Deno's own WebGPU for
// WebGPU. Both look at the machine beside ONNX Runtime, so that where they could mean another card than it does, nothing
// is said. Renderers on the processor are told by their names.

import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import type { Device } from "./devices.ts";

/** What is known of the device that computes. */
export interface Adapter {
  readonly name: string | null;
  readonly driver: string | null;
  /** It is a program on the processor. */
  readonly software: boolean;
}

const UNKNOWN: Adapter = { name: null, driver: null, software: false };
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render/i;

/** @param index which of several; null: the first */
export async function findAdapter(device: Device, index: number | null): Promise<Adapter> {
  if (device === "cuda") return await nvidia(index ?? 0);
  return device === "webgpu" ? await webgpu() : UNKNOWN;
}

async function nvidia(index: number): Promise<Adapter> {
  const query = ["--query-gpu=index,uuid,driver_version,name", "--format=csv,noheader"];
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", query, { timeout: 10_000 });
    return nvidiaAdapter(stdout, index, process.env);
  } catch {
    return UNKNOWN; // it comes with the driver, but need not be on the path
  }
}

/**
 * The card that CUDA calls `index`, among the lines "index, uuid, driver, name" of nvidia-smi. CUDA leaves out what
 * CUDA_VISIBLE_DEVICES does not name, and puts the fastest first unless CUDA_DEVICE_ORDER says otherwise.
 */
export function nvidiaAdapter(
  lines: string,
  index: number,
  { CUDA_VISIBLE_DEVICES: visible, CUDA_DEVICE_ORDER: order }: Readonly<Record<string, string | undefined>>,
): Adapter {
  const cards = lines.split("\n").flatMap((line) => {
    const [number, uuid, driver, ...name] = line.split(",").map((field) => field.trim());
    return number && uuid && driver ? [{ number, uuid, driver, name: name.join(", ") }] : [];
  });
  const seen = visible === undefined ? cards : visible.split(",").flatMap((wanted) => {
    const card = cards.find(({ number, uuid }) => number === wanted.trim() || uuid === wanted.trim());
    return card ? [card] : [];
  });
  const card = seen[index];
  if (!card) return UNKNOWN;
  const alike = new Set(seen.map(({ name }) => name)).size === 1;
  return { name: alike || order === "PCI_BUS_ID" ? card.name : null, driver: card.driver, software: false };
}

const requestAdapter = () => navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });

async function webgpu(): Promise<Adapter> {
  const info = (await requestAdapter())?.info;
  if (!info) return UNKNOWN;
  const name = info.description || [info.vendor, info.device].filter(Boolean).join(" ");
  return { name: name || null, driver: null, software: info.isFallbackAdapter || SOFTWARE.test(name) };
}

/** Bytes that WebGPU's driver binds of a buffer at once; null: nobody tells. */
export async function bindingBytes(): Promise<number | null> {
  return (await requestAdapter())?.limits.maxStorageBufferBindingSize ?? null;
}
