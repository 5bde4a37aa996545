// WebGPU against the CPU on a software Vulkan driver. What is proven is that the graphs hold no assumption about the CPU,
// and that what stays on the device is what the host would have; speed on a real GPU is another matter.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { hasVulkan, NEEDS_VULKAN, vulkan } from "../vulkan.ts";
import type { Report } from "./webgpu_child.ts";

Deno.test({
  name: `training and sampling on WebGPU agree with the CPU, and running out of memory is told${NEEDS_VULKAN}`,
  ignore: !hasVulkan,
  fn: async () => {
    const child = join(import.meta.dirname!, "webgpu_child.ts");
    const { stdout } = await promisify(execFile)(Deno.execPath(), ["run", "-A", "--no-check", child], {
      env: { ...process.env, ...vulkan },
    });
    const { errors, tokens, intact, outOfMemory, afterwards, outlived } = JSON.parse(
      stdout.trim().split("\n").at(-1)!,
    ) as Report;
    for (const [name, error] of Object.entries(errors)) ok(error <= 1e-4, `${name} is off by ${error}`);
    strictEqual(Object.keys(errors).filter((name) => name.startsWith("gradient.")).length, 18);
    strictEqual(Object.keys(errors).filter((name) => /after update 3$/.test(name)).length, 4);
    deepStrictEqual(tokens.webgpu, tokens.cpu);
    ok(intact, "a run must not write to the weights");
    match(
      outOfMemory,
      /^OutOfDeviceMemory: Cannot run on webgpu: it has not the memory \(.*\) … choose a smaller model/,
    );
    strictEqual(afterwards, 2048, "the device must go on");
    ok(Math.abs(outlived - Math.E) < 1e-5, `a tensor must outlive its session, and not be ${outlived}`);
  },
});
