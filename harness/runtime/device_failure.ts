// What devices say when they fail while they run, told apart: no memory left, which smaller passes mend, or the device
// gone, which nothing here does. Providers have no codes for it that reach onnxruntime-node, only texts: those of Dawn
// (WebGPU), of ONNX Runtime's CUDA allocator and of CUDA, and of Direct3D.

import { FailureError } from "../base/errors.ts";
import type { Device } from "../base/device_names.ts";

/** A run needs more memory than the device has left, or a tensor more than it takes. */
export class OutOfDeviceMemory extends FailureError {
  override name = "OutOfDeviceMemory";

  /** @param what without what to do about it */
  constructor(readonly what: string, remedy = "choose a smaller model, or --device cpu") {
    super(`${what} … ${remedy}`);
  }
}

const NO_MEMORY = [
  /out[ _]of[ _](device[ _]|host[ _])?memory/i,
  /Failed to allocate memory for requested buffer/,
  /exceeds the max (storage )?buffer (binding )?size/i,
  /Invalid Buffer.* is invalid due to a previous error/s, // Dawn: it could not be made
  /Too many storage buffers in shader/, // a tensor is cut into too many, see cut_tensors.ts
];

const LOST = [
  /device (is|was|has been) (lost|removed|hung)/i,
  /DEVICE_LOST|DXGI_ERROR_DEVICE_(REMOVED|HUNG|RESET)|887A000[567]/,
  /CUDA failure \d+: (an illegal memory access|unspecified launch failure|the launch timed out|uncorrectable)/,
  /GPU (is lost|has fallen off the bus)/i,
];

/** The failure that a provider's message tells of; null where it is none of the device. */
export function deviceFailure(device: Device, message: string): FailureError | null {
  if (device === "cpu") return null;
  const said = message.split("\n")[0]!.replace(/^.*Status Message: /, "").replace(/^\S*\.cc:\d+ /, "").slice(0, 300);
  if (LOST.some((text) => text.test(message))) {
    return new FailureError(
      `Cannot go on: the device ${device} was lost (${said}) … the same command goes on from the last checkpoint; where ` +
        "it happens again, see what the driver logs, or choose --device cpu",
    );
  }
  if (!NO_MEMORY.some((text) => text.test(message))) return null;
  return new OutOfDeviceMemory(`Cannot run on ${device}: it has not the memory (${said})`);
}
