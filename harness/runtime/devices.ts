// The devices as data: which ONNX Runtime provider each is, on which platforms its package has it, what it needs, how to
// get that, and by which lowering its graphs run. Names such as "cuda:1" are read here. Whether a device is really there
// and computes correctly is another question (probe.ts); nothing here loads onnxruntime-node.
//
// Platforms: bin/ of onnxruntime-node 1.30.0, and its script/install-metadata.js for CUDA.

import { type Device, DEVICES, type Precision, PRECISIONS } from "../base/device_names.ts";
import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import type { Target } from "../graph/lower.ts";

export { type Device, DEVICES } from "../base/device_names.ts";

/** What is known of a device before it is asked. */
export interface DeviceFacts {
  readonly title: string;
  /** Its name among ONNX Runtime's execution providers, and in the logs that say where a node is placed. */
  readonly provider: string;
  readonly placement: string;
  /** "os-arch" as Node names them; null: everywhere. */
  readonly platforms: readonly string[] | null;
  readonly needs: string;
  /** What to do where it is not there. */
  readonly remedy: string;
  /** The lowering table of its graphs. */
  readonly target: Target;
  /** A machine may have several, told apart by an index. */
  readonly indexed: boolean;
}

/** What lays the libraries of CUDA beside ONNX Runtime's own. */
const CUDA_LIBRARIES =
  "install its libraries with `deno install --allow-scripts=npm:onnxruntime-node`, or take those of " +
  "PyPI's onnxruntime-gpu wheel of the same version: `deno task doctor --enable-cuda FOLDER|WHEEL`";

export const DEVICE_FACTS: Readonly<Record<Device, DeviceFacts>> = {
  cpu: {
    title: "processor",
    provider: "cpu",
    placement: "CPUExecutionProvider",
    platforms: null,
    needs: "nothing",
    remedy: "install the packages again with `deno install`",
    target: "cpu",
    indexed: false,
  },
  webgpu: {
    title: "WebGPU (Vulkan, Direct3D 12 or Metal)",
    provider: "webgpu",
    placement: "WebGpuExecutionProvider",
    platforms: ["linux-x64", "win32-x64", "win32-arm64", "darwin-arm64"],
    needs: "a graphics driver; on Linux its Vulkan part and the Vulkan loader (libvulkan.so.1)",
    remedy: "install a Vulkan loader and driver (Debian: libvulkan1 and the GPU maker's Vulkan driver)",
    target: "webgpu",
    indexed: false,
  },
  cuda: {
    title: "NVIDIA CUDA",
    provider: "cuda",
    placement: "CUDAExecutionProvider",
    platforms: ["linux-x64"],
    needs: "an NVIDIA driver, ONNX Runtime's CUDA libraries, and the CUDA runtime with cuBLAS, cuRAND and cuDNN 9",
    remedy: CUDA_LIBRARIES,
    target: "cuda",
    indexed: true,
  },
  dml: {
    title: "DirectML",
    provider: "dml",
    placement: "DmlExecutionProvider",
    platforms: ["win32-x64", "win32-arm64"],
    needs: "Windows with a Direct3D 12 driver",
    remedy: "install the GPU maker's driver for Direct3D 12",
    target: "plain",
    indexed: true,
  },
  coreml: {
    title: "Apple CoreML",
    provider: "coreml",
    placement: "CoreMLExecutionProvider",
    platforms: ["darwin-arm64"],
    needs: "macOS on Apple silicon",
    remedy: "choose --device webgpu, which runs on Metal",
    target: "plain",
    indexed: false,
  },
};

/**
 * The order in which `--device auto` asks, and prefers where two take about as long. CUDA first: its kernels reach most
 * of a card, and sum in float32. WebGPU before DirectML and CoreML: its lowering is our own and tested, theirs is
 * the plain reference; CoreML, last, may compute in half precision, which the check of its numbers then refuses. The CPU
 * needs no check: it is what the others are checked against.
 */
export const PREFERENCE: readonly Device[] = ["cuda", "webgpu", "dml", "coreml", "cpu"];

/** A machine's kind, as DEVICE_FACTS names it. */
export const platformOf = (os: string, arch: string): string => `${os}-${arch}`;

/** Whether ONNX Runtime's package has the device on such a machine. */
export function isOffered(device: Device, platform: string): boolean {
  return DEVICE_FACTS[device].platforms?.includes(platform) ?? true;
}

/** Why such a machine cannot have a device that it is not offered, and what to do: no driver mends that. */
export const elsewhere = (device: Device, platform: string): { readonly why: string; readonly remedy: string } => ({
  why: `ONNX Runtime's package has it for ${DEVICE_FACTS[device].platforms?.join(", ")}, and this is ${platform}`,
  remedy: "choose one that `deno task doctor --devices` calls usable",
});

/** What --device asks for; `indexes` is empty where none was named. */
export type AskedDevice = "auto" | { readonly device: Device; readonly indexes: readonly number[] };

/** More cards than any machine has: a range beyond is a slip. */
const MOST_INDEXES = 64;

/**
 * Reads "auto", "cpu", "cuda:1", "cuda:0-3" or "cuda:0,2".
 * @throws MisuseError for an unknown device, an index of one that has none, or what is no list of indexes
 */
export function parseDevice(text: string): AskedDevice {
  if (text === "auto") return text;
  const [name = "", list, ...rest] = text.split(":"), device = DEVICES.find((one) => one === name);
  const wrong = (why: string) => new MisuseError(`Cannot use --device ${text}: ${why}`);
  if (name === "auto") throw wrong("auto takes no index, it chooses … write --device auto, or name the device");
  if (!device) {
    const names = ["auto", ...DEVICES];
    throw new MisuseError(`Cannot use device "${name}": the devices are ${names.join(", ")}${suggest(name, names)}`);
  }
  if (list === undefined) return { device, indexes: [] };
  if (!DEVICE_FACTS[device].indexed) {
    const indexed = DEVICES.filter((one) => DEVICE_FACTS[one].indexed).join(" and ");
    throw wrong(`${device} takes no index, only ${indexed} do … write --device ${device}`);
  }
  const indexes = rest.length > 0 ? [] : list.split(",").flatMap(rangeOf);
  if (indexes.length === 0 || indexes.some((index) => !(index < MOST_INDEXES))) {
    throw wrong(
      `what follows the colon must be indexes from 0 to ${MOST_INDEXES - 1}, e.g. ${device}:1 or ${device}:0-3`,
    );
  }
  const twice = indexes.find((index, i) => indexes.indexOf(index) !== i);
  if (twice !== undefined) throw wrong(`index ${twice} is named twice … name each once`);
  return { device, indexes };
}

/** "2" or "0-3"; NaN for anything else. */
function rangeOf(part: string): number[] {
  const [, from, to = from] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? [], length = Number(to) - Number(from) + 1;
  return length > 0 ? Array.from({ length }, (_, i) => Number(from) + i) : [NaN];
}

/** What --precision names. @throws MisuseError for what it does not */
export function parsePrecision(text = "float32"): Precision {
  const found = PRECISIONS.find((precision) => precision === text);
  if (found) return found;
  throw new MisuseError(
    `Cannot use --precision ${text}: it must be ${PRECISIONS.join(" or ")}${suggest(text, PRECISIONS)}`,
  );
}
