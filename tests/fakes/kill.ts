// A kill that may come too late: a process that has ended by itself meanwhile is no error.

/** Kills the process and, where `family` says so, the processes that it started. Not for Windows. */
export function kill(child: Deno.ChildProcess, { family = false }: { readonly family?: boolean } = {}): void {
  try {
    if (family) {
      child.kill("SIGSTOP"); // it must not see them die first, and say so
      new Deno.Command("pkill", { args: ["-KILL", "-P", `${child.pid}`] }).outputSync();
    }
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // what Deno throws for a process that has ended
  }
}
