// WebGPU against the CPU on software Vulkan drivers. What is proven is that the graphs hold no assumption about the CPU,
// and that what stays on the device is what the host would have; speed on a real GPU is another matter.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { type Driver, DRIVERS, onDriver } from "../vulkan.ts";
import type { Report } from "./webgpu_child.ts";

/** What the child found. */
async function report({ env }: Driver, precision: "float32" | "float16"): Promise<Report> {
  const child = join(import.meta.dirname!, "webgpu_child.ts");
  const { stdout } = await promisify(execFile)(Deno.execPath(), ["run", "-A", "--no-check", child, precision], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

/** Every number is there, and as close to the CPU's as rounding lets it be. */
function agrees({ errors, tokens, intact }: Report, tolerance: number): void {
  for (const [name, error] of Object.entries(errors)) ok(error <= tolerance, `${name} is off by ${error}`);
  strictEqual(Object.keys(errors).filter((name) => name.startsWith("gradient.")).length, 18);
  strictEqual(Object.keys(errors).filter((name) => /after update 3$/.test(name)).length, 4);
  deepStrictEqual(tokens.webgpu, tokens.cpu);
  ok(intact, "a run must not write to the weights");
}

for (const driver of DRIVERS) {
  const title = "training and sampling on WebGPU agree with the CPU, and running out of memory is told";
  Deno.test(onDriver(title, driver), async () => {
    const found = await report(driver, "float32");
    agrees(found, 1e-4);
    match(
      found.outOfMemory,
      /^OutOfDeviceMemory: Cannot run on webgpu: it has not the memory \(.*\) … choose a smaller model/,
    );
    strictEqual(found.afterwards, 2048, "the device must go on");
    if (typeof found.wide === "number") ok(found.wide < 1e-3, `softmax of a wide tensor is off by ${found.wide}`);
    else match(found.wide, /^OutOfDeviceMemory: Cannot run on webgpu: a tensor is larger than what its driver binds/);
    if (driver.name !== "VK_DRIVER_FILES") strictEqual(typeof found.wide === "number", driver.name === "SwiftShader");
    ok(Math.abs(found.outlived - Math.E) < 1e-5, `a tensor must outlive its session, and not be ${found.outlived}`);
  });

  if (!driver.half) continue;
  Deno.test(onDriver("training and sampling in float16 on WebGPU agree with the CPU's float32", driver), async () => {
    const found = await report(driver, "float16");
    agrees(found, 2e-2);
    for (const [name, error] of Object.entries(found.errors)) {
      if (name.startsWith("gradient.")) ok(error > 1e-4, `${name} is off by ${error}: its products are float32`);
    }
    strictEqual(found.lossScales.length, 2);
    for (const scale of found.lossScales) ok(scale > 1 && scale < 2 ** 30, `the loss scale is ${scale}`);
  });
}
