// What --device may say, and what is chosen for it. Trials are those of tests/fakes/devices.ts.

import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { MisuseError } from "../../harness/base/errors.ts";
import { chooseDevice } from "../../harness/runtime/choose_device.ts";
import { DEVICE_FACTS, DEVICES, parseDevice, parsePrecision, PREFERENCE } from "../../harness/runtime/devices.ts";
import type { ProbeTask } from "../../harness/runtime/probe.ts";
import { proberOf } from "../fakes/devices.ts";

Deno.test("parseDevice() reads devices, indexes, lists and ranges of them", () => {
  equal(parseDevice("auto"), "auto");
  deepEqual(parseDevice("cpu"), { device: "cpu", indexes: [] });
  deepEqual(parseDevice("cuda:1"), { device: "cuda", indexes: [1] });
  deepEqual(parseDevice("cuda:0-3"), { device: "cuda", indexes: [0, 1, 2, 3] });
  deepEqual(parseDevice("dml:0,2"), { device: "dml", indexes: [0, 2] });
  deepEqual(parseDevice("cuda:4,0-1"), { device: "cuda", indexes: [4, 0, 1] });
});

for (
  const [text, pattern] of [
    ["cud", /Cannot use device "cud": the devices are auto, cpu, .* \(did you mean "cuda"\?\)$/],
    ["CUDA:0", /the devices are/],
    ["", /the devices are/],
    ["auto:1", /--device auto:1: auto takes no index, it chooses … write --device auto/],
    ["webgpu:1", /--device webgpu:1: webgpu takes no index, only cuda and dml do … write --device webgpu$/],
    ["cpu:0", /cpu takes no index/],
    ["cuda:", /indexes from 0 to 63, e\.g\. cuda:1 or cuda:0-3/],
    ["cuda:x", /indexes from 0 to 63/],
    ["cuda:-1", /indexes from 0 to 63/],
    ["cuda:1.5", /indexes from 0 to 63/],
    ["cuda:3-1", /indexes from 0 to 63/],
    ["cuda:0-", /indexes from 0 to 63/],
    ["cuda:0-64", /indexes from 0 to 63/],
    ["cuda:0-9999", /indexes from 0 to 63/],
    ["cuda:1:2", /indexes from 0 to 63/],
    ["cuda:0-2,1", /index 1 is named twice/],
  ] as const
) {
  Deno.test(`parseDevice() refuses "${text}"`, () => {
    throws(() => parseDevice(text), (error) => {
      match(error instanceof MisuseError ? error.message : "", pattern);
      return true;
    });
  });
}

Deno.test("every device has its place in the order of preference, and the CPU is the last", () => {
  deepEqual([...PREFERENCE].sort(), [...DEVICES].sort());
  equal(PREFERENCE.at(-1), "cpu");
  equal(DEVICE_FACTS.cpu.platforms, null);
});

const auto = (devices: Parameters<typeof proberOf>[0], platform = "linux-x64", tried: ProbeTask[] = []) =>
  chooseDevice("auto", { probe: proberOf(devices, tried), platform });

Deno.test("chooseDevice() takes the fastest that computes correctly, and says which and why", async () => {
  const chosen = await auto({
    cpu: { seconds: 1 },
    cuda: { name: "NVIDIA H100", seconds: 0.01 },
    webgpu: { seconds: 0.02 },
  });
  deepEqual(chosen, {
    device: "cuda",
    accelerators: [{ provider: "cuda", adapter: "NVIDIA H100", driver: "1.2.3", index: null }],
    said: "Device: cuda (NVIDIA H100, driver 1.2.3), the fastest at a layer of this width: " +
      "cuda 10 ms, webgpu 20 ms, cpu 1000 ms",
  });
  equal((await auto({ cpu: { seconds: 1 }, cuda: { seconds: 0.03 }, webgpu: { seconds: 0.01 } })).device, "webgpu");
  equal((await auto({ cpu: { seconds: 1 }, cuda: { seconds: 0.0101 }, webgpu: { seconds: 0.01 } })).device, "cuda"); // a tie
  const small = await auto({ cpu: { seconds: 0.001 }, cuda: { seconds: 0.002 } });
  deepEqual([small.device, small.accelerators], ["cpu", []]);
});

Deno.test("chooseDevice() passes over wrong numbers and renderers on the processor, and names them", async () => {
  const tried: ProbeTask[] = [];
  const wrong = { why: 'its numbers are wrong: "loss" differs' },
    soft = { name: "llvmpipe", software: true, seconds: 1e-9 };
  const { device, said } = await auto({ cpu: { seconds: 1 }, cuda: wrong, webgpu: soft }, "linux-x64", tried);
  equal(device, "cpu");
  equal(
    said,
    'Device: cpu, no other can be used (cuda: its numbers are wrong: "loss" differs; ' +
      "webgpu: llvmpipe computes on the processor); `deno task doctor --devices` says what would help",
  );
  equal(tried.some(({ timed }) => timed !== null), false); // nothing to compare, so nothing is timed
});

Deno.test("chooseDevice() asks for what the platform could have, at the policy's widths", async () => {
  const asked = async (platform: string) => {
    const tried: ProbeTask[] = [];
    await auto({}, platform, tried);
    return tried.map(({ device }) => device);
  };
  deepEqual(await asked("linux-x64"), ["cuda", "webgpu"]);
  deepEqual(await asked("win32-x64"), ["webgpu", "dml"]);
  deepEqual(await asked("darwin-arm64"), ["webgpu", "coreml"]);
  deepEqual(await asked("linux-arm64"), []);
  const tried: ProbeTask[] = [], model = { hiddenSize: 896, intermediateSize: 4864, vocabSize: 151936 };
  await chooseDevice("auto", { probe: proberOf({ cpu: {}, cuda: {} }, tried), platform: "linux-x64", model });
  deepEqual(
    tried.flatMap(({ timed }) => timed ?? []),
    Array(2).fill({ rows: 512, width: 896, inner: 4864, vocabulary: 8192 }),
  );
});

Deno.test("chooseDevice() for float16 tries devices in it, and names what to choose where none has it", async () => {
  const tried: ProbeTask[] = [], precision = "float16", lacks = { whyHalf: "its driver offers no shader-f16" };
  const probe = proberOf({ cpu: {}, cuda: { name: "A" }, webgpu: lacks }, tried);
  const { device, said } = await chooseDevice("auto", { probe, precision, platform: "linux-x64" });
  deepEqual([device, tried.every((task) => task.precision === "float16")], ["cuda", true]);
  match(said!, /in float16: cuda 10 ms \(webgpu: its driver offers no shader-f16\)$/);
  const named = await chooseDevice(parseDevice("cuda"), { probe, precision });
  equal(named.said, "Device: cuda (A, driver 1.2.3), in float16");
  const refuse = (text: string, message: string | RegExp, found = probe) =>
    rejects(chooseDevice(parseDevice(text), { probe: found, precision, platform: "linux-x64" }), {
      ...{ name: "MisuseError", message },
    });
  await refuse(
    "webgpu",
    "Cannot use --device webgpu --precision float16: its driver offers no shader-f16 … mend webgpu, or choose " +
      "--precision float32",
  );
  await refuse(
    "cuda",
    "Cannot use --device cuda: no driver … mend cuda, or choose --device cpu", // float32 would not do either
    proberOf({ cuda: { why: "no driver" } }),
  );
  await refuse("cpu", /--device cpu computes in float32 … choose --device cuda or webgpu .*, or --precision float32$/);
  await refuse(
    "auto",
    /no device has it \(cuda: it is not there; webgpu: its driver .*\) … /,
    proberOf({ webgpu: lacks }),
  );
  deepEqual([parsePrecision(), parsePrecision("float16")], ["float32", "float16"]);
  throws(() => parsePrecision("float1"), { name: "MisuseError", message: /float32 or float16/ });
});

Deno.test("chooseDevice() tries each index that is named, and never replaces a device", async () => {
  const tried: ProbeTask[] = [], probe = proberOf({ cpu: {}, cuda: { name: "A", count: 2 } }, tried);
  const { device, accelerators } = await chooseDevice(parseDevice("cuda:1,0"), { probe });
  deepEqual([device, accelerators.map(({ index }) => index)], ["cuda", [1, 0]]);
  await rejects(chooseDevice(parseDevice("cuda:0-2"), { probe }), {
    name: "MisuseError",
    message: "Cannot use --device cuda:2: the machine has no device of this index … mend cuda, or choose --device cpu",
  });
  await rejects(chooseDevice(parseDevice("coreml"), { probe }), {
    name: "MisuseError",
    message: /it is not there … mend/,
  });
  tried.length = 0;
  deepEqual(await chooseDevice(parseDevice("cpu"), { probe }), { device: "cpu", accelerators: [], said: null });
  equal(tried.length, 0); // the CPU is not tried
});
