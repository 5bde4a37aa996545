// One worker process from spawn to end: the spec goes in, checked events come out, everything else that it prints is
// kept as its log. It is asked to stop, and killed when it does not heed that or when the reader of its events throws.

import { stripVTControlCharacters } from "node:util";
import type { Shape } from "./protocol.ts";

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number;
  /** The signal that killed it, or null. */
  readonly signal: string | null;
  /** The last part of what it printed beside events. */
  readonly log: string;
}

/** What ends workers before they are done. */
export interface Stops {
  /** Asks them to finish the update in flight and to keep what they have. */
  readonly stop: AbortSignal;
  /** Ends them at once. */
  readonly kill: AbortSignal;
}

/** Characters of a log that are kept. */
const LOG_LENGTH = 32_768;
/** A worker that has not ended so long after it was asked to is killed. */
const PATIENCE_MS = 60_000;

/** A program that is a worker, and what the lines of its standard output must be. */
export interface Worker<Event> {
  readonly program: URL;
  readonly events: Shape<Event>;
}

/**
 * Runs a worker on one piece of work, told by its spec, until it ends.
 * @throws whatever `onEvent` throws, and Error for output that looks like an event and is none
 */
export async function runWorker<Event>(
  { program, events }: Worker<Event>,
  spec: object,
  { stop, kill }: Stops,
  onEvent: (event: Event) => Promise<void>,
): Promise<WorkerEnd> {
  const args = ["run", "--allow-all", "--quiet", program.href];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  let log = "", patience: ReturnType<typeof setTimeout> | undefined;
  const keep = (text: string) => log = (log + text).slice(-LOG_LENGTH);

  // Standard input stays open as long as the worker may live: its end tells the worker that nobody listens any more.
  const input = child.stdin.getWriter();
  const send = (line: string) => input.write(new TextEncoder().encode(line + "\n")).catch(() => {}); // it has ended
  const end = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  const ask = () => {
    send("stop");
    patience ??= setTimeout(end, PATIENCE_MS);
  };
  const over = new AbortController();
  for (const [signal, heed] of [[stop, ask], [kill, end]] as const) {
    signal.addEventListener("abort", heed, { signal: over.signal });
  }

  try {
    const stderr = (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) keep(text);
    })();
    send(JSON.stringify(spec));
    if (stop.aborted) ask();
    if (kill.aborted) end();
    for await (const line of lines(child.stdout)) {
      if (line.startsWith('{"type":')) await onEvent(parseEvent(line, events));
      else keep(line + "\n"); // native libraries print where they like
    }
    await stderr;
    const { code, signal } = await child.status;
    return { code, signal, log };
  } finally {
    end();
    clearTimeout(patience);
    over.abort();
    await child.status;
    await input.abort().catch(() => {});
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

function parseEvent<Event>(line: string, events: Shape<Event>): Event {
  const result = events.safeParse(JSON.parse(line));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`Cannot read an event of a worker's process: ${issue?.path.join(".")}: ${issue?.message}`);
}

/**
 * Why a process that said nothing of its end came to it.
 * @param noun what it was to finish @param remedy against want of memory
 */
export function describeDeath({ code, signal, log }: WorkerEnd, noun: string, remedy: string): string {
  const how = signal ? `its process was killed by ${signal}` : `its process ended with exit code ${code}`;
  const word = stripVTControlCharacters(log).split("\n").findLast((line) => /^\w*error\b/i.test(line));
  const cause = /out of memory|bad_alloc/i.test(log) || signal === "SIGKILL"
    ? `most likely for want of memory … ${remedy}`
    : `${word ? `after "${word}"` : "without saying why"} … look at its last words with --debug`;
  return `Cannot finish ${noun}: ${how}, ${cause}`;
}
