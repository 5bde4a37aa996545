// Ctrl-C: the first asks the work to end, the second ends the program at once.

/** The signals that ask a program to end, with their exit codes (128 + number). */
const EXIT_CODES: Partial<Record<Deno.Signal, number>> = Deno.build.os === "windows"
  ? { SIGINT: 130, SIGBREAK: 130 }
  : { SIGINT: 130, SIGTERM: 143 };

/**
 * Runs `work` with a signal that aborts on Ctrl-C.
 * @returns its result, and the exit code of the interruption if there was one.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
): Promise<{ readonly result: T; readonly exitCode: number | null }> {
  const controller = new AbortController();
  let exitCode: number | null = null;
  const handlers = Object.entries(EXIT_CODES).map(([name, code]) => {
    const handle = () => {
      if (exitCode !== null) Deno.exit(code);
      exitCode = code;
      controller.abort();
    };
    return { name: name as Deno.Signal, handle }; // Object.entries forgets the key's type
  });
  for (const { name, handle } of handlers) Deno.addSignalListener(name, handle);
  try {
    return { result: await work(controller.signal), exitCode };
  } finally {
    for (const { name, handle } of handlers) Deno.removeSignalListener(name, handle);
  }
}
