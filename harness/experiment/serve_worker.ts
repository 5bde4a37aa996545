// The life of a worker's process, which does one cell, or what comes before the cells, or an evaluation: read the spec,
// take the folder if it has one of its own, run, say what became of it, end. Standard output carries events alone; whatever else wants to print goes to standard
// error. A terminal's Ctrl-C reaches this process too, and is left to the parent, who asks it to stop: so the record of a
// cell never depends on which of the two heard it first. Without its parent there is nobody to write a record, and it
// ends at once.

import process from "node:process";
import { createInterface } from "node:readline";
import { FailureError, MisuseError } from "../base/errors.ts";
import type { CellEvent } from "../contract.ts";
import { clearTemporaries, holderOf, lockFolder } from "./folder_lock.ts";
import type { Shape } from "./protocol.ts";

/** How long a cell waits for the process of a killed experiment, which may be deaf in a native call, to end. */
const PATIENCE_MS = 60_000;

/** What a worker is told, as far as it matters here. */
interface WorkerSpec {
  readonly task: string;
  /** Where it writes; left out of one that writes nothing. */
  readonly folder?: string;
  readonly checkpoints?: { readonly folder: string } | null;
}

/** What every worker may say. */
type CommonEvent = Extract<CellEvent, { type: "phase" | "failed" }>;

/**
 * Does one piece of work as this process's whole purpose, and exits. `stop` asks it to end with the update in flight.
 * @param noun what it does, for messages
 */
export async function serveWorker<Spec extends WorkerSpec, Event extends { readonly type: string }>(
  schema: Shape<Spec>,
  run: (spec: Spec, emit: (event: Event) => void, stop: AbortSignal) => Promise<void>,
  noun = "the cell",
): Promise<never> {
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => {});
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", () => stop.signal.aborted ? Deno.exit(143) : stop.abort());
  }
  console.log = console.info = console.debug = console.error;
  try {
    const spec = schema.parse(JSON.parse(await heedParent(stop)));
    if (spec.folder !== undefined) await takeFolder(spec.folder);
    if (spec.checkpoints) clearTemporaries(spec.checkpoints.folder);
    await run(spec, emit<Event>, stop.signal);
  } catch (error) {
    const expected = error instanceof MisuseError || error instanceof FailureError;
    emit<CommonEvent>({
      type: "failed",
      message: expected ? error.message : `Cannot finish ${noun}: ${error instanceof Error ? error : String(error)}`,
      misuse: error instanceof MisuseError,
      stack: error instanceof Error ? error.stack ?? null : null,
    });
  }
  Deno.exit(0); // without waiting for native threads and signal listeners
}

/** The first line of standard input. What comes later is heeded until the process ends. */
function heedParent(stop: AbortController): Promise<string> {
  const input = createInterface({ input: process.stdin });
  return new Promise((resolve) => {
    input.once("line", (spec) => {
      resolve(spec);
      input.on("line", (line) => line === "stop" && stop.abort());
    });
    input.once("close", () => Deno.exit(1));
  });
}

async function takeFolder(folder: string): Promise<void> {
  const start = performance.now();
  while (!lockFolder(folder)) { // held until the process ends
    if (performance.now() - start > PATIENCE_MS) {
      throw new FailureError(
        `Cannot start the cell: ${holderOf(folder)} of an earlier run still writes to "${folder}" … end that process`,
      );
    }
    emit<CommonEvent>({ type: "phase", phase: `waiting for ${holderOf(folder)} of an earlier run to end` });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Synchronous: native calls block the event loop, and an event must not wait for the next pause. */
function emit<Event>(event: Event): void {
  const bytes = new TextEncoder().encode(JSON.stringify(event) + "\n");
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  } catch {
    Deno.exit(1); // the parent is gone
  }
}
