// On what a cell ran, as far as it decides bits: where these are equal a rerun gives the same bytes, elsewhere floats may
// differ in their last places. On a device other than the processor they may differ from one run to the next: such runs
// are compared statistically, not bit for bit.

import type { Accelerator } from "../../contract.ts";
import type { CellRecord } from "../../records/schema.ts";

/** "AMD EPYC x64 (avx avx2 fma), cpu, onnxruntime 1.30.0"; what is unknown says so. */
export function machineText({ environment }: CellRecord): string {
  if (!environment) return "an unknown machine";
  const { cpu, vectors, arch, device, accelerator, onnxruntime } = environment, on = device + kindOf(accelerator);
  return `${cpu} ${arch}${vectors ? ` (${vectors.join(" ")})` : ""}, ${on}, onnxruntime ${onnxruntime}`;
}

/** Name and driver; which of several equal ones it was decides nothing. */
function kindOf(accelerator: Accelerator | undefined): string {
  const known = [accelerator?.adapter, accelerator?.driver && `driver ${accelerator.driver}`].filter(Boolean).join(
    ", ",
  );
  return known && ` (${known})`;
}

/** Whether a rerun of it need not give the same bits, even on the same machine. */
export function isInexact({ environment }: CellRecord): boolean {
  return environment !== null && environment.device !== "cpu";
}

/** Whether both ran on the same kind of machine. */
export function sameMachine(a: CellRecord, b: CellRecord): boolean {
  return a.environment !== null && b.environment !== null && machineText(a) === machineText(b);
}
