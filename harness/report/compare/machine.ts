// On what a cell ran, as far as it decides bits: where these are equal a rerun gives the same bytes, elsewhere floats may
// differ in their last places.

import type { CellRecord } from "../../records/schema.ts";

/** "AMD EPYC x64 (avx avx2 fma), cpu, onnxruntime 1.30.0"; what is unknown says so. */
export function machineText({ environment }: CellRecord): string {
  if (!environment) return "an unknown machine";
  const { cpu, vectors, arch, device, onnxruntime } = environment;
  return `${cpu} ${arch}${vectors ? ` (${vectors.join(" ")})` : ""}, ${device}, onnxruntime ${onnxruntime}`;
}

/** Whether both ran on the same kind of machine. */
export function sameMachine(a: CellRecord, b: CellRecord): boolean {
  return a.environment !== null && b.environment !== null && machineText(a) === machineText(b);
}
