// One worker process from spawn to end: the spec goes in, checked events come out, everything else that it prints is
// kept as its log. It is ended when the signal aborts or when the reader of its events throws.

import type { CellEvent } from "../contract.ts";
import { cellEventSchema, type CellSpec } from "./protocol.ts";

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number;
  /** The signal that killed it, or null. */
  readonly signal: string | null;
  /** The last part of what it printed beside events. */
  readonly log: string;
}

/** Characters of a log that are kept. */
const LOG_LENGTH = 32_768;
/** A worker that does not heed SIGTERM for this long is killed. */
const PATIENCE_MS = 1000;

/**
 * Runs the program `worker` on one cell until it ends.
 * @throws whatever `onEvent` throws, and Error for output that looks like an event and is none
 */
export async function runWorker(
  worker: URL,
  spec: CellSpec,
  signal: AbortSignal,
  onEvent: (event: CellEvent) => void,
): Promise<WorkerEnd> {
  const args = ["run", "--allow-all", "--quiet", worker.href];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  let log = "";
  const keep = (text: string) => log = (log + text).slice(-LOG_LENGTH);

  const killer = new AbortController();
  const stop = () => {
    kill(child, "SIGTERM");
    const timer = setTimeout(() => kill(child, "SIGKILL"), PATIENCE_MS);
    killer.signal.addEventListener("abort", () => clearTimeout(timer));
  };
  signal.addEventListener("abort", stop, { signal: killer.signal });
  if (signal.aborted) stop();

  try {
    const stderr = (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) keep(text);
    })();
    await send(child.stdin, JSON.stringify(spec) + "\n");
    for await (const line of lines(child.stdout)) {
      if (line.startsWith('{"type":')) onEvent(parseEvent(line));
      else keep(line + "\n"); // native libraries print where they like
    }
    await stderr;
    const { code, signal } = await child.status;
    return { code, signal, log };
  } finally {
    kill(child, "SIGKILL");
    await child.status;
    killer.abort();
  }
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended already.
  }
}

async function send(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It ended before it read; how it ended says more than a broken pipe.
  }
}

/** Whole lines; an unfinished last one is a write that death cut short, and dropped. */
async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

function parseEvent(line: string): CellEvent {
  const result = cellEventSchema.safeParse(JSON.parse(line));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`Cannot read an event of the cell's process: ${issue?.path.join(".")}: ${issue?.message}`);
}
