// Reading ONNX Runtime's log of where nodes are placed; the lines are those of 1.30.0.

import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Placement, readPlacement } from "../../harness/rl/placement.ts";
import { DRIVERS, onDriver } from "../vulkan.ts";

const line = (text: string) =>
  `2026-01-02 07:33:49.1 [V:onnxruntime:, session_state.cc:1385 VerifyEachNodeIsAssignedToAnEp] ${text}\n`;
const decode = { graph: "decode", device: "webgpu" } as const;

Deno.test("readPlacement() counts operators by where they are, and the copies between", () => {
  const log = "something else\n" + line("Node placements") +
    line(" Node(s) placed on [WebGpuExecutionProvider]. Number of nodes: 4") +
    line("  Mul ()") + line("  Gemm (a name)") + line("  Mul ()") + line("  MemcpyFromHost (Memcpy)") +
    line(" Node(s) placed on [CPUExecutionProvider]. Number of nodes: 2") + line("  Loop ()") + line("  Reshape ()") +
    "2026 [W:onnxruntime:, session_state.cc:1397 VerifyEachNodeIsAssignedToAnEp] Some nodes were not assigned\n";
  const expected = { graph: "decode", nodes: 5, device: { Mul: 2, Gemm: 1 }, cpu: { Loop: 1, Reshape: 1 }, copies: 1 };
  deepEqual(readPlacement(decode, {}, log), expected);
});

Deno.test("readPlacement() takes the graph's operators where all are on the device, or all on the CPU", () => {
  const all = (provider: string) => line(` All nodes placed on [${provider}]. Number of nodes: 3`), ops = { Mul: 3 };
  const expected = { graph: "decode", nodes: 3, device: ops, cpu: {}, copies: 0 };
  deepEqual(readPlacement(decode, ops, all("WebGpuExecutionProvider")), expected);
  deepEqual(readPlacement({ ...decode, device: "cpu" }, ops, all("CPUExecutionProvider")), expected);
  const fallen = readPlacement(decode, ops, all("CPUExecutionProvider"));
  deepEqual([fallen.device, fallen.cpu, fallen.nodes], [{}, ops, 3]);
});

Deno.test("readPlacement() refuses a log that does not say", () => {
  throws(() => readPlacement(decode, {}, "nothing of it"), { name: "FailureError", message: /log does not say/ });
});

for (const driver of DRIVERS) {
  Deno.test(onDriver("doctor --ops finds most of the training graph on WebGPU", driver), async () => {
    const main = join(import.meta.dirname!, "..", "..", "harness", "cli", "main.ts");
    const { stdout } = await promisify(execFile)(
      Deno.execPath(),
      ["run", "-A", "--no-check", main, "doctor", "--ops", "--device", "webgpu", "--json"],
      { env: { ...process.env, ...driver.env } },
    );
    const { device, placements }: { device: string; placements: Placement[] } = JSON.parse(stdout.trim());
    equal(device, "webgpu");
    const train = placements.find(({ graph }) => graph === "train")!;
    const fallen = Object.values(train.cpu).reduce((sum, n) => sum + n, 0);
    ok(train.nodes > 500 && fallen <= 0.02 * train.nodes, `${fallen} of ${train.nodes} fell back`);
    equal(Object.hasOwn(train.cpu, "Gemm") || Object.hasOwn(train.cpu, "MatMul"), false);
  });
}
