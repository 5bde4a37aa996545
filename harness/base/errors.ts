// The two errors that reach a user as one sentence. Everything else that is thrown is a defect and keeps its stack.
// Grammar: "Cannot <action>: <what stands> … <what to do>"; capital, no period, quoted strings.

/** The command, a flag, a key or a value was wrong: nothing was started. Exit code 2. */
export class MisuseError extends Error {
  override name = "MisuseError";
}

/** Something failed at run time: a file, the disk, the numbers. What was finished stays. Exit code 1. */
export class FailureError extends Error {
  override name = "FailureError";
}
