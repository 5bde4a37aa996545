// Software Vulkan drivers that stand in for a GPU: SwiftShader, of Debian's `chromium` package, and llvmpipe, of its
// `mesa-vulkan-drivers`, which has float16. A process chooses its driver when it starts, so WebGPU is tested in processes
// of their own. VK_DRIVER_FILES names another, that of a GPU for example.

import { existsSync } from "node:fs";
import process from "node:process";

/** A Vulkan driver, and how tests reach it. */
export interface Driver {
  readonly name: string;
  /** Why no test can use it; null: it is there. */
  readonly missing: string | null;
  /** It computes in float16. */
  readonly half: boolean;
  /** What a process needs that finds it; Chromium brings a loader too, where the system has none. */
  readonly env: Readonly<Record<string, string>>;
}

/** Mesa before 25 calls llvmpipe's file otherwise, and is refused by ONNX Runtime. */
const FILES = process.env.VK_DRIVER_FILES ? { "VK_DRIVER_FILES": process.env.VK_DRIVER_FILES } : {
  "SwiftShader": "/usr/lib/chromium/vk_swiftshader_icd.json",
  "llvmpipe": "/usr/share/vulkan/icd.d/lvp_icd.json",
};

export const DRIVERS: readonly Driver[] = Object.entries(FILES).map(([name, file]) => ({
  name,
  missing: process.platform === "linux" && existsSync(file) ? null : `there is no Vulkan driver at ${file}`,
  half: !/swiftshader/.test(file),
  env: { VK_DRIVER_FILES: file, LD_LIBRARY_PATH: "/usr/lib/chromium" },
}));

/** What a test on WebGPU is called, and whether it can run. */
export const onDriver = (title: string, { name, missing }: Driver): { name: string; ignore: boolean } => ({
  name: `${title}, on ${name}${missing === null ? "" : ` (skipped: ${missing})`}`,
  ignore: missing !== null,
});
