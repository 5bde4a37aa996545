// WebGPU against the CPU on a software Vulkan driver (SwiftShader, from Debian's `chromium` package). What is proven is
// that the graphs hold no assumption about the CPU; speed on a real GPU is another matter.

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import type { Report } from "./webgpu_child.ts";

const DRIVER = process.env.VK_DRIVER_FILES ?? "/usr/lib/chromium/vk_swiftshader_icd.json";
const there = process.platform === "linux" && existsSync(DRIVER);

Deno.test({
  name: `training and sampling on WebGPU agree with the CPU${
    there ? "" : ` (skipped: there is no Vulkan driver at ${DRIVER})`
  }`,
  ignore: !there,
  fn: async () => {
    const child = join(import.meta.dirname!, "webgpu_child.ts");
    const { stdout } = await promisify(execFile)(Deno.execPath(), ["run", "-A", "--no-check", child], {
      // The Vulkan loader lies beside Chromium's driver where the system has none.
      env: { ...process.env, VK_DRIVER_FILES: DRIVER, LD_LIBRARY_PATH: dirname(DRIVER) },
    });
    const { errors, tokens, intact } = JSON.parse(stdout.trim().split("\n").at(-1)!) as Report;
    for (const [name, error] of Object.entries(errors)) ok(error <= 1e-4, `${name} is off by ${error}`);
    strictEqual(Object.keys(errors).filter((name) => name.startsWith("gradient.")).length, 18);
    deepStrictEqual(tokens.webgpu, tokens.cpu);
    ok(intact, "a run must not write to the weights");
  },
});
