// Ctrl-C: the first asks the work to come to a good end, the second ends it at once, the third ends the program.

/** The signals that ask a program to end, with their exit codes (128 + number). */
const EXIT_CODES: Partial<Record<Deno.Signal, number>> = Deno.build.os === "windows"
  ? { SIGINT: 130, SIGBREAK: 130 }
  : { SIGINT: 130, SIGTERM: 143 };

/**
 * Runs `work` with two signals: `stop` aborts on the first Ctrl-C, `kill` on the second.
 * @param said what to do once it was asked to end, e.g. say so
 * @returns its result, and the exit code of the interruption if there was one.
 */
export async function interruptible<T>(
  work: (stop: AbortSignal, kill: AbortSignal) => Promise<T>,
  said: () => void,
): Promise<{ readonly result: T; readonly exitCode: number | null }> {
  const stop = new AbortController(), kill = new AbortController();
  let exitCode: number | null = null;
  const handlers = Object.entries(EXIT_CODES).map(([name, code]) => {
    const handle = () => {
      if (kill.signal.aborted) Deno.exit(code);
      if (stop.signal.aborted) return kill.abort();
      exitCode = code;
      stop.abort();
      said();
    };
    return { name: name as Deno.Signal, handle }; // Object.entries forgets the key's type
  });
  for (const { name, handle } of handlers) Deno.addSignalListener(name, handle);
  try {
    return { result: await work(stop.signal, kill.signal), exitCode };
  } finally {
    for (const { name, handle } of handlers) Deno.removeSignalListener(name, handle);
  }
}
