// What a user may call a thing of theirs, an arm or a task: names become folders, columns and parts of lists.

import { MisuseError } from "./errors.ts";

/** @param kind "arm", "task". @throws MisuseError unless it is letters, digits and + - . _ after a letter or digit */
export function checkName(kind: string, name: unknown): void {
  if (typeof name !== "string" || name === "") {
    const found = JSON.stringify(name) ?? "missing";
    throw new MisuseError(`Cannot define the ${kind}: its name is ${found}, must be a text such as "my-${kind}"`);
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$/.test(name)) {
    throw new MisuseError(
      `Cannot define ${kind} ${JSON.stringify(name)}: a name must be up to 64 letters, digits and + - . _, ` +
        "the first a letter or digit",
    );
  }
}
