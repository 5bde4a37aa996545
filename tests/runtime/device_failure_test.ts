import { match, ok, strictEqual } from "node:assert/strict";
import { FailureError } from "../../harness/base/errors.ts";
import { deviceFailure, OutOfDeviceMemory } from "../../harness/runtime/device_failure.ts";

const NODE = "Non-zero status code returned while running MatMul node. Name:'' Status Message: ";

Deno.test("deviceFailure() tells a device without memory from one that is lost, by what each provider says", () => {
  for (
    const [device, text] of [
      // seen on SwiftShader
      [
        "webgpu",
        "WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.\n - While",
      ],
      [
        "webgpu",
        "WebGPU validation failed. Buffer size (2147483648) exceeds the max buffer size limit (1073741824).\n",
      ],
      ["webgpu", `${NODE}/src/shader_helper.cc:306 Too many storage buffers in shader. Current: 13, Max is 12`],
      // from the providers' sources
      ["cuda", `${NODE}/src/bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 3221225472`],
      ["cuda", "CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=/src/cuda_allocator.cc"],
    ] as const
  ) {
    const failure = deviceFailure(device, text);
    ok(failure instanceof OutOfDeviceMemory, text);
    match(
      failure.message,
      new RegExp(`^Cannot run on ${device}: it has not the memory \\([^\\n]+\\) … choose a smaller`),
    );
  }
  for (
    const [device, text] of [
      ["webgpu", "Device is lost."],
      ["webgpu", "vkQueueSubmit failed with VK_ERROR_DEVICE_LOST"],
      ["cuda", "CUDA failure 719: unspecified launch failure ; GPU=0"],
      ["dml", `${NODE}/src/x.cc:12 887A0005 The GPU device instance has been suspended.`],
    ] as const
  ) {
    const failure = deviceFailure(device, text);
    ok(failure instanceof FailureError && !(failure instanceof OutOfDeviceMemory), text);
    match(failure.message, new RegExp(`^Cannot go on: the device ${device} was lost .* last checkpoint`));
  }
});

Deno.test("deviceFailure() leaves other errors, and those of the CPU, as they are", () => {
  strictEqual(deviceFailure("webgpu", `${NODE}the shapes do not fit`), null);
  strictEqual(deviceFailure("cpu", "out of memory"), null);
});
