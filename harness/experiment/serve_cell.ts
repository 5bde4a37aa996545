// The life of a cell's process: that of any worker (serve_process.ts), which takes the cell's folder first.

import { FailureError } from "../base/errors.ts";
import type { CellEvent } from "../contract.ts";
import { clearTemporaries, holderOf, lockFolder } from "./folder_lock.ts";
import { type CellSpec, cellSpecSchema } from "./protocol.ts";
import { serveProcess } from "./serve_process.ts";

/** How long a cell waits for the process of a killed experiment, which may be deaf in a native call, to end. */
const PATIENCE_MS = 60_000;

type Emit = (event: CellEvent) => void;

/** Runs one cell as this process's whole purpose, and exits. `stop` asks it to end with the update in flight. */
export function serveCell(run: (spec: CellSpec, emit: Emit, stop: AbortSignal) => Promise<void>): Promise<never> {
  return serveProcess("the cell", cellSpecSchema, async (spec, emit: Emit, stop) => {
    await takeFolder(spec.folder, emit);
    if (spec.checkpoints) clearTemporaries(spec.checkpoints.folder);
    await run(spec, emit, stop);
  });
}

async function takeFolder(folder: string, emit: Emit): Promise<void> {
  const start = performance.now();
  while (!lockFolder(folder)) { // held until the process ends
    if (performance.now() - start > PATIENCE_MS) {
      throw new FailureError(
        `Cannot start the cell: ${holderOf(folder)} of an earlier run still writes to "${folder}" … end that process`,
      );
    }
    emit({ type: "phase", phase: `waiting for ${holderOf(folder)} of an earlier run to end` });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
