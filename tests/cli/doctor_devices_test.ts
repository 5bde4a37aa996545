// `doctor` on machines with other devices than this one; on this one, what needs no GPU.

import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../harness/cli/main.ts";
import { findDevices } from "../../harness/cli/doctor_devices.ts";
import { proberOf } from "../fakes/devices.ts";

type Devices = Parameters<typeof proberOf>[0];

async function doctor(devices: Devices | null, ...args: string[]) {
  const { log, error } = console, printed = { stdout: "", stderr: "" };
  console.log = (text: unknown) => printed.stdout += `${text}\n`;
  console.error = (text: unknown) => printed.stderr += `${text}\n`;
  try {
    return { code: await main(["doctor", ...args], devices ? { probe: proberOf(devices) } : {}), ...printed };
  } finally {
    Object.assign(console, { log, error });
  }
}

Deno.test("doctor without a task shows the devices first; with one it does not look at them", async () => {
  const few = ["--no-policy", "--items", "4"], webgpu = { name: "SwiftShader", software: true };
  const { code, stdout } = await doctor({ webgpu }, ...few);
  equal(code, 0, stdout);
  match(stdout, /^device +found\n[^]*\ncpu +usable +\S[^]*\n\ncheck +found\n/);
  equal((await doctor({}, "arithmetic", ...few)).stdout.startsWith("check"), true);
});

Deno.test("findDevices() tries each index until there is no further one, and only what the platform could have", async () => {
  const devices = { cuda: { name: "A", count: 3 }, webgpu: { why: "there is no Vulkan loader" } };
  const found = await findDevices(proberOf(devices), "linux-x64");
  const told = found.map(({ device, index, offered, probed, half }) => [
    ...[device, index, offered, probed.usable, half?.usable ?? null],
  ]);
  deepEqual(told, [
    ["cpu", null, true, true, null],
    ["webgpu", null, true, false, null],
    ["cuda", 0, true, true, true],
    ["cuda", 1, true, true, true],
    ["cuda", 2, true, true, true],
    ["dml", null, false, false, null],
    ["coreml", null, false, false, null],
  ]);
});

const linux = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

Deno.test({
  name: "doctor --devices names what is usable, what is wrong and the remedy; exit code 0",
  ignore: !linux,
  fn: async () => {
    const soft = { name: "SwiftShader Device (Subzero)", software: true };
    const { code, stdout } = await doctor({ webgpu: soft, cuda: { why: "no driver" } }, "--devices");
    equal(code, 0);
    match(
      stdout,
      /^webgpu +usable +SwiftShader Device \(Subzero\), driver 1\.2\.3: computes on the processor, for tests/m,
    );
    match(stdout, /^cuda +no +no driver$/m);
    match(stdout, /^dml +elsewhere +ONNX Runtime's package has it for win32-x64/m);
    match(stdout, /^What would help:\n {2}cuda: mend cuda$/m);
    match(stdout, /^webgpu .* auto never takes it; float16 too$/m);
    match(
      (await doctor({ webgpu: { whyHalf: "no shader-f16" } }, "--devices")).stdout,
      /; no float16: no shader-f16$/m,
    );
    const json = await doctor({ cuda: { name: "A", count: 1 } }, "--devices", "--json");
    const { ok, devices } = JSON.parse(json.stdout);
    equal(ok, true);
    equal(devices.find(({ device }: { device: string }) => device === "cuda").probed.adapter.name, "A");
  },
});

Deno.test("doctor --device looks at one device, exit code 1 where it cannot be used", async () => {
  const good = await doctor({ cuda: { name: "A", count: 2 } }, "--device", "cuda:0-1");
  equal(good.code, 0);
  match(good.stdout, /^cuda:0 +usable +A, driver 1\.2\.3; float16 too\ncuda:1 +usable/m);
  const bad = await doctor({ cuda: { count: 1 } }, "--device", "cuda:1");
  equal(bad.code, 1);
  doesNotMatch(bad.stdout, /^cpu/m);
});

Deno.test("doctor refuses what does not go together, unknown devices, and files that are none, with exit code 2", async () => {
  const cases: [readonly string[], RegExp][] = [
    [["arithmetic", "--devices"], /Cannot use --devices with task arithmetic/],
    [["--devices", "--ops"], /Cannot use --devices with --ops/],
    [["--enable-cuda", "x", "--device", "cuda"], /Cannot use --enable-cuda with --device/],
    [["--ops", "--no-policy"], /--ops with --no-policy/],
    [["--device", "cudaa"], /did you mean "cuda"/],
    [["--device", "webgpu:1"], /webgpu takes no index/],
    [
      ["--ops", "--device", "cuda"],
      /Cannot list the operators of a device: cuda: it is not there … mend cuda, or choose --device cpu$/m,
    ],
    [["--enable-cuda", join("no", "such")], linux ? /there is no such file or folder/ : /Cannot enable CUDA on/],
  ];
  for (const [args, pattern] of cases) {
    const { code, stderr } = await doctor({}, ...args);
    equal(code, 2, args.join(" "));
    match(stderr, pattern);
    doesNotMatch(stderr, /^\s+at /m);
  }
});

Deno.test("doctor --ops lists the operators of all graphs", async () => {
  const { code, stdout } = await doctor(null, "--ops", "--device", "cpu");
  equal(code, 0);
  for (const graph of ["prefill", "decode", "train", "update"]) {
    match(stdout, new RegExp(`^${graph} +(\\d+) +\\1 +0 +0$`, "m"));
    match(stdout, new RegExp(`^${graph}, on cpu: .*\\b\\w+ \\d+`, "m"));
  }
});
