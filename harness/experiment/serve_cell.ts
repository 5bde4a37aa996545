// The life of a cell's process: read the spec, run, say what became of it, end. Standard output carries events alone;
// whatever else wants to print goes to standard error. A terminal's Ctrl-C reaches this process too, and is left to the
// parent, who ends it by SIGTERM: so the record of a cell never depends on which of the two heard it first.

import { text } from "node:stream/consumers";
import process from "node:process";
import { FailureError, MisuseError } from "../base/errors.ts";
import type { CellEvent } from "../contract.ts";
import { type CellSpec, cellSpecSchema } from "./protocol.ts";

/** Runs one cell as this process's whole purpose, and exits. */
export async function serveCell(
  run: (spec: CellSpec, emit: (event: CellEvent) => void) => Promise<void>,
): Promise<never> {
  Deno.addSignalListener("SIGINT", () => {});
  console.log = console.info = console.debug = console.error;
  try {
    await run(cellSpecSchema.parse(JSON.parse(await text(process.stdin))), emit);
  } catch (error) {
    const expected = error instanceof MisuseError || error instanceof FailureError;
    emit({
      type: "failed",
      message: expected ? error.message : `Cannot finish the cell: ${error instanceof Error ? error : String(error)}`,
      misuse: error instanceof MisuseError,
      stack: error instanceof Error ? error.stack ?? null : null,
    });
  }
  Deno.exit(0); // without waiting for native threads and signal listeners
}

/** Synchronous: native calls block the event loop, and an event must not wait for the next pause. */
function emit(event: CellEvent): void {
  const bytes = new TextEncoder().encode(JSON.stringify(event) + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
