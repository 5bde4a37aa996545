// What ONNX Runtime, its provider libraries and drivers say when a device cannot be had, as a reason and a remedy. The
// patterns are of ONNX Runtime 1.30.0, glibc's loader, CUDA and Dawn; what none knows is told as it is.

import { type Device, DEVICE_FACTS } from "./devices.ts";

interface Complaint {
  readonly device: Device;
  readonly pattern: RegExp;
  /** From what the pattern caught. */
  readonly why: (caught: string) => string;
  readonly remedy: string;
}

const CUDA_RUNTIME = "install the CUDA runtime of the version that ends its name, with cuBLAS, cuRAND and cuDNN 9: " +
  "NVIDIA's packages, or PyPI's (of CUDA 13: nvidia-cuda-runtime, nvidia-cublas, nvidia-curand, nvidia-cudnn-cu13), their folders in LD_LIBRARY_PATH";
const CUDA_DRIVER = "install NVIDIA's driver and see that `nvidia-smi` lists the card";

const CUDA_UPDATE = "update NVIDIA's driver, or install ONNX Runtime's libraries for an older CUDA";

/** What libraries and drivers say, in the order in which it is looked for. */
const COMPLAINTS: readonly Complaint[] = [
  {
    device: "cuda",
    pattern: /error: (?:\S*\/)?(libonnxruntime_providers_\w+\.so): cannot open shared object/,
    why: (file) => `ONNX Runtime's ${file} is not installed`,
    remedy: DEVICE_FACTS.cuda.remedy,
  },
  {
    device: "cuda",
    pattern: /(libcuda\.so[.\d]*): cannot open shared object/,
    why: (file) => `there is no NVIDIA driver (${file} is missing)`,
    remedy: CUDA_DRIVER,
  },
  {
    device: "cuda",
    pattern: /([^\s/]+\.so[.\d]*): cannot open shared object/,
    why: (file) => `the library ${file} is missing`,
    remedy: CUDA_RUNTIME,
  },
  {
    device: "cuda",
    pattern: /([^\s/]+\.so[.\d]*: (?:file too short|invalid ELF header|wrong ELF class\S*))/,
    why: (what) => `a library is damaged (${what})`,
    remedy: `install it again; if it is ONNX Runtime's, ${DEVICE_FACTS.cuda.remedy}`,
  },
  {
    device: "cuda",
    pattern: /(?:load symbol|load library) (\S*cudnn\S*)/i,
    why: (what) => `cuDNN 9 is missing (${what})`,
    remedy: CUDA_RUNTIME,
  },
  {
    device: "cuda",
    pattern: /undefined symbol: (cu[A-Z]\w+)/,
    why: (symbol) => `the NVIDIA driver is older than the CUDA libraries (it has no ${symbol})`,
    remedy: CUDA_UPDATE,
  },
  {
    device: "cuda",
    pattern: /(undefined symbol: \S+|version `\S+' not found)/,
    why: (what) => `its libraries do not fit each other (${what})`,
    remedy: `take those of this ONNX Runtime's version: ${DEVICE_FACTS.cuda.remedy}`,
  },
  {
    device: "cuda",
    pattern: /CUDA driver version is insufficient/i,
    why: () => "the NVIDIA driver is older than the CUDA libraries",
    remedy: CUDA_UPDATE,
  },
  {
    device: "cuda",
    pattern: /invalid device ordinal/i,
    why: () => "the machine has no device of this index",
    remedy: "choose one that `nvidia-smi -L` lists",
  },
  {
    device: "cuda",
    pattern: /no CUDA-capable device|CUDA failure 100\b|cudaErrorNoDevice/i,
    why: () => "there is no NVIDIA GPU that CUDA sees",
    remedy: CUDA_DRIVER,
  },
  {
    device: "cuda",
    pattern: /no kernel image is available/i,
    why: () => "ONNX Runtime's CUDA libraries have no kernels for this GPU",
    remedy: "choose --device webgpu, or libraries of another CUDA version",
  },
  {
    device: "cuda",
    pattern: /(out of memory)/i,
    why: () => "the device has no memory left",
    remedy: "end what else runs there, or choose another index",
  },
  {
    device: "webgpu",
    pattern: /Couldn't load Vulkan: (\S+): cannot open/,
    why: (file) => `there is no Vulkan loader (${file} is missing)`,
    remedy: DEVICE_FACTS.webgpu.remedy,
  },
  {
    device: "webgpu",
    pattern: /Failed to get a WebGPU adapter: ?([^\n]*)/,
    why: (what) => `no adapter was found or accepted (${what.trim() || "no reason was given"})`,
    remedy: "install or update the Vulkan driver of the GPU; `vulkaninfo --summary` lists what the loader sees",
  },
  {
    device: "webgpu",
    pattern: /requires f16 but the device does not support it/,
    why: () => "its driver offers no shader-f16",
    remedy: "update the GPU's driver",
  },
  {
    device: "dml",
    pattern: /(DXGI_ERROR\w*|887A\w{4}|No hardware adapter)/i,
    why: (what) => `Direct3D refuses the device (${what})`,
    remedy: "choose an index that exists, or update the GPU's driver",
  },
];

/** What a device's libraries said, in words; `why` is null where nobody knows. */
export function explain(
  device: Device,
  index: number | null,
  said: string,
): { readonly why: string | null; readonly remedy: string } {
  for (const { device: whose, pattern, why, remedy } of COMPLAINTS) {
    const caught = whose === device ? pattern.exec(said) : null;
    if (caught) return { why: why(caught[1] ?? ""), remedy };
  }
  const place = index === null ? "" : ` or another index than ${index}`;
  return { why: null, remedy: `${DEVICE_FACTS[device].remedy}${place}` };
}
