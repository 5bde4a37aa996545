// The software Vulkan driver that stands in for a GPU: SwiftShader, from Debian's `chromium` package. A process chooses its
// driver when it starts, so WebGPU is tested in processes of their own.

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";

const DRIVER = process.env.VK_DRIVER_FILES ?? "/usr/lib/chromium/vk_swiftshader_icd.json";

export const hasVulkan = process.platform === "linux" && existsSync(DRIVER);

/** What follows a test's name where it cannot run. */
export const NEEDS_VULKAN = hasVulkan ? "" : ` (skipped: there is no Vulkan driver at ${DRIVER})`;

/** What a process needs that finds the driver; the loader lies beside Chromium's where the system has none. */
export const vulkan = { VK_DRIVER_FILES: DRIVER, LD_LIBRARY_PATH: dirname(DRIVER) };
