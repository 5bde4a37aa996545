// What the end of a trial means, and what ONNX Runtime and drivers say when something is missing. The messages are theirs.

import { deepEqual, equal, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { nvidiaAdapter } from "../../harness/runtime/adapter.ts";
import type { Device } from "../../harness/runtime/devices.ts";
import { explain } from "../../harness/runtime/explain.ts";
import { judge, probeDevice, type ProbeEnd, type ProbeFact, type ProbeTask } from "../../harness/runtime/probe.ts";
import { probeGraph, probeTokens, SMALL } from "../../harness/runtime/probe_graph.ts";
import { floats, LocalRuntime } from "../../harness/runtime/session.ts";
import { DRIVERS, onDriver } from "../vulkan.ts";

const cuda: ProbeTask = { device: "cuda", index: null, threads: 1, timed: null };
const end = (facts: readonly ProbeFact[], more: Partial<ProbeEnd> = {}): ProbeEnd => ({
  facts,
  said: "",
  code: 0,
  hung: false,
  ...more,
});
const right: ProbeFact = { type: "numbers", output: "loss", error: 1e-6 };

Deno.test("judge() trusts a device whose numbers are the CPU's, and names what is known of it", () => {
  const adapter = { name: "NVIDIA H100", driver: "580.65", software: false };
  deepEqual(judge(cuda, end([right, { type: "adapter", ...adapter }])), {
    usable: true,
    adapter,
    error: 1e-6,
    seconds: null,
  });
  const unknown = { name: null, driver: null, software: false };
  deepEqual(judge(cuda, end([right], { code: null })), { usable: true, adapter: unknown, error: 1e-6, seconds: null }); // crashed later
});

for (
  const [name, facts, more, pattern] of [
    [
      "wrong numbers",
      [{ type: "numbers", output: "gradient.table", error: 0.25 }],
      {},
      /numbers are wrong: "gradient\.table" differs from the CPU's by 0\.25 of its largest value, and 0\.01 /,
    ],
    ["numbers that are none", [{ type: "numbers", output: "loss", error: Number.MAX_VALUE }], {}, /beyond all measure/],
    ["a driver that hangs", [], { code: null, hung: true }, /gave no answer within 90 s/],
    [
      "a driver that crashes",
      [],
      { code: null, said: "fatal error: nvml\n" },
      /its driver crashed after "fatal error: nvml"/,
    ],
    ["an unknown end", [], { code: 1 }, /ended with exit code 1 without saying why/],
  ] as const
) {
  Deno.test(`judge() refuses ${name}`, () => {
    const judged = judge(cuda, end(facts, more));
    match(judged.usable ? "" : judged.why, pattern);
    match(judged.usable ? "" : judged.remedy, /\S/);
  });
}

Deno.test("judge() takes for rounding what float16 rounds, and what TF32 rounds on CUDA alone", () => {
  const off = (error: number) => end([{ type: "numbers", output: "loss", error }]);
  strictEqual(judge({ ...cuda, device: "webgpu" }, off(0.0009)).usable, true);
  strictEqual(judge({ ...cuda, device: "webgpu" }, off(0.002)).usable, false);
  strictEqual(judge(cuda, off(0.002)).usable, true);
  strictEqual(judge(cuda, off(0.012)).usable, false);
  strictEqual(judge({ ...cuda, precision: "float16" }, off(0.01)).usable, true);
  strictEqual(judge({ ...cuda, precision: "float16" }, off(0.03)).usable, false);
});

Deno.test("judge() refuses a device that is lost while it is timed", () => {
  const timed = { rows: 1, width: 1, inner: 1, vocabulary: 1 };
  strictEqual(judge({ ...cuda, timed }, end([right], { code: null })).usable, false);
  strictEqual(judge({ ...cuda, timed }, end([right, { type: "time", seconds: 1 }])).usable, true);
});

const MESSAGES: readonly (readonly [Device, string, RegExp, RegExp])[] = [
  [
    "cuda",
    "Failed to load library /a/libonnxruntime_providers_shared.so with error: /a/libonnxruntime_providers_shared.so: cannot open shared object file: No such file or directory",
    /^ONNX Runtime's libonnxruntime_providers_shared\.so is not installed$/,
    /--enable-cuda/,
  ],
  [
    "cuda",
    "Failed to load library /a/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: No such file or directory",
    /^the library libcublasLt\.so\.13 is missing$/,
    /cuBLAS/,
  ],
  [
    "cuda",
    "Failed to load library /a/libonnxruntime_providers_cuda.so with error: libcuda.so.1: cannot open shared object file: No such file or directory",
    /^there is no NVIDIA driver \(libcuda\.so\.1 is missing\)$/,
    /nvidia-smi/,
  ],
  [
    "cuda",
    "Could not load library libcudnn_graph.so.9. Error: libcudnn_graph.so.9: cannot open shared object file",
    /libcudnn_graph\.so\.9 is missing/,
    /cuDNN 9/,
  ],
  [
    "cuda",
    "Failed to load library /a/libonnxruntime_providers_shared.so with error: /a/libonnxruntime_providers_shared.so: file too short",
    /^a library is damaged \(libonnxruntime_providers_shared\.so: file too short\)$/,
    /^install it again; .*--enable-cuda/,
  ],
  ["cuda", "Invalid handle. Cannot load symbol cudnnCreate", /^cuDNN 9 is missing \(cudnnCreate\)$/, /cuDNN 9/],
  ["cuda", "/a/libonnxruntime_providers_cuda.so: undefined symbol: _ZN3foo", /do not fit each other/, /same version/],
  [
    "cuda",
    "/a/libonnxruntime_providers_cuda.so: undefined symbol: cuTensorMapEncodeTiled",
    /driver is older than the CUDA libraries \(it has no cuTensorMapEncodeTiled\)/,
    /update NVIDIA's driver/,
  ],
  [
    "cuda",
    "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=0",
    /driver is older/,
    /update NVIDIA's driver/,
  ],
  ["cuda", "CUDA failure 101: invalid device ordinal ; GPU=7", /no device of this index/, /nvidia-smi -L/],
  ["cuda", "CUDA failure 100: no CUDA-capable device is detected ; GPU=-1", /no NVIDIA GPU/, /nvidia-smi/],
  [
    "cuda",
    "CUDA failure 209: no kernel image is available for execution on the device",
    /no kernels for this GPU/,
    /webgpu/,
  ],
  ["cuda", "CUDA failure 2: out of memory ; GPU=0", /no memory left/, /another index/],
  [
    "webgpu",
    "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file\nFailed to get a WebGPU adapter: No supported adapters",
    /^there is no Vulkan loader \(libvulkan\.so\.1 is missing\)$/,
    /Vulkan loader and driver/,
  ],
  [
    "webgpu",
    "Failed to get a WebGPU adapter: No supported adapters\n",
    /^no adapter was found or accepted \(No supported adapters\)$/,
    /vulkaninfo/,
  ],
  [
    "webgpu",
    "shader_helper.cc:416 GenerateSourceCode Program Cast requires f16 but the device does not support it.",
    /^its driver offers no shader-f16$/,
    /driver/,
  ],
  ["dml", "DXGI_ERROR_NOT_FOUND", /Direct3D refuses/, /index that exists/],
];

for (const [device, said, why, remedy] of MESSAGES) {
  Deno.test(`explain() understands ${device}'s "${said.slice(0, 60)}"`, () => {
    const found = explain(device, null, said);
    match(found.why ?? "", why);
    match(found.remedy, remedy);
  });
}

Deno.test("explain() knows no reason for what it does not know, and does not mistake one device's words for another's", () => {
  equal(explain("cuda", 1, "something else").why, null);
  match(explain("cuda", 1, "something else").remedy, /another index than 1$/);
  equal(explain("webgpu", null, "CUDA failure 101: invalid device ordinal").why, null);
});

const CARDS = "0, GPU-a, 580.65.06, NVIDIA A100\n1, GPU-b, 580.65.06, NVIDIA T4\n";

for (
  const [what, index, env, name] of [
    ["by index, in the order of the bus", 1, { CUDA_DEVICE_ORDER: "PCI_BUS_ID" }, "NVIDIA T4"],
    ["not where CUDA may have another order", 1, {}, null],
    ["of those that are visible", 0, { CUDA_VISIBLE_DEVICES: "1" }, "NVIDIA T4"],
    ["by its UUID", 0, { CUDA_VISIBLE_DEVICES: "GPU-b" }, "NVIDIA T4"],
  ] as const
) {
  Deno.test(`nvidiaAdapter() names a card ${what}`, () => {
    deepEqual(nvidiaAdapter(CARDS, index, env), { name, driver: "580.65.06", software: false });
  });
}

Deno.test("nvidiaAdapter() names nothing where there is no such card", () => {
  deepEqual(nvidiaAdapter(CARDS, 2, {}), { name: null, driver: null, software: false });
  deepEqual(nvidiaAdapter("No devices were found\n", 0, {}), { name: null, driver: null, software: false });
});

Deno.test("probeGraph() has a gradient that is not zero for every weight, and one number where it is timed", async () => {
  const runtime = new LocalRuntime({ device: "cpu", threads: 1 });
  const feeds = { tokens: { data: probeTokens(SMALL), shape: [SMALL.rows] } };
  const session = await runtime.load(probeGraph(SMALL, { timed: false, attends: true })),
    results = await session.run(feeds);
  const { attention, ...others } = results;
  deepEqual(attention!.shape, [3, 1, 128]);
  deepEqual(Object.keys(others).sort(), [
    "gradient.down",
    "gradient.gate",
    "gradient.norm",
    "gradient.table",
    "gradient.up",
    "loss",
  ]);
  for (const [name, tensor] of Object.entries(results)) {
    const largest = Math.max(...floats(tensor).map(Math.abs));
    ok(largest > 1e-3 && Number.isFinite(largest), `${name}: ${largest}`);
  }
  const timed = await runtime.load(probeGraph(SMALL, { timed: true, attends: false })),
    { check } = await timed.run(feeds);
  deepEqual(check!.shape, []);
  const all = Object.values(others).reduce((sum, tensor) => floats(tensor).reduce((a, b) => a + b, sum), 0);
  ok(Math.abs(floats(check)[0]! - all) < 1e-3 * Math.abs(all) + 1e-3);
  await Promise.all([session.dispose(), timed.dispose()]);
});

Deno.test("probeDevice() refuses what ONNX Runtime's package does not have here, and times the CPU", async () => {
  const elsewhere: Device = process.platform === "darwin" ? "dml" : "coreml";
  const probed = await probeDevice({ device: elsewhere, index: null, threads: 1, timed: null });
  match(probed.usable ? "" : probed.why, /^ONNX Runtime's package has it for \S.*, and this is \S+$/);
  match(probed.usable ? "" : probed.remedy, /^choose one that/); // no driver helps
  const cpu = await probeDevice({ device: "cpu", index: null, threads: 1, timed: SMALL });
  ok(cpu.usable && (cpu.seconds ?? 0) > 0);
});

for (const driver of DRIVERS) {
  Deno.test(onDriver("probeDevice() trusts WebGPU, in float16 too where that is had", driver), async () => {
    // The Vulkan driver is chosen when a process starts, and the trial's process inherits it.
    const probe = new URL("../../harness/runtime/probe.ts", import.meta.url).href;
    const script = `const { probeDevice } = await import("${probe}");
      const task = { device: "webgpu", index: null, threads: 1, timed: null };
      const half = await probeDevice({ ...task, precision: "float16" });
      console.log(JSON.stringify({ ...await probeDevice(task), half }));`;
    const { stdout } = await promisify(execFile)(Deno.execPath(), ["eval", "--no-check", script], {
      cwd: join(import.meta.dirname!, "..", ".."),
      env: { ...process.env, ...driver.env },
    });
    const probed = JSON.parse(stdout.trim().split("\n").at(-1)!);
    strictEqual(probed.usable, true, stdout);
    ok(probed.error <= 1e-4, `off by ${probed.error}`);
    if (driver.half) ok(probed.half.error > 1e-4 && probed.half.error <= 2e-2, stdout);
    else match(probed.half.why, /its driver offers no shader-f16$/);
    if (driver.name === "VK_DRIVER_FILES") return; // it may be that of a GPU
    ok(probed.adapter.name.startsWith(driver.name), stdout);
    strictEqual(probed.adapter.software, true);
  });
}
