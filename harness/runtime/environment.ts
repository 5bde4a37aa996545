// Where a cell runs: versions, machine, commit. Stands beside the hashed part of a record, never in it.

import os from "node:os";
import { readFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import process from "node:process";
import type { Precision } from "../base/device_names.ts";
import type { Accelerator, Environment } from "../contract.ts";
import manifest from "../../deno.json" with { type: "json" };
import { type Device, runtimeVersion } from "./session.ts";

/** Output of a git command in this checkout; null where there is none. */
async function git(...args: readonly string[]): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)("git", [...args], { cwd: import.meta.dirname });
    return stdout.trim();
  } catch {
    return null; // an archive of the source has no history, and a machine may have no git
  }
}

/** Those by which ONNX Runtime chooses kernels; the model's name says little where a virtual machine hides it. */
const VECTORS = [
  "avx",
  "avx2",
  "fma",
  "avx_vnni",
  "avx512f",
  "avx512_vnni",
  "avx512_bf16",
  "amx_int8",
  "asimddp",
  "sve",
];

async function vectorExtensions(): Promise<string[] | null> {
  try {
    const line = /^(?:flags|Features)\s*: (.*)$/m.exec(await readFile("/proc/cpuinfo", "utf8"))?.[1];
    return line === undefined ? null : VECTORS.filter((name) => line.split(" ").includes(name));
  } catch {
    return null; // not Linux
  }
}

/**
 * The environment of this process.
 * @param accelerator what computes, where it is not the processor
 * @param precision what it computes in
 */
export async function environment(
  device: Device,
  threads: number,
  accelerator?: Accelerator,
  precision: Precision = "float32",
): Promise<Environment> {
  const status = await git("status", "--porcelain", "--untracked-files=no");
  return {
    matchbox: manifest.version,
    deno: Deno.version.deno,
    onnxruntime: runtimeVersion,
    os: `${os.type()} ${os.release()}`,
    arch: os.arch(),
    cpu: os.cpus()[0]?.model ?? "unknown",
    vectors: await vectorExtensions(),
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    device,
    ...(accelerator ? { accelerator, precision } : {}),
    threads,
    gitCommit: await git("rev-parse", "HEAD"),
    gitDirty: status === null ? null : status !== "",
  };
}

/** Largest resident memory of this process so far, in bytes. */
export async function peakMemoryBytes(): Promise<number> {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile("/proc/self/status", "utf8"));
    if (peak) return Number(peak[1]) * 1024;
  } catch {
    // not Linux: below
  }
  return process.resourceUsage().maxRSS * 1024;
}
