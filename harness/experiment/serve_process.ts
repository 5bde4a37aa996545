// The life of a worker process: read the spec, run, say what became of it, end. Standard output carries events alone;
// whatever else wants to print goes to standard error. A terminal's Ctrl-C reaches this process too, and is left to the
// parent, who asks it to stop: so what is recorded never depends on which of the two heard it first. Without its parent
// there is nobody to write a record, and it ends at once.

import process from "node:process";
import { createInterface } from "node:readline";
import { FailureError, MisuseError } from "../base/errors.ts";

/** What every worker says when it fails. */
interface Failed {
  readonly type: "failed";
  readonly message: string;
  readonly misuse: boolean;
  readonly stack: string | null;
}

/**
 * Runs one piece of work as this process's whole purpose, and exits. `stop` asks it to come to an end.
 * @param noun what the work is, for messages
 * @param specs reads the spec
 */
export async function serveProcess<Spec, Event extends object>(
  noun: string,
  specs: { parse(value: unknown): Spec },
  run: (spec: Spec, emit: (event: Event) => void, stop: AbortSignal) => Promise<void>,
): Promise<never> {
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => {});
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", () => stop.signal.aborted ? Deno.exit(143) : stop.abort());
  }
  console.log = console.info = console.debug = console.error;
  try {
    await run(specs.parse(JSON.parse(await heedParent(stop))), emit, stop.signal);
  } catch (error) {
    const expected = error instanceof MisuseError || error instanceof FailureError;
    const failed: Failed = {
      type: "failed",
      message: expected ? error.message : `Cannot finish ${noun}: ${error instanceof Error ? error : String(error)}`,
      misuse: error instanceof MisuseError,
      stack: error instanceof Error ? error.stack ?? null : null,
    };
    emit(failed);
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

/** Synchronous: native calls block the event loop, and an event must not wait for the next pause. */
function emit(event: object): void {
  const bytes = new TextEncoder().encode(JSON.stringify(event) + "\n");
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  } catch {
    Deno.exit(1); // the parent is gone
  }
}
